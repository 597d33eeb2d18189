"""API Gateway HTTP APIs. The runner listens on this machine; its outputs replace the addresses computed here."""

from typing import Any

from local.provider.resource_types.known_values import KnownValues
from local.provider.resource_types.table import Inputs, ResourceType


def _invoke_url(inputs: Inputs, known: KnownValues) -> Any:
    """Return the stage's URL: the path of the default stage is empty."""
    stage = "" if inputs.get("name") == "$default" else "{StageName}"
    return known.resolve("https://{ApiId}.execute-api.{Region}.amazonaws.com/" + stage)


def _index_route_settings(inputs: Inputs) -> Inputs:
    """Convert route settings: API Gateway expects a map by route key, the resource has a list."""
    if not inputs.get("routeSettings"):
        return inputs
    settings = {
        each["routeKey"]: {name: value for name, value in each.items() if name != "routeKey"}
        for each in inputs["routeSettings"]
    }
    return {**inputs, "routeSettings": settings}


# The hosted zone of all regional APIs in us-east-1.
_ZONE_ID = "Z1UJRXOUMOOFQ8"


def _domain_name_configuration(inputs: Inputs, known: KnownValues) -> dict[str, Any]:
    """Add the target of the domain name. Nothing listens there: on this machine an API has only its own address."""
    target = known.resolve("d-{DomainName}.execute-api.{Region}.amazonaws.com")
    return {**inputs["domainNameConfiguration"], "targetDomainName": target, "hostedZoneId": _ZONE_ID}


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
        prepare=_index_route_settings,
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
            "domainNameConfiguration": _domain_name_configuration,
        },
    ),
    ResourceType("aws:apigatewayv2/apiMapping:ApiMapping", "apigatewayv2.create_api_mapping", id="{ApiMappingId}"),
)
