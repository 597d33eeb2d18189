import json

import pytest

from components.arguments import ArgumentError
from components.http_api import HttpApi, HttpApiArgs
from components.naming import Naming

NAMING = Naming("episode-metadata", "dev")


def args(**changes):
    return HttpApiArgs(
        **{
            "naming": NAMING,
            "description": "The API",
            "function_name": "api",
            "function_invoke_arn": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations",
        }
        | changes
    )


COUNTS = {"Api": 1, "Integration": 1, "Route": 1, "Permission": 1, "LogGroup": 1, "Stage": 1}


class TestRegister:
    def test_every_request_goes_to_the_function(self, register):
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
        assert route["target"].startswith("integrations/http-integration-")

    def test_only_this_route_of_this_api_may_invoke(self, register):
        graph = register(lambda: HttpApi("http", args()))
        permission = graph.one("Permission").inputs
        assert (permission["action"], permission["function"]) == ("lambda:InvokeFunction", "api")
        assert permission["principal"] == "apigateway.amazonaws.com"
        assert permission["sourceArn"].endswith("/$default/$default")
        assert graph.one("Permission").property_dependencies["sourceArn"] == (graph.one("Api").urn,)

    def test_stage_is_throttled_and_logged(self, register):
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

    def test_unknown_outputs_are_no_obstacle(self, register):
        assert register(lambda: HttpApi("http", args()), preview=True).counts == COUNTS


class TestArgs:
    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("description", {"description": ""}),
            ("requests_per_second", {"requests_per_second": 0}),
            ("burst_requests", {"burst_requests": 5_001}),
            ("log_retention_days", {"log_retention_days": 13}),
        ],
    )
    def test_impossible_value_is_refused_by_field(self, field, changes):
        with pytest.raises(ArgumentError, match=rf"HttpApiArgs\.{field}: must"):
            args(**changes)
