"""API Gateway HTTP APIs. What listens on this machine is the runner's; the runner's outputs win over these addresses."""

from typing import Any

from local.provider.facts import Facts
from local.provider.table import Inputs, ResourceType


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
)
