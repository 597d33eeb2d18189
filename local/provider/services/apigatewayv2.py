"""API Gateway HTTP APIs. What listens on this machine is the runner's; the runner's outputs win over these addresses."""

from typing import Any

from local.provider.resource_types.facts import Facts
from local.provider.resource_types.table import Inputs, ResourceType


def _invoke_url(inputs: Inputs, facts: Facts) -> Any:
    """The default stage is reached without its name."""
    stage = "" if inputs.get("name") == "$default" else "{StageName}"
    return facts.resolve("https://{ApiId}.execute-api.{Region}.amazonaws.com/" + stage)


def _by_route(inputs: Inputs) -> Inputs:
    """API Gateway wants a map of settings by route, the resource has a list of settings with their routes."""
    if not inputs.get("routeSettings"):
        return inputs
    settings = {
        each["routeKey"]: {name: value for name, value in each.items() if name != "routeKey"}
        for each in inputs["routeSettings"]
    }
    return {**inputs, "routeSettings": settings}


# Of every regional API in us-east-1; each region has one of its own.
_ZONE = "Z1UJRXOUMOOFQ8"


def _with_target(inputs: Inputs, facts: Facts) -> dict[str, Any]:
    """Where the name would lead. Nobody listens there: on this machine an API has its own address alone."""
    target = facts.resolve("d-{DomainName}.execute-api.{Region}.amazonaws.com")
    return {**inputs["domainNameConfiguration"], "targetDomainName": target, "hostedZoneId": _ZONE}


TYPES = (
    ResourceType(
        "aws:apigatewayv2/api:Api",
        "apigatewayv2.create_api",
        id="{ApiId}",
        unsupported=("body", "failOnWarnings"),
        outputs={
            "arn": "arn:aws:apigateway:{Region}::/apis/{ApiId}",
            "executionArn": "arn:aws:execute-api:{Region}:{Account}:{ApiId}",
        },
    ),
    ResourceType(
        "aws:apigatewayv2/integration:Integration",
        "apigatewayv2.create_integration",
        {"timeoutMilliseconds": "TimeoutInMillis"},
        id="{IntegrationId}",
        unsupported=("responseParameters",),
    ),
    ResourceType(
        "aws:apigatewayv2/route:Route", "apigatewayv2.create_route", id="{RouteId}", unsupported=("requestParameters",)
    ),
    ResourceType(
        "aws:apigatewayv2/stage:Stage",
        "apigatewayv2.create_stage",
        {"name": "StageName"},
        id="{StageName}",
        prepare=_by_route,
        outputs={
            "arn": "arn:aws:apigateway:{Region}::/apis/{ApiId}/stages/{StageName}",
            "executionArn": "arn:aws:execute-api:{Region}:{Account}:{ApiId}/{StageName}",
            "invokeUrl": _invoke_url,
        },
    ),
    ResourceType(
        "aws:apigatewayv2/domainName:DomainName",
        "apigatewayv2.create_domain_name",
        {"domainNameConfiguration.targetDomainName": "ApiGatewayDomainName"},
        id="{DomainName}",
        outputs={
            "arn": "arn:aws:apigateway:{Region}::/domainnames/{DomainName}",
            "domainNameConfiguration": _with_target,
        },
    ),
    ResourceType("aws:apigatewayv2/apiMapping:ApiMapping", "apigatewayv2.create_api_mapping", id="{ApiMappingId}"),
)
