"""Registration of HTTP APIs: ports and unsupported inputs."""

import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.account import LocalAccount
from local.compute.apigateway.http_apis import HttpApis
from local.compute.lambda_.functions import Functions
from local.errors import PortTakenError, RegistrationError
from local.provider.protocol import Registration

Register = Callable[..., str]
Resource = Callable[..., Registration]


class TestAddApi:
    def test_taken_port_raises_port_taken_error(
        self, account: LocalAccount, functions: Functions, gateway_resource: Resource
    ) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            http_apis = HttpApis(account, functions, port=port)
            with pytest.raises(PortTakenError, match=f"port {port}: another program listens there") as taken:
                http_apis.add_api(gateway_resource("Api", "first"))
            assert "--port 0" in taken.value.next_step
            http_apis.close()

    def test_first_api_gets_the_port_and_second_a_free_one(
        self, account: LocalAccount, functions: Functions, gateway_resource: Resource
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        http_apis = HttpApis(account, functions, port=port)
        first = http_apis.add_api(gateway_resource("Api", "first"))["apiEndpoint"]
        second = http_apis.add_api(gateway_resource("Api", "second"))["apiEndpoint"]
        again = http_apis.add_api(gateway_resource("Api", "first"))["apiEndpoint"]
        http_apis.close()
        assert first == again == f"http://127.0.0.1:{port}"
        assert second.startswith("http://127.0.0.1:") and second != first

    def test_port_is_free_after_close(
        self, account: LocalAccount, functions: Functions, register: Register, gateway_resource: Resource
    ) -> None:
        name = register("web.echo")
        port = 0
        for _ in range(2):
            http_apis = HttpApis(account, functions, port=port)
            endpoint = http_apis.add_api(gateway_resource("Api", "one"))["apiEndpoint"]
            http_apis.add_integration(gateway_resource("Integration", "one", integrationUri=name))
            http_apis.add_route(gateway_resource("Route", "one"))
            http_apis.serve_stage(gateway_resource("Stage", "one"))
            with httpx.Client(trust_env=False) as client:
                assert client.get(endpoint).status_code == 200
                http_apis.close()
                with pytest.raises(httpx.ConnectError):
                    client.get(endpoint)
            port = int(endpoint.rpartition(":")[2])


class TestRegistration:
    def test_integration_uri_may_be_an_invoke_arn(
        self, http_apis: HttpApis, register: Register, gateway_resource: Resource
    ) -> None:
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{register('web.echo')}"
        uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
        http_apis.add_api(gateway_resource("Api", "named"))
        http_apis.add_integration(gateway_resource("Integration", "named", integrationUri=uri))
        http_apis.add_route(gateway_resource("Route", "named"))
        url = http_apis.serve_stage(gateway_resource("Stage", "named"))["invokeUrl"]
        assert httpx.get(url, trust_env=False).json()["version"] == "2.0"

    @pytest.mark.parametrize(
        ("wrong", "inputs", "problem"),
        [
            (("add_api", "Api", "x"), {"protocolType": "WEBSOCKET"}, "protocolType: only HTTP "),
            (("add_api", "Api", "x"), {"target": "arn:aws:lambda:x"}, "target: not supported on this machine; register routes"),
            (
                ("add_integration", "Integration", "known"), {"integrationUri": "nobody"},
                "integrationUri: no function is registered as nobody",
            ),
            (
                ("add_integration", "Integration", "known"), {"integrationType": "HTTP_PROXY"},
                "integrationType: only AWS_PROXY",
            ),
            (
                ("add_integration", "Integration", "known"), {"payloadFormatVersion": "1.0"},
                "payloadFormatVersion: only 2.0",
            ),
            (("add_route", "Route", "known"), {"routeKey": "shows"}, "routeKey: must be .* not 'shows'"),
            (("add_route", "Route", "known"), {"target": "x"}, "target: must be of the form"),
            (("add_route", "Route", "known"), {"authorizationType": "JWT"}, "authorizationType: JWT is not supported"),
            (("add_route", "Route", "unknown"), {}, "apiId: no API is registered as 'unknown'"),
            (("serve_stage", "Stage", "unknown"), {}, "apiId: no API is registered as 'unknown'"),
            (("serve_stage", "Stage", "known"), {"name": ""}, "name: required"),
        ],
    )  # fmt: skip
    def test_unsupported_input_raises_registration_error(
        self,
        http_apis: HttpApis,
        gateway_resource: Resource,
        wrong: tuple[str, str, str],
        inputs: dict[str, Any],
        problem: str,
    ) -> None:
        http_apis.add_api(gateway_resource("Api", "known"))
        runner, kind, api_id = wrong
        with pytest.raises(RegistrationError, match=problem):
            getattr(http_apis, runner)(gateway_resource(kind, api_id, **inputs))
