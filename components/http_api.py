"""An API Gateway HTTP API in front of one function: it forwards every request, throttled and logged."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import HOST_NAME, LOG_RETENTION_DAYS, check, check_choice, check_range
from components.choices import INTEGRATION_TIMEOUT_MS
from components.naming import Naming

# One JSON object per request. Query strings and headers are left out: they may hold secrets.
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
    """An API and its function."""

    naming: Naming
    description: str
    function_name: pulumi.Input[str]
    function_qualifier: pulumi.Input[str] | None = None
    """The alias in the invoke ARN; None if it names the function itself."""
    function_invoke_arn: pulumi.Input[str]
    host_name: str | None = None
    """A custom domain name. The default endpoint is disabled then, so that clients cannot bypass what is in front of the name."""
    certificate_arn: pulumi.Input[str] | None = None
    """An ACM certificate for that name, in the API's region; both or neither."""
    requests_per_second: int = 50
    burst_requests: int = 100
    """The burst limit of the throttling."""
    log_retention_days: int = 30
    log_key_arn: pulumi.Input[str] | None = None

    def __post_init__(self) -> None:
        check(self, "description", 0 < len(self.description) <= 1024, "must have 1 to 1024 characters")
        check_range(self, "requests_per_second", 1, 10_000)
        check_range(self, "burst_requests", 1, 5_000)
        check_choice(self, "log_retention_days", LOG_RETENTION_DAYS)
        both = (self.host_name is None) is (self.certificate_arn is None)
        check(self, "certificate_arn", both, "must be given with host_name, and only with it")
        if self.host_name is not None:
            good = len(self.host_name) <= 253 and bool(HOST_NAME.fullmatch(self.host_name))
            check(self, "host_name", good, f"must be a lower-case host name, not {self.host_name!r}")


class HttpApi(pulumi.ComponentResource):
    """The API with its default route and stage. The application authorises requests; the gateway only forwards them."""

    api_id: pulumi.Output[str]
    url: pulumi.Output[str]
    """The URL for clients, without a trailing slash: the custom domain name, or the default endpoint."""
    endpoint: pulumi.Output[str]
    """The default endpoint, disabled if there is a custom domain name."""
    alias_target: pulumi.Output[str] | None
    """The target of an alias record for the custom domain name; None without one."""
    alias_zone_id: pulumi.Output[str] | None
    """The hosted zone id of that target."""

    def __init__(self, name: str, args: HttpApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:HttpApi", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_api()
        self._create_route()
        self._create_stage()
        self.alias_target = self.alias_zone_id = None

        self.api_id = self._api.id
        # Known once the stage exists: an API without one returns 404.
        self.endpoint = pulumi.Output.all(self._api.api_endpoint, self._stage.id).apply(lambda values: str(values[0]))
        self.url = self.endpoint
        if args.host_name is not None and args.certificate_arn is not None:
            self.url = self._create_host_name(args.host_name, args.certificate_arn)
        self.register_outputs({"api_id": self.api_id, "url": self.url})

    def _create_api(self) -> None:
        self._api = aws.apigatewayv2.Api(
            f"{self._name}-api",
            name=self._args.naming.physical("api"),
            description=self._args.description,
            protocol_type="HTTP",
            disable_execute_api_endpoint=None if self._args.host_name is None else True,
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
            qualifier=self._args.function_qualifier,
            principal="apigateway.amazonaws.com",
            # This API, its only stage and its only route.
            source_arn=pulumi.Output.concat(self._api.execution_arn, "/$default/$default"),
            opts=self._child,
        )

    def _create_stage(self) -> None:
        logs = aws.cloudwatch.LogGroup(
            f"{self._name}-access-log",
            name=f"/aws/apigateway/{self._args.naming.physical('api')}",
            retention_in_days=self._args.log_retention_days,
            kms_key_id=self._args.log_key_arn,
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
            # The stage accepts requests as soon as it exists, so the route and the permission come first.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._route, self._permission]),
        )

    def _create_host_name(self, host_name: str, certificate_arn: pulumi.Input[str]) -> pulumi.Output[str]:
        domain = aws.apigatewayv2.DomainName(
            f"{self._name}-host-name",
            domain_name=host_name,
            domain_name_configuration=aws.apigatewayv2.DomainNameDomainNameConfigurationArgs(
                certificate_arn=certificate_arn, endpoint_type="REGIONAL", security_policy="TLS_1_2"
            ),
            opts=self._child,
        )
        mapping = aws.apigatewayv2.ApiMapping(
            f"{self._name}-mapping",
            api_id=self._api.id,
            domain_name=domain.domain_name,
            stage=self._stage.name,
            opts=self._child,
        )
        self.alias_target = domain.domain_name_configuration.target_domain_name
        self.alias_zone_id = domain.domain_name_configuration.hosted_zone_id
        return pulumi.Output.all(domain.domain_name, mapping.id).apply(lambda values: f"https://{values[0]}")
