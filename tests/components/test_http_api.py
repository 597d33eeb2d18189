import json
from typing import Any

from components.http_api import HttpApi, HttpApiArgs
from components.naming import Naming

NAMING = Naming("episode-metadata", "dev")


def args(**changes: Any) -> Any:
    return HttpApiArgs(
        **dict[str, Any](
            {
                "naming": NAMING,
                "description": "The API",
                "function_name": "api",
                "function_invoke_arn": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations",
            }
        )
        | changes
    )


NAMED = {"host_name": "api.example.com", "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/1"}
COUNTS = {"Api": 1, "Integration": 1, "Route": 1, "Permission": 1, "LogGroup": 1, "Stage": 1}


class TestRegister:
    def test_every_request_goes_to_the_function(self, register: Any) -> None:
        graph = register(lambda: HttpApi("http", args()))
        assert graph.counts == COUNTS
        api, route = graph.one("Api").inputs, graph.one("Route").inputs
        assert (api["name"], api["protocolType"]) == ("episode-metadata-api-dev", "HTTP")
        integration = dict(graph.one("Integration").inputs)
        assert integration.pop("apiId")
        assert integration == {
            "integrationType": "AWS_PROXY",
            "integrationMethod": "POST",
            "integrationUri": args().function_invoke_arn,
            "payloadFormatVersion": "2.0",
            "timeoutMilliseconds": 30_000,
        }
        assert (route["routeKey"], route["authorizationType"]) == ("$default", "NONE")
        assert route["target"] == f"integrations/{graph.output('http-integration', 'id')}"

    def test_only_this_route_of_this_api_may_invoke(self, register: Any) -> None:
        graph = register(lambda: HttpApi("http", args()))
        permission = graph.one("Permission").inputs
        assert (permission["action"], permission["function"]) == ("lambda:InvokeFunction", "api")
        assert permission["principal"] == "apigateway.amazonaws.com"
        assert permission["sourceArn"].endswith("/$default/$default")
        assert graph.one("Permission").property_dependencies["sourceArn"] == (graph.one("Api").urn,)

    def test_stage_is_throttled_and_logged(self, register: Any) -> None:
        graph = register(lambda: HttpApi("http", args(requests_per_second=7, burst_requests=9, log_retention_days=90)))
        stage = graph.one("Stage").inputs
        assert (stage["name"], stage["autoDeploy"]) == ("$default", True)
        assert stage["defaultRouteSettings"] == {
            "throttlingRateLimit": 7,
            "throttlingBurstLimit": 9,
            "detailedMetricsEnabled": True,
        }
        logged = json.loads(stage["accessLogSettings"]["format"])
        assert {"requestId", "status", "sourceIp"} <= logged.keys()
        assert not [value for value in logged.values() if "authorization" in value.lower() or "query" in value.lower()]
        assert graph.one("LogGroup").inputs == {
            "name": "/aws/apigateway/episode-metadata-api-dev",
            "retentionInDays": 90,
        }
        assert graph.depends("http-stage", "http-route")
        assert graph.depends("http-stage", "http-permission")


class TestAlias:
    def test_only_the_alias_may_be_invoked(self, register: Any) -> None:
        permission = register(lambda: HttpApi("http", args(function_qualifier="live"))).one("Permission").inputs
        assert (permission["function"], permission["qualifier"]) == ("api", "live")


class TestHostName:
    def test_api_is_reached_under_its_name_alone(self, register: Any) -> None:
        seen: dict[Any, Any] = {}

        def make() -> None:
            api = HttpApi("http", args(**NAMED))
            api.url.apply(lambda url: seen.update(url=url))
            api.endpoint.apply(lambda endpoint: seen.update(endpoint=endpoint))

        graph = register(make)
        assert graph.counts == COUNTS | {"DomainName": 1, "ApiMapping": 1}
        assert graph.one("Api").inputs["disableExecuteApiEndpoint"] is True
        assert graph.one("DomainName").inputs == {
            "domainName": "api.example.com",
            "domainNameConfiguration": {
                "certificateArn": NAMED["certificate_arn"],
                "endpointType": "REGIONAL",
                "securityPolicy": "TLS_1_2",
            },
        }
        mapping = dict(graph.one("ApiMapping").inputs)
        assert mapping.pop("apiId")
        assert mapping == {"domainName": "api.example.com", "stage": "$default"}
        assert graph.depends("http-mapping", "http-stage")
        assert seen["url"] == "https://api.example.com"
        assert seen["endpoint"] != seen["url"]

    def test_alias_record_is_told_where_to_lead(self, register: Any) -> None:
        seen: dict[Any, Any] = {}

        def make() -> None:
            api = HttpApi("http", args(**NAMED))
            api.alias_target.apply(lambda target: seen.update(target=target))
            api.alias_zone_id.apply(lambda zone: seen.update(zone=zone))

        register(make)
        assert seen["target"].endswith(".execute-api.us-east-1.amazonaws.com")
        assert seen["zone"]

    def test_without_one_the_api_answers_at_its_own_address(self, register: Any) -> None:
        apis = []
        graph = register(lambda: apis.append(HttpApi("http", args())))
        assert "disableExecuteApiEndpoint" not in graph.one("Api").inputs
        (api,) = apis
        assert (api.url, api.alias_target, api.alias_zone_id) == (api.endpoint, None, None)
