"""The load generator, against a server that counts requests."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from benchmarks import load
from tests.http_listener import Listener, QuietHandler

PATHS = ("/a", "/b")
BODY = b"x" * 600_000


class CountingServer(Listener):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(Handler)
        self.requests: Counter[str] = Counter()
        self.connections = 0
        self.heads: list[dict[str, str]] = []


class Handler(QuietHandler):
    protocol_version = "HTTP/1.1"
    server: CountingServer

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:  # noqa: N802 - the name is the standard library's
        self.server.requests[self.path] += 1
        self.server.heads.append(dict(self.headers))
        self.send_response(503 if self.path == "/away" else 200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY[:-1])
        if self.path == "/late":
            time.sleep(0.1)
        self.wfile.write(BODY[-1:])


@pytest.fixture
def server() -> Iterator[CountingServer]:
    with CountingServer() as running_server:
        yield running_server


def request_bytes(path: str) -> bytes:
    return load.build_request(path, host="api.example.test", token="a.b.c")


class TestDrive:
    def test_exact_number_of_requests_over_persistent_connections(self, server: CountingServer) -> None:
        result = load.run_load(server.server_port, [request_bytes(path) for path in PATHS], connections=3, requests=10)
        assert server.requests == {"/a": 5, "/b": 5}
        assert server.connections == 3
        assert len(result.latencies) == 10
        assert 0 < max(result.latencies) <= result.seconds
        assert result.milliseconds(50) <= result.milliseconds(99)
        assert server.heads[0]["Host"] == "api.example.test"
        assert server.heads[0]["Authorization"] == "Bearer a.b.c"

    def test_fewer_requests_than_connections(self, server: CountingServer) -> None:
        assert len(load.run_load(server.server_port, [request_bytes("/a")], connections=4, requests=2).latencies) == 2
        assert server.requests.total() == 2

    def test_error_response_raises_error(self, server: CountingServer) -> None:
        with pytest.raises(load.UnexpectedResponseError, match="503"):
            load.run_load(server.server_port, [request_bytes("/away")], connections=1, requests=1)


class TestFetch:
    def test_response_is_read_to_its_last_byte(self, server: CountingServer) -> None:
        assert load.fetch(server.server_port, request_bytes("/late")) == BODY
