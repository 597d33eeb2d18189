"""Requests that no client library would send, byte by byte, against the API's own server."""

import socket
from collections.abc import Iterator

import pytest

from tests.runtime.features.api_platform import HOST, Api
from tests.runtime.web.served_process import free_address, serving
from tests.tables import Proved

OWN = HOST.encode()
# Where the server itself sees that it is no HTTP, it says so without the application.
NO_HTTP = b"Invalid HTTP request received."


@pytest.fixture
def port(api: Api) -> Iterator[int]:
    url = free_address()
    with serving(url):
        yield int(url.rpartition(":")[2])


def answer_to(port: int, request: bytes) -> tuple[int, list[bytes], bytes]:
    """The status, the lines of the head and the body of the answer; the connection is closed then."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.split(b"\r\n")[1:], body


def version_of(*headers: bytes, target: bytes = b"/version") -> bytes:
    return b"GET %s HTTP/1.1\r\n%s\r\n\r\n" % (target, b"\r\n".join(headers))


class TestHosts:
    def test_own_names_are_served(self, port: int) -> None:
        for host in (OWN, OWN.upper(), OWN + b":8443"):
            assert answer_to(port, version_of(b"Host: " + host))[0] == 200, host

    @pytest.mark.table("hosts")
    def test_others_reach_no_handler(self, port: int, proved: Proved) -> None:
        hosts = [b"evil", b"evil?", b"evil/x?", b"a/b", b"evil@x/y", b"evil#", b"[::1", b"", b" ", b"127.0.0.1"]
        hosts += [OWN + b".", OWN + b":x", OWN + b",evil", OWN + b"/x", b"x" + OWN, b"\xe9", b"a\tb", b"x" * 40_000]
        hosts += [b"a\0b", b"a\rX-Evil: 1", OWN + b"\r\n evil", OWN + b"\r\nHost: evil", b"evil\r\nHost: " + OWN]
        hosts += [b"evil\r\nX-Forwarded-Host: " + OWN, b"evil\r\nForwarded: host=" + OWN]
        heads = {host: version_of(b"Host: " + host) for host in hosts}
        heads[b"none"] = version_of(b"Accept: */*")
        heads[b"a space before the colon"] = version_of(b"Host : " + OWN)
        heads[b"in the target alone"] = version_of(b"Host: evil", target=b"http://" + OWN + b"/version")
        for host, request in heads.items():
            status, _, body = answer_to(port, request)
            assert status == 400, host
            assert b"Unknown host" in body or body == NO_HTTP, host
        proved(len(heads))


class TestRequestId:
    @pytest.mark.requirement("ROAD-96")
    @pytest.mark.table("headers")
    def test_nothing_unsafe_comes_back(self, port: int, proved: Proved) -> None:
        values = [b"abcdefgh\n", b"abcd\0efgh", b"abcdefgh\rSet-Cookie: x=1", b"abcdefgh\nSet-Cookie: x=1"]
        values += [b"\xe9" * 10, "é".encode() * 10, b"a" * 100_000, b"abcd\tefgh", b"<script>", b"abcdefgh\x7f"]
        for value in values:
            status, head, _ = answer_to(port, version_of(b"Host: " + OWN, b"X-Request-ID: " + value))
            assert status in {200, 400}, value
            for line in head:
                name, _, sent_back = line.partition(b": ")
                assert name.lower() != b"set-cookie", value
                assert all(0x20 <= byte <= 0x7E for byte in line), value
                assert name.lower() != b"x-request-id" or len(sent_back) == 36, value
        proved(len(values))
