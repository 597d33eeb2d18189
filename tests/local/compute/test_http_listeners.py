"""HTTP APIs served from their registrations: real sockets, real worker processes."""

import base64
import itertools
import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from local.account import LocalAccount
from local.compute.functions import Functions
from local.compute.http_listeners import HttpListeners
from local.errors import PortTakenError, RegistrationError
from local.provider.protocol import Registration

Register = Callable[..., str]
WaitFor = Callable[..., Any]
Serve = Callable[..., httpx.Client]
NUMBERS = itertools.count(1)


def registration(kind: str, resource_id: str, **inputs: Any) -> Registration:
    return Registration(
        urn=f"urn:pulumi:test::test::aws:apigatewayv2/{kind}::{resource_id}",
        type=f"aws:apigatewayv2/{kind.lower()}:{kind}",
        name=resource_id,
        id=resource_id,
        inputs=inputs,
        outputs={"id": resource_id},
    )


def api(api_id: str, **inputs: Any) -> Registration:
    return registration("Api", api_id, **{"protocolType": "HTTP", **inputs})


def integration(api_id: str, uri: str, **inputs: Any) -> Registration:
    defaults = {"integrationType": "AWS_PROXY", "payloadFormatVersion": "2.0"}
    return registration(
        "Integration", f"{api_id}-integration", **{"apiId": api_id, "integrationUri": uri, **defaults, **inputs}
    )


def route(api_id: str, key: str, **inputs: Any) -> Registration:
    target = f"integrations/{api_id}-integration"
    return registration("Route", f"{api_id}-{key}", **{"apiId": api_id, "routeKey": key, "target": target, **inputs})


def stage(api_id: str, name: str = "$default", **inputs: Any) -> Registration:
    return registration("Stage", f"{api_id}-{name}", **{"apiId": api_id, "name": name, "autoDeploy": True, **inputs})


@pytest.fixture
def listeners(account: LocalAccount, functions: Functions) -> Iterator[HttpListeners]:
    running = HttpListeners(account, functions, port=0)
    yield running
    running.close()


@pytest.fixture
def serve(listeners: HttpListeners, register: Register) -> Iterator[Serve]:
    """Serves a handler behind an API; the client's base is the stage's address and it remembers the API's id."""
    clients: list[httpx.Client] = []

    def served(handler: str, **options: Any) -> httpx.Client:
        api_id = f"api{next(NUMBERS)}"
        name = register(f"web.{handler}", timeout=options.pop("timeout", 10.0))
        listeners.reserve_api(api(api_id, corsConfiguration=options.pop("cors", None)))
        listeners.add_integration(
            integration(
                api_id, f"arn:aws:lambda:us-east-1:123456789012:function:{name}", **options.pop("integration", {})
            )
        )
        for key in options.pop("routes", ["$default"]):
            listeners.add_route(route(api_id, key))
        url = listeners.serve_stage(stage(api_id, **options))["invokeUrl"]
        client = httpx.Client(base_url=url, headers={"user-agent": "test"}, trust_env=False)
        client.headers["x-api-id"] = api_id
        clients.append(client)
        return client

    yield served
    for client in clients:
        client.close()


def ask(client: httpx.Client, request: bytes) -> bytes:
    """Sends bytes as they are, for what a client library would tidy up, and returns the whole answer."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


class TestEvent:
    def test_a_get_is_the_documented_event(self, serve: Serve) -> None:
        client = serve("echo")
        api_id = client.headers["x-api-id"]
        answer = client.get("/api/v1/shows?tag=a&tag=b%20c&empty=&q=%C3%A9", headers={"X-Mixed": "Case"})
        event = answer.json()
        http = event["requestContext"]
        assert answer.headers["apigw-requestid"] == http.pop("requestId")
        assert isinstance(http.pop("timeEpoch"), int)
        assert http.pop("time").endswith(" +0000")
        name = f"{api_id}.execute-api.us-east-1.amazonaws.com"
        assert event == {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": "/api/v1/shows",
            "rawQueryString": "tag=a&tag=b%20c&empty=&q=%C3%A9",
            "headers": {
                "accept": "*/*",
                "accept-encoding": client.headers["accept-encoding"],
                "content-length": "0",
                "host": name,
                "user-agent": "test",
                "x-api-id": api_id,
                "x-forwarded-for": "127.0.0.1",
                "x-forwarded-port": "443",
                "x-forwarded-proto": "https",
                "x-mixed": "Case",
            },
            "queryStringParameters": {"tag": "a,b c", "empty": "", "q": "é"},
            "requestContext": {
                "accountId": "123456789012",
                "apiId": api_id,
                "domainName": name,
                "domainPrefix": api_id,
                "http": {
                    "method": "GET",
                    "path": "/api/v1/shows",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "test",
                },
                "routeKey": "$default",
                "stage": "$default",
            },
            "isBase64Encoded": False,
        }

    def test_an_empty_query_is_left_out(self, serve: Serve) -> None:
        event = serve("echo").get("/?").json()
        assert event["rawQueryString"] == ""
        assert "queryStringParameters" not in event and "body" not in event and "cookies" not in event

    def test_a_percent_encoded_path_is_decoded(self, serve: Serve) -> None:
        event = serve("echo").get("/a%20b/%C3%A9%2Fc+d/").json()
        assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/a b/é/c+d/"

    def test_cookies_and_repeated_headers_are_gathered(self, serve: Serve) -> None:
        client = serve("echo")
        answer = ask(
            client,
            b"GET / HTTP/1.1\r\nHost: x.example\r\nConnection: close\r\nCookie: a=1; b=2\r\nCookie: c=3\r\n"
            b"X-Many: one\r\nx-many: two, three\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: http\r\n\r\n",
        )
        event = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert event["cookies"] == ["a=1", "b=2", "c=3"]
        headers = event["headers"]
        assert "cookie" not in headers and "connection" not in headers
        assert headers["x-many"] == "one,two, three"
        assert headers["x-forwarded-for"] == "9.9.9.9, 127.0.0.1"
        assert headers["x-forwarded-proto"] == "https"

    @pytest.mark.parametrize(
        ("content_type", "body", "text"),
        [
            ("application/json", b'{"a": "\xc3\xa9"}', True),
            ("application/json; charset=utf-8", b"{}", True),
            ("text/plain", b"hello", True),
            ("text/plain", b"\xff\xfe", False),
            ("application/octet-stream", b"hello", False),
            ("application/x-www-form-urlencoded", b"a=1", False),
            ("image/jpeg", bytes(range(256)), False),
            (None, b"hello", False),
        ],
    )
    def test_a_body_is_text_or_base64_by_its_type(
        self, serve: Serve, content_type: str | None, body: bytes, text: bool
    ) -> None:
        headers = {} if content_type is None else {"content-type": content_type}
        event = serve("echo").post("/", content=body, headers=headers).json()
        assert event["isBase64Encoded"] is not text
        assert (event["body"].encode() if text else base64.b64decode(event["body"])) == body
        assert event["headers"]["content-length"] == str(len(body))

    def test_a_compressed_body_is_base64(self, serve: Serve) -> None:
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        assert serve("echo").post("/", content=b"{}", headers=headers).json()["isBase64Encoded"] is True

    def test_bytes_make_the_round_trip(self, serve: Serve) -> None:
        body = bytes(range(256)) * 4000
        answer = serve("send_back").post("/", content=body, headers={"content-type": "image/png"})
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (201, body, "image/png")

    def test_path_parameters_and_stage_variables_are_passed_on(self, serve: Serve) -> None:
        client = serve("echo", routes=["GET /shows/{id}"], stageVariables={"colour": "blue"})
        event = client.get("/shows/a%2Fb").json()
        assert event["routeKey"] == event["requestContext"]["routeKey"] == "GET /shows/{id}"
        assert event["pathParameters"] == {"id": "a%2Fb"}
        assert event["stageVariables"] == {"colour": "blue"}

    def test_a_named_stage_is_part_of_the_path(self, serve: Serve) -> None:
        client = serve("echo", name="v1", routes=["GET /shows"])
        assert client.base_url.path == "/v1/"
        event = client.get("shows").json()
        assert (event["rawPath"], event["requestContext"]["stage"]) == ("/v1/shows", "v1")
        assert httpx.get(client.base_url.copy_with(raw_path=b"/shows"), trust_env=False).status_code == 404


class TestHost:
    @pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
    def test_a_loopback_host_is_presented_as_the_apis_own_name(self, serve: Serve, name: str) -> None:
        client = serve("echo")
        event = client.get("/", headers={"host": f"{name}:{client.base_url.port}"}).json()
        expected = f"{client.headers['x-api-id']}.execute-api.us-east-1.amazonaws.com"
        assert event["headers"]["host"] == event["requestContext"]["domainName"] == expected

    @pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1:1", "127.0.0.1.evil.example"])
    def test_any_other_host_passes_unchanged(self, serve: Serve, host: str) -> None:
        event = serve("echo").get("/", headers={"host": host}).json()
        assert event["headers"]["host"] == host
        assert event["requestContext"]["domainName"] == host.partition(":")[0]

    def test_a_redirect_to_the_apis_own_name_leads_back_to_the_listener(self, serve: Serve) -> None:
        client = serve("redirect")
        location = client.get("/").headers["location"]
        assert location == f"http://127.0.0.1:{client.base_url.port}/elsewhere?x=1"
        elsewhere = client.get("/", headers={"host": "evil.example"}).headers["location"]
        assert elsewhere == "https://evil.example/elsewhere?x=1"


class TestResponse:
    def test_headers_cookies_and_body_arrive(self, serve: Serve) -> None:
        answer = serve("several").get("/")
        assert answer.text == "<p>é</p>"
        assert answer.headers.get_list("set-cookie") == ["a=1; Path=/; HttpOnly", "b=2"]
        assert answer.headers["x-one"] == "1"
        assert (answer.headers["x-number"], answer.headers["x-true"]) == ("7", "true")
        assert answer.headers["content-length"] == "9"
        assert "server" not in answer.headers

    def test_a_head_request_has_no_body(self, serve: Serve) -> None:
        answer = serve("several").head("/")
        assert (answer.content, answer.headers["content-length"]) == (b"", "9")

    @pytest.mark.parametrize(
        ("told", "body", "content_type"),
        [
            ('{"a": [1, "é"]}', '{"a":[1,"\\u00e9"]}', "application/json"),
            ('"plain"', "plain", "application/json"),
            ("null", "null", "application/json"),
            ("7", "7", "application/json"),
            ('{"statusCode": 200, "body": "x"}', "x", "text/plain;charset=UTF-8"),
            ('{"statusCode": "200"}', "", None),
        ],
    )
    def test_what_a_bare_answer_stands_for(self, serve: Serve, told: str, body: str, content_type: str | None) -> None:
        answer = serve("as_told").post("/", content=told)
        assert (answer.status_code, answer.text, answer.headers.get("content-type")) == (200, body, content_type)

    @pytest.mark.parametrize(
        "told",
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
    def test_an_invalid_answer_is_an_internal_error(self, serve: Serve, told: Any) -> None:
        answer = serve("as_told").post("/", content=json.dumps(told))
        assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})

    @pytest.mark.parametrize("status", [204, 304])
    def test_a_status_without_a_body_has_none(self, serve: Serve, status: int) -> None:
        answer = serve("as_told").post("/", content=json.dumps({"statusCode": status, "body": "x"}))
        assert (answer.status_code, answer.content) == (status, b"")

    def test_an_error_tells_nothing_of_the_inside(self, serve: Serve) -> None:
        answer = serve("fail").get("/")
        assert (answer.status_code, answer.text) == (500, '{"message":"Internal Server Error"}')

    def test_a_function_that_times_out_is_an_internal_error(self, serve: Serve) -> None:
        assert serve("sleep", timeout=1).get("/").status_code == 500

    def test_an_integration_that_times_out_is_unavailable(self, serve: Serve) -> None:
        answer = serve("sleep", integration={"timeoutMilliseconds": 300}).get("/")
        assert (answer.status_code, answer.json()) == (503, {"message": "Service Unavailable"})

    def test_many_requests_at_once_are_all_answered(self, serve: Serve) -> None:
        client = serve("echo")
        with ThreadPoolExecutor(16) as threads:
            paths = list(threads.map(lambda n: client.get(f"/{n}").json()["rawPath"], range(64)))
        assert paths == [f"/{number}" for number in range(64)]


class TestRefusals:
    def test_no_route_is_not_found(self, serve: Serve) -> None:
        client = serve("echo", routes=["GET /shows"])
        answer = client.post("/shows")
        assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})

    def test_a_request_beyond_ten_megabytes_is_refused_and_one_below_is_not(self, serve: Serve) -> None:
        client = serve("send_back")
        answer = client.post("/", content=b"x" * (10 * 1024 * 1024 + 1))
        assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})
        assert client.post("/", content=b"x" * 1024 * 1024).status_code == 201

    def test_a_length_that_is_not_declared_is_counted(self, serve: Serve) -> None:
        chunks = (b"x" * 1024 * 1024 for _ in range(11))
        assert serve("send_back").post("/", content=chunks).status_code == 413


RULES = {
    "allowOrigins": ["https://app.example"],
    "allowMethods": ["GET", "POST"],
    "allowHeaders": ["authorization"],
    "exposeHeaders": ["etag"],
    "maxAge": 300.0,
    "allowCredentials": True,
}
PREFLIGHT = {"origin": "https://app.example", "access-control-request-method": "POST"}


class TestCrossOrigin:
    def _cors(self, answer: httpx.Response) -> dict[str, str]:
        return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}

    def test_a_preflight_is_answered_without_the_function(self, serve: Serve) -> None:
        answer = serve("fail", cors=RULES, routes=["GET /only"]).options("/any", headers=PREFLIGHT)
        assert (answer.status_code, answer.content) == (204, b"")
        assert self._cors(answer) == {
            "access-control-allow-origin": "https://app.example",
            "access-control-allow-methods": "GET,POST",
            "access-control-allow-headers": "authorization",
            "access-control-allow-credentials": "true",
            "access-control-max-age": "300",
        }

    def test_a_preflight_of_another_origin_finds_no_permission(self, serve: Serve) -> None:
        headers = {**PREFLIGHT, "origin": "https://evil.example"}
        answer = serve("fail", cors=RULES).options("/", headers=headers)
        assert (answer.status_code, self._cors(answer)) == (204, {})

    def test_the_rules_replace_what_the_function_says(self, serve: Serve) -> None:
        client = serve("cross_origin", cors=RULES)
        assert self._cors(client.get("/", headers={"origin": "https://app.example"})) == {
            "access-control-allow-origin": "https://app.example",
            "access-control-allow-credentials": "true",
            "access-control-expose-headers": "etag",
        }
        assert self._cors(client.get("/", headers={"origin": "https://own.example"})) == {}

    def test_anyone_is_a_star(self, serve: Serve) -> None:
        client = serve("cross_origin", cors={"allowOrigins": ["*"]})
        answer = client.get("/", headers={"origin": "https://any.example"})
        assert self._cors(answer) == {"access-control-allow-origin": "*"}

    def test_without_rules_the_function_answers_for_itself(self, serve: Serve) -> None:
        client = serve("cross_origin")
        assert client.options("/", headers=PREFLIGHT).status_code == 200
        answer = client.get("/", headers={"origin": "https://app.example"})
        assert self._cors(answer) == {"access-control-allow-origin": "https://own.example"}


class TestAccessLog:
    def test_every_request_is_a_line_without_its_query(
        self, serve: Serve, functions: Functions, wait_for: WaitFor
    ) -> None:
        client = serve("echo")
        path = f"/logged/{client.headers['x-api-id']}"
        answer = client.get(f"{path}?token=secret")
        lines = [json.loads(line) for line in (functions.logs / "api.log").read_text().splitlines()]
        (line,) = [line for line in lines if line["path"] == path]
        assert line.pop("time") and line.pop("milliseconds") > 0
        assert line == {
            "requestId": answer.headers["apigw-requestid"],
            "ip": "127.0.0.1",
            "host": f"127.0.0.1:{client.base_url.port}",
            "method": "GET",
            "path": path,
            "protocol": "HTTP/1.1",
            "status": 200,
            "responseLength": len(answer.content),
        }


class TestReserveApi:
    def test_a_taken_port_is_named_at_once(self, account: LocalAccount, functions: Functions) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            listeners = HttpListeners(account, functions, port=port)
            with pytest.raises(PortTakenError, match=f"port {port}: another program listens there") as taken:
                listeners.reserve_api(api("first"))
            assert "--port 0" in taken.value.next_step
            listeners.close()

    def test_the_first_api_gets_the_port_and_a_second_a_free_one(
        self, account: LocalAccount, functions: Functions
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        listeners = HttpListeners(account, functions, port=port)
        first = listeners.reserve_api(api("first"))["apiEndpoint"]
        second = listeners.reserve_api(api("second"))["apiEndpoint"]
        again = listeners.reserve_api(api("first"))["apiEndpoint"]
        listeners.close()
        assert first == again == f"http://127.0.0.1:{port}"
        assert second.startswith("http://127.0.0.1:") and second != first

    def test_the_port_is_free_after_close(
        self, account: LocalAccount, functions: Functions, register: Register
    ) -> None:
        name = register("web.echo")
        port = 0
        for _ in range(2):
            listeners = HttpListeners(account, functions, port=port)
            endpoint = listeners.reserve_api(api("one"))["apiEndpoint"]
            listeners.add_integration(integration("one", name))
            listeners.add_route(route("one", "$default"))
            listeners.serve_stage(stage("one"))
            with httpx.Client(trust_env=False) as client:
                assert client.get(endpoint).status_code == 200
                listeners.close()
                with pytest.raises(httpx.ConnectError):
                    client.get(endpoint)
            port = int(endpoint.rpartition(":")[2])


class TestRegistration:
    def test_an_integration_may_be_named_by_its_invoke_arn(self, listeners: HttpListeners, register: Register) -> None:
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{register('web.echo')}"
        uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
        listeners.reserve_api(api("named"))
        listeners.add_integration(integration("named", uri))
        listeners.add_route(route("named", "$default"))
        url = listeners.serve_stage(stage("named"))["invokeUrl"]
        assert httpx.get(url, trust_env=False).json()["version"] == "2.0"

    @pytest.mark.parametrize(
        ("add", "wrong", "problem"),
        [
            ("reserve_api", api("x", protocolType="WEBSOCKET"), "protocolType: only HTTP APIs"),
            ("reserve_api", api("x", target="arn:aws:lambda:x"), "target: register the routes"),
            ("add_integration", integration("known", "nobody"), "integrationUri: no function is registered as nobody"),
            (
                "add_integration",
                integration("known", "f", integrationType="HTTP_PROXY"),
                "integrationType: only AWS_PROXY",
            ),
            (
                "add_integration",
                integration("known", "f", payloadFormatVersion="1.0"),
                "payloadFormatVersion: only 2.0",
            ),
            ("add_route", route("known", "shows"), "routeKey: 'shows' is neither"),
            ("add_route", route("known", "$default", target="x"), "target: it is not of the form"),
            ("add_route", route("known", "$default", authorizationType="JWT"), "authorizationType: JWT is not served"),
            ("add_route", route("unknown", "$default"), "apiId: no API is registered as 'unknown'"),
            ("serve_stage", stage("unknown"), "apiId: no API is registered as 'unknown'"),
            ("serve_stage", stage("known", ""), "name: it is missing"),
        ],
    )
    def test_what_is_not_served_is_refused(
        self, listeners: HttpListeners, add: str, wrong: Registration, problem: str
    ) -> None:
        listeners.reserve_api(api("known"))
        with pytest.raises(RegistrationError, match=problem):
            getattr(listeners, add)(wrong)
