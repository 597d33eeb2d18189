"""Responses of functions and of the gateway itself."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from local.compute.lambda_.functions import Functions

Serve = Callable[..., httpx.Client]

RULES = {
    "allowOrigins": ["https://app.example"],
    "allowMethods": ["GET", "POST"],
    "allowHeaders": ["authorization"],
    "exposeHeaders": ["etag"],
    "maxAge": 300.0,
    "allowCredentials": True,
}
PREFLIGHT = {"origin": "https://app.example", "access-control-request-method": "POST"}


class TestResponse:
    def test_headers_cookies_and_body_are_sent(self, serve: Serve) -> None:
        response = serve("several").get("/")
        assert response.text == "<p>é</p>"
        assert response.headers.get_list("set-cookie") == ["a=1; Path=/; HttpOnly", "b=2"]
        assert response.headers["x-one"] == "1"
        assert (response.headers["x-number"], response.headers["x-true"]) == ("7", "true")
        assert response.headers["content-length"] == "9"
        assert "server" not in response.headers

    def test_head_response_has_no_body(self, serve: Serve) -> None:
        response = serve("several").head("/")
        assert (response.content, response.headers["content-length"]) == (b"", "9")

    @pytest.mark.parametrize(
        ("result", "body", "content_type"),
        [
            ('{"a": [1, "é"]}', '{"a":[1,"\\u00e9"]}', "application/json"),
            ('"plain"', "plain", "application/json"),
            ("null", "null", "application/json"),
            ("7", "7", "application/json"),
            ('{"statusCode": 200, "body": "x"}', "x", "text/plain;charset=UTF-8"),
            ('{"statusCode": "200"}', "", None),
        ],
    )
    def test_result_without_status_code_becomes_a_json_response(
        self, serve: Serve, result: str, body: str, content_type: str | None
    ) -> None:
        response = serve("return_body").post("/", content=result)
        assert (response.status_code, response.text, response.headers.get("content-type")) == (200, body, content_type)

    @pytest.mark.parametrize(
        "result",
        [
            {"statusCode": "many"},
            {"statusCode": None},
            {"statusCode": 99},
            {"statusCode": 700},
            {"statusCode": 200, "body": {"a": 1}},
            {"statusCode": 200, "body": "no base64!", "isBase64Encoded": True},
            {"statusCode": 200, "headers": ["a"]},
            {"statusCode": 200, "headers": {"a": ["b"]}},
            {"statusCode": 200, "headers": {"a b": "c"}},
            {"statusCode": 200, "headers": {"a": "b\r\nset-cookie: c=d"}},
            {"statusCode": 200, "headers": {"a": "é"}},
            {"statusCode": 200, "cookies": "a=1"},
            {"statusCode": 200, "cookies": ["a=1\r\nx: y"]},
        ],
    )
    def test_invalid_result_returns_500(self, serve: Serve, result: Any) -> None:
        response = serve("return_body").post("/", content=json.dumps(result))
        assert (response.status_code, response.json()) == (500, {"message": "Internal Server Error"})

    @pytest.mark.parametrize("status", [204, 304])
    def test_status_without_a_body_has_none(self, serve: Serve, status: int) -> None:
        response = serve("return_body").post("/", content=json.dumps({"statusCode": status, "body": "x"}))
        assert (response.status_code, response.content) == (status, b"")

    def test_error_response_has_no_internal_details(self, serve: Serve) -> None:
        response = serve("fail").get("/")
        assert (response.status_code, response.text) == (500, '{"message":"Internal Server Error"}')

    def test_function_timeout_returns_500(self, serve: Serve) -> None:
        assert serve("sleep", timeout=1).get("/").status_code == 500

    def test_integration_timeout_returns_503(self, serve: Serve) -> None:
        response = serve("sleep", integration={"timeoutMilliseconds": 300}).get("/")
        assert (response.status_code, response.json()) == (503, {"message": "Service Unavailable"})

    def test_concurrent_requests_all_get_responses(self, serve: Serve) -> None:
        client = serve("echo")
        with ThreadPoolExecutor(16) as threads:
            paths = list(threads.map(lambda n: client.get(f"/{n}").json()["rawPath"], range(64)))
        assert paths == [f"/{number}" for number in range(64)]


class TestErrorResponses:
    def test_unmatched_route_returns_404(self, serve: Serve) -> None:
        client = serve("echo", routes=["GET /shows"])
        response = client.post("/shows")
        assert (response.status_code, response.json()) == (404, {"message": "Not Found"})

    def test_body_over_ten_megabytes_returns_413(self, serve: Serve) -> None:
        client = serve("send_back")
        response = client.post("/", content=b"x" * (10 * 1024 * 1024 + 1))
        assert (response.status_code, response.json()) == (413, {"message": "Request Entity Too Large"})
        assert client.post("/", content=b"x" * 1024 * 1024).status_code == 201

    def test_chunked_body_over_ten_megabytes_returns_413(self, serve: Serve) -> None:
        chunks = (b"x" * 1024 * 1024 for _ in range(11))
        assert serve("send_back").post("/", content=chunks).status_code == 413


class TestCors:
    def _cors(self, response: httpx.Response) -> dict[str, str]:
        return {name: value for name, value in response.headers.items() if name.startswith("access-control-")}

    def test_preflight_is_handled_without_the_function(self, serve: Serve) -> None:
        response = serve("fail", cors=RULES, routes=["GET /only"]).options("/any", headers=PREFLIGHT)
        assert (response.status_code, response.content) == (204, b"")
        assert self._cors(response) == {
            "access-control-allow-origin": "https://app.example",
            "access-control-allow-methods": "GET,POST",
            "access-control-allow-headers": "authorization",
            "access-control-allow-credentials": "true",
            "access-control-max-age": "300",
        }

    def test_preflight_of_another_origin_gets_no_cors_headers(self, serve: Serve) -> None:
        headers = {**PREFLIGHT, "origin": "https://evil.example"}
        response = serve("fail", cors=RULES).options("/", headers=headers)
        assert (response.status_code, self._cors(response)) == (204, {})

    def test_configured_rules_replace_the_functions_cors_headers(self, serve: Serve) -> None:
        client = serve("cross_origin", cors=RULES)
        assert self._cors(client.get("/", headers={"origin": "https://app.example"})) == {
            "access-control-allow-origin": "https://app.example",
            "access-control-allow-credentials": "true",
            "access-control-expose-headers": "etag",
        }
        assert self._cors(client.get("/", headers={"origin": "https://own.example"})) == {}

    def test_any_origin_gets_an_asterisk(self, serve: Serve) -> None:
        client = serve("cross_origin", cors={"allowOrigins": ["*"]})
        response = client.get("/", headers={"origin": "https://any.example"})
        assert self._cors(response) == {"access-control-allow-origin": "*"}

    def test_without_configuration_the_functions_cors_headers_are_sent(self, serve: Serve) -> None:
        client = serve("cross_origin")
        assert client.options("/", headers=PREFLIGHT).status_code == 200
        response = client.get("/", headers={"origin": "https://app.example"})
        assert self._cors(response) == {"access-control-allow-origin": "https://own.example"}


class TestAccessLog:
    def test_each_request_is_logged_without_its_query(self, serve: Serve, functions: Functions) -> None:
        client = serve("echo")
        path = f"/logged/{client.headers['x-api-id']}"
        response = client.get(f"{path}?token=secret")
        lines = [json.loads(line) for line in (functions.logs / "api.log").read_text().splitlines()]
        (line,) = [line for line in lines if line["path"] == path]
        assert line.pop("time") and line.pop("milliseconds") > 0
        assert line == {
            "requestId": response.headers["apigw-requestid"],
            "ip": "127.0.0.1",
            "host": f"127.0.0.1:{client.base_url.port}",
            "method": "GET",
            "path": path,
            "protocol": "HTTP/1.1",
            "status": 200,
            "responseLength": len(response.content),
        }
