"""Payload format 2.0, with real sockets and worker processes."""

import base64
import json
import socket
from collections.abc import Callable

import httpx
import pytest

Serve = Callable[..., httpx.Client]


def send_raw(client: httpx.Client, request: bytes) -> bytes:
    """Send a raw request, which a client library would normalise, and return the whole response."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=10) as connection:
        connection.sendall(request)
        response = b""
        while piece := connection.recv(65536):
            response += piece
    return response


class TestEvent:
    def test_get_request_makes_the_documented_event(self, serve: Serve) -> None:
        client = serve("echo")
        api_id = client.headers["x-api-id"]
        response = client.get("/api/v1/shows?tag=a&tag=b%20c&empty=&q=%C3%A9", headers={"X-Mixed": "Case"})
        event = response.json()
        http = event["requestContext"]
        assert response.headers["apigw-requestid"] == http.pop("requestId")
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

    def test_empty_query_is_left_out(self, serve: Serve) -> None:
        event = serve("echo").get("/?").json()
        assert event["rawQueryString"] == ""
        assert "queryStringParameters" not in event and "body" not in event and "cookies" not in event

    def test_percent_encoded_path_is_decoded(self, serve: Serve) -> None:
        event = serve("echo").get("/a%20b/%C3%A9%2Fc+d/").json()
        assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/a b/é/c+d/"

    def test_cookies_and_repeated_headers_are_joined(self, serve: Serve) -> None:
        client = serve("echo")
        response = send_raw(
            client,
            b"GET / HTTP/1.1\r\nHost: x.example\r\nConnection: close\r\nCookie: a=1; b=2\r\nCookie: c=3\r\n"
            b"X-Many: one\r\nx-many: two, three\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: http\r\n\r\n",
        )
        event = json.loads(response.partition(b"\r\n\r\n")[2])
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
    def test_body_is_text_or_base64_by_its_content_type(
        self, serve: Serve, content_type: str | None, body: bytes, text: bool
    ) -> None:
        headers = {} if content_type is None else {"content-type": content_type}
        event = serve("echo").post("/", content=body, headers=headers).json()
        assert event["isBase64Encoded"] is not text
        assert (event["body"].encode() if text else base64.b64decode(event["body"])) == body
        assert event["headers"]["content-length"] == str(len(body))

    def test_compressed_body_is_base64(self, serve: Serve) -> None:
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        assert serve("echo").post("/", content=b"{}", headers=headers).json()["isBase64Encoded"] is True

    def test_binary_body_round_trips(self, serve: Serve) -> None:
        body = bytes(range(256)) * 4000
        response = serve("send_back").post("/", content=body, headers={"content-type": "image/png"})
        assert (response.status_code, response.content, response.headers["content-type"]) == (201, body, "image/png")

    def test_event_has_path_parameters_and_stage_variables(self, serve: Serve) -> None:
        client = serve("echo", routes=["GET /shows/{id}"], stageVariables={"colour": "blue"})
        event = client.get("/shows/a%2Fb").json()
        assert event["routeKey"] == event["requestContext"]["routeKey"] == "GET /shows/{id}"
        assert event["pathParameters"] == {"id": "a%2Fb"}
        assert event["stageVariables"] == {"colour": "blue"}

    def test_named_stage_is_part_of_the_path(self, serve: Serve) -> None:
        client = serve("echo", name="v1", routes=["GET /shows"])
        assert client.base_url.path == "/v1/"
        event = client.get("shows").json()
        assert (event["rawPath"], event["requestContext"]["stage"]) == ("/v1/shows", "v1")
        assert httpx.get(client.base_url.copy_with(raw_path=b"/shows"), trust_env=False).status_code == 404


class TestHost:
    @pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
    def test_loopback_host_is_replaced_by_the_domain_name(self, serve: Serve, name: str) -> None:
        client = serve("echo")
        event = client.get("/", headers={"host": f"{name}:{client.base_url.port}"}).json()
        expected = f"{client.headers['x-api-id']}.execute-api.us-east-1.amazonaws.com"
        assert event["headers"]["host"] == event["requestContext"]["domainName"] == expected

    @pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1:1", "127.0.0.1.evil.example"])
    def test_any_other_host_is_unchanged(self, serve: Serve, host: str) -> None:
        event = serve("echo").get("/", headers={"host": host}).json()
        assert event["headers"]["host"] == host
        assert event["requestContext"]["domainName"] == host.partition(":")[0]

    def test_redirect_to_the_domain_name_leads_to_the_listener(self, serve: Serve) -> None:
        client = serve("redirect")
        location = client.get("/").headers["location"]
        assert location == f"http://127.0.0.1:{client.base_url.port}/elsewhere?x=1"
        elsewhere = client.get("/", headers={"host": "evil.example"}).headers["location"]
        assert elsewhere == "https://evil.example/elsewhere?x=1"
