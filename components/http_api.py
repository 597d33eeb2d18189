"""An HTTP API in front of one function: every request goes to it, throttled and logged."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import LOG_RETENTION_DAYS, check, check_choice, check_range
from components.choices import INTEGRATION_TIMEOUT_MS
from components.naming import Naming

# One JSON object a request. Neither the query nor a header is in it: both carry what is nobody's business.
ACCESS_LOG_FORMAT = json.dumps(
    {
        "requestId": "$context.requestId",
        "time": "$context.requestTimeEpoch",
        "sourceIp": "$context.identity.sourceIp",
        "method": "$context.httpMethod",
        "path": "$context.path",
        "status": "$context.status",
        "bytes": "$context.responseLength",
        "latencyMs": "$context.responseLatency",
        "integrationError": "$context.integrationErrorMessage",
    },
    separators=(",", ":"),
)


@dataclass(frozen=True, kw_only=True)
class HttpApiArgs:
    """An API and the function that answers it."""

    naming: Naming
    description: str
    function_name: pulumi.Input[str]
    function_invoke_arn: pulumi.Input[str]
    requests_per_second: int = 50
    burst_requests: int = 100
    """How many may come at once before the rate counts."""
    log_retention_days: int = 30

    def __post_init__(self) -> None:
        check(self, "description", 0 < len(self.description) <= 1024, "must have 1 to 1024 characters")
        check_range(self, "requests_per_second", 1, 10_000)
        check_range(self, "burst_requests", 1, 5_000)
        check_choice(self, "log_retention_days", LOG_RETENTION_DAYS)


class HttpApi(pulumi.ComponentResource):
    """The API with its one route and one stage. The application authorises each request; the gateway passes them on."""

    api_id: pulumi.Output[str]
    url: pulumi.Output[str]
    """Where clients find it, without a slash at the end."""

    def __init__(self, name: str, args: HttpApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:HttpApi", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_api()
        self._create_route()
        self._create_stage()

        self.api_id = self._api.id
        # Known once the stage stands: an API without one answers 404 to everybody.
        self.url = pulumi.Output.all(self._api.api_endpoint, self._stage.id).apply(lambda values: str(values[0]))
        self.register_outputs({"api_id": self.api_id, "url": self.url})

    def _create_api(self) -> None:
        self._api = aws.apigatewayv2.Api(
            f"{self._name}-api",
            name=self._args.naming.physical("api"),
            description=self._args.description,
            protocol_type="HTTP",
            opts=self._child,
        )

    def _create_route(self) -> None:
        integration = aws.apigatewayv2.Integration(
            f"{self._name}-integration",
            api_id=self._api.id,
            integration_type="AWS_PROXY",
            integration_method="POST",
            integration_uri=self._args.function_invoke_arn,
            payload_format_version="2.0",
            timeout_milliseconds=INTEGRATION_TIMEOUT_MS,
            opts=self._child,
        )
        self._route = aws.apigatewayv2.Route(
            f"{self._name}-route",
            api_id=self._api.id,
            route_key="$default",
            authorization_type="NONE",
            target=pulumi.Output.concat("integrations/", integration.id),
            opts=self._child,
        )
        self._permission = aws.lambda_.Permission(
            f"{self._name}-permission",
            action="lambda:InvokeFunction",
            function=self._args.function_name,
            principal="apigateway.amazonaws.com",
            # This API, its one stage and its one route.
            source_arn=pulumi.Output.concat(self._api.execution_arn, "/$default/$default"),
            opts=self._child,
        )

    def _create_stage(self) -> None:
        logs = aws.cloudwatch.LogGroup(
            f"{self._name}-access-log",
            name=f"/aws/apigateway/{self._args.naming.physical('api')}",
            retention_in_days=self._args.log_retention_days,
            opts=self._child,
        )
        self._stage = aws.apigatewayv2.Stage(
            f"{self._name}-stage",
            api_id=self._api.id,
            name="$default",
            auto_deploy=True,
            default_route_settings=aws.apigatewayv2.StageDefaultRouteSettingsArgs(
                throttling_rate_limit=self._args.requests_per_second,
                throttling_burst_limit=self._args.burst_requests,
                detailed_metrics_enabled=True,
            ),
            access_log_settings=aws.apigatewayv2.StageAccessLogSettingsArgs(
                destination_arn=logs.arn, format=ACCESS_LOG_FORMAT
            ),
            # A stage takes requests as soon as it stands, so what they need stands first.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._route, self._permission]),
        )
