"""The client, against a server that counts."""

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
    with CountingServer() as serving:
        yield serving


def wire(path: str) -> bytes:
    return load.request(path, host="api.example.test", token="a.b.c")


class TestDrive:
    def test_exactly_the_requests_over_kept_connections(self, server: CountingServer) -> None:
        driven = load.drive(server.server_port, [wire(path) for path in PATHS], connections=3, requests=10)
        assert server.requests == {"/a": 5, "/b": 5}
        assert server.connections == 3
        assert len(driven.latencies) == 10
        assert 0 < max(driven.latencies) <= driven.seconds
        assert driven.milliseconds(50) <= driven.milliseconds(99)
        assert server.heads[0]["Host"] == "api.example.test"
        assert server.heads[0]["Authorization"] == "Bearer a.b.c"

    def test_fewer_requests_than_connections(self, server: CountingServer) -> None:
        assert len(load.drive(server.server_port, [wire("/a")], connections=4, requests=2).latencies) == 2
        assert server.requests.total() == 2

    def test_refusal_ends_it(self, server: CountingServer) -> None:
        with pytest.raises(load.UnexpectedResponseError, match="503"):
            load.drive(server.server_port, [wire("/away")], connections=1, requests=1)


class TestFetch:
    def test_last_byte_is_waited_for(self, server: CountingServer) -> None:
        assert load.fetch(server.server_port, wire("/late")) == BODY
