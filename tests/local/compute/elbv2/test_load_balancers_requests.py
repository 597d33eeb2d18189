"""Forwarding of requests and responses, and error responses."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.compute.elbv2.forwarded_headers import HeaderPolicy
from tests.local.compute.ecs.container_fixtures import Targets, balancers, serve, targets

__all__ = ["balancers", "serve", "targets"]

Serve = Callable[..., httpx.Client]
WaitFor = Callable[..., Any]


def logged(folder: Path, wait_for: WaitFor) -> dict[str, Any]:
    """Return the only line of the access log, which is written after the response."""
    log = folder / "load-balancer.log"
    return json.loads(wait_for(lambda: log.exists() and log.read_text().endswith("}\n") and log.read_text()))  # type: ignore[no-any-return]


class TestHeaders:
    def test_target_receives_forwarded_headers(self, serve: Serve, targets: Targets) -> None:
        client = serve(port=443, protocol="HTTPS")
        targets.add()
        sent = {
            "host": "api.example.test", "x-forwarded-for": "10.1.2.3", "x-forwarded-proto": "gopher", "x-odd_one": "kept",
            "connection": "keep-alive, x-hop", "x-hop": "1", "te": "trailers", "proxy-authorization": "secret",
        }  # fmt: skip
        # As an extension, because httpx would normalise the path.
        received = client.get("/", headers=sent, extensions={"target": b"/a%2Fb/../c?x=%20&y"}).json()
        headers = {name.lower(): value for name, value in received["headers"]}
        assert received["target"] == "/a%2Fb/../c?x=%20&y"
        assert headers["host"] == "api.example.test"
        assert headers["x-forwarded-for"] == "10.1.2.3, 127.0.0.1"
        assert headers["x-forwarded-proto"] == "https"
        assert headers["x-forwarded-port"] == "443"
        assert headers["x-odd_one"] == "kept"
        assert headers["x-amzn-trace-id"].startswith("Root=1-")
        assert not {"x-hop", "te", "proxy-authorization", "connection"} & set(headers)

    def test_loopback_host_is_replaced_by_the_dns_name(self, serve: Serve, targets: Targets) -> None:
        client = serve()
        targets.add()
        received = dict(client.get("/").json()["headers"])
        assert {name.lower(): value for name, value in received.items()}["host"] == "web-1.us-east-1.elb.amazonaws.com"

    def test_invalid_header_names_are_dropped_if_configured(self, serve: Serve, targets: Targets) -> None:
        client = serve(balancer={"dropInvalidHeaderFields": True})
        targets.add()
        received = client.get("/", headers={"x-odd_one": "1", "x-fine": "2"}).json()
        names = {name.lower() for name, _ in received["headers"]}
        assert "x-fine" in names and "x-odd_one" not in names

    @pytest.mark.parametrize(
        ("mode", "with_port", "given", "expected"),
        [
            ("append", False, [], [b"10.0.0.9"]),
            ("append", True, [b"1.1.1.1"], [b"1.1.1.1, 10.0.0.9:555"]),
            ("append", False, [b"1.1.1.1", b"2.2.2.2"], [b"1.1.1.1, 2.2.2.2, 10.0.0.9"]),
            ("preserve", False, [b"1.1.1.1"], [b"1.1.1.1"]),
            ("preserve", False, [], []),
            ("remove", False, [b"1.1.1.1"], []),
        ],
    )
    def test_x_forwarded_for_follows_the_configured_mode(
        self, mode: str, with_port: bool, given: list[bytes], expected: list[bytes]
    ) -> None:
        policy = HeaderPolicy(drops_invalid=False, forwarded_for=mode, forwards_client_port=with_port)
        headers = policy.to_target(
            [(b"x-forwarded-for", value) for value in given],
            client=("10.0.0.9", 555),
            protocol="HTTP",
            port=80,
            trace="1-a",
        )
        assert [value for name, value in headers if name == b"x-forwarded-for"] == expected

    @pytest.mark.parametrize(
        ("given", "expected"),
        [("Root=1-b;Parent=c", b"Self=1-a;Root=1-b;Parent=c"), ("Lineage=d", b"Root=1-a;Lineage=d")],
    )
    def test_trace_header_is_extended(self, given: str, expected: bytes) -> None:
        policy = HeaderPolicy(drops_invalid=False, forwarded_for="append", forwards_client_port=False)
        headers = policy.to_target(
            [(b"x-amzn-trace-id", given.encode())], client=("10.0.0.9", 5), protocol="HTTP", port=80, trace="1-a"
        )
        assert [value for name, value in headers if name == b"x-amzn-trace-id"] == [expected]


class TestBodies:
    def test_large_body_round_trips(self, serve: Serve, targets: Targets) -> None:
        client = serve()
        targets.add()
        body = bytes(range(256)) * 20_000
        response = client.post("/echo", content=body)
        assert (response.status_code, response.content) == (201, body)
        assert response.headers["set-cookie"] == "a=1"
        assert "awselb" not in response.headers["server"]

    def test_request_body_is_streamed(self, serve: Serve, targets: Targets, wait_for: WaitFor) -> None:
        client = serve()
        targets.add()

        def pieces() -> Iterator[bytes]:
            yield b"one"
            wait_for((targets.notes / "piece-1").exists)
            yield b"two"

        assert client.post("/pieces", content=pieces()).text == "one+two"

    def test_response_body_is_streamed(self, serve: Serve, targets: Targets) -> None:
        client = serve()
        targets.add()
        with client.stream("GET", "/stream") as response:
            parts = response.iter_raw()
            assert next(parts) == b"one"
            (targets.notes / "go").touch()
            assert b"".join(parts) == b"two"

    def test_responses_without_a_body_have_none(self, serve: Serve, targets: Targets) -> None:
        client = serve()
        targets.add()
        connection = http.client.HTTPConnection("127.0.0.1", client.base_url.port or 0, timeout=60)
        # On one connection, where an unexpected body would be read as the next response.
        for method, path, status, length in [
            ("GET", "/status/204", 204, None), ("GET", "/status/304", 304, None),
            ("HEAD", "/status/200", 200, "26"), ("GET", "/status/200", 200, "26"),
        ]:  # fmt: skip
            connection.request(method, path)
            response = connection.getresponse()
            body = response.read()
            assert (response.status, response.getheader("content-length")) == (status, length)
            assert len(body) == (26 if (method, status) == ("GET", 200) else 0)
            assert connection.sock is not None, "the connection was closed"
        connection.close()


class TestFailures:
    def test_target_that_closes_the_connection_returns_502(
        self, serve: Serve, targets: Targets, tmp_path: Path, wait_for: WaitFor
    ) -> None:
        client = serve()
        server = targets.add()
        response = client.get("/hang-up")
        assert (response.status_code, response.headers["server"]) == (502, "awselb/2.0")
        line = logged(tmp_path, wait_for)
        assert (line["status"], line["targetStatus"], line["target"]) == (502, 0, f"127.0.0.1:{server.server_port}")
        assert line["problem"].startswith("RemoteProtocolError ")

    def test_incomplete_response_closes_the_connection(self, serve: Serve, targets: Targets) -> None:
        client = serve()
        targets.add()
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/break-off")
        assert client.get("/").status_code == 200

    def test_target_that_does_not_respond_returns_504(self, serve: Serve, targets: Targets) -> None:
        client = serve(balancer={"idleTimeout": 1})
        targets.add()
        assert client.get("/slow").status_code == 504

    def test_client_that_sends_nothing_gets_408(self, serve: Serve, targets: Targets) -> None:
        client = serve(balancer={"idleTimeout": 1})
        targets.add()
        with socket.create_connection(("127.0.0.1", client.base_url.port or 0), timeout=60) as connection:
            connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nbegun")
            response = b"".join(iter(lambda: connection.recv(4096), b""))
        assert response.startswith(b"HTTP/1.1 408 ")

    def test_client_disconnect_cancels_the_request(
        self, serve: Serve, targets: Targets, tmp_path: Path, wait_for: WaitFor
    ) -> None:
        client = serve()
        leaving = targets.add()
        with socket.create_connection(("127.0.0.1", client.base_url.port or 0), timeout=60) as connection:
            connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_for(lambda: list(targets.notes.glob("started-*")))
        # The request was cancelled, so draining does not wait for it.
        with ThreadPoolExecutor(1) as executor:
            executor.submit(targets.remove, leaving).result(60)
        assert logged(tmp_path, wait_for)["status"] == 460

    def test_each_request_is_logged(self, serve: Serve, targets: Targets, tmp_path: Path, wait_for: WaitFor) -> None:
        client = serve()
        server = targets.add()
        response = client.get("/status/404?secret=1")
        assert response.status_code == 404
        line = logged(tmp_path, wait_for)
        assert line.pop("milliseconds") >= 0 and line.pop("time") and line.pop("requestId").startswith("1-")
        assert line == {
            "loadBalancer": "web", "ip": "127.0.0.1", "host": "127.0.0.1", "method": "GET", "path": "/status/404",
            "protocol": "HTTP/1.1", "status": 404, "responseLength": 26, "target": f"127.0.0.1:{server.server_port}",
            "targetStatus": 404, "problem": "",
        }  # fmt: skip
