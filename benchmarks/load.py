"""A load generator with little overhead: prepared requests over persistent connections."""

import re
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.rounds import percentile

READ_BYTES = 256 * 1024
TIMEOUT_SECONDS = 30
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_OK = b"HTTP/1.1 200 "


class UnexpectedResponseError(Exception):
    """A response other than 200 with a Content-Length, or none."""


def build_request(path: str, *, host: str, token: str) -> bytes:
    """Return a GET request as bytes."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {token}", "Accept: application/json"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """The result of a load; times in seconds."""

    seconds: float
    client_cpu_seconds: float
    latencies: Sequence[float]

    def milliseconds(self, percent: int) -> float:
        """Return a percentile of the latencies in milliseconds."""
        return percentile(self.latencies, percent) * 1000


@dataclass
class _Connection:
    socket: socket.socket
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)
    expected: int | None = None

    def send(self, request_bytes: bytes) -> None:
        self.received.clear()
        self.expected = None
        self.sent_at = time.perf_counter()
        self.socket.sendall(request_bytes)

    def read(self) -> bool:
        """Receive data; return whether the response is complete.

        Raises:
            UnexpectedResponseError: The response is not 200, or the connection was closed.
        """
        piece = self.socket.recv(READ_BYTES)
        if not piece:
            raise UnexpectedResponseError("the server closed a persistent connection")
        self.received += piece
        if self.expected is None:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return False
            head = bytes(self.received[: end + 2])
            length = _LENGTH.search(head)
            if not head.startswith(_OK) or length is None:
                raise UnexpectedResponseError(bytes(self.received[:500]).decode(errors="replace"))
            self.expected = end + 4 + int(length[1])
        return len(self.received) >= self.expected


def fetch(port: int, request_bytes: bytes) -> bytes:
    """Send one request and return the body of the response."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS) as opened:
        connection = _Connection(opened)
        connection.send(request_bytes)
        while not connection.read():
            pass
        return bytes(connection.received).partition(b"\r\n\r\n")[2]


def run_load(port: int, requests_bytes: Sequence[bytes], *, connections: int, requests: int) -> LoadResult:
    """Send `requests` requests in all over several connections, one at a time on each.

    Args:
        port: The server's port on loopback.
        requests_bytes: The prepared requests, sent in turn.
        connections: The number of connections.
        requests: The number of requests.

    Raises:
        UnexpectedResponseError: A response is not 200.
    """
    latencies: list[float] = []
    with selectors.DefaultSelector() as selector:
        opened = [_Connection(socket.create_connection(("127.0.0.1", port))) for _ in range(connections)]
        try:
            sent = 0
            used, began = time.process_time(), time.perf_counter()
            for each in opened[:requests]:
                # Without TCP_NODELAY the kernel delays small requests until an acknowledgement.
                each.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(each.socket, selectors.EVENT_READ, each)
                each.send(requests_bytes[sent % len(requests_bytes)])
                sent += 1
            while len(latencies) < requests:
                ready = selector.select(TIMEOUT_SECONDS)
                if not ready:
                    raise UnexpectedResponseError(f"no response within {TIMEOUT_SECONDS} s")
                for key, _ in ready:
                    connection: _Connection = key.data
                    if not connection.read():
                        continue
                    latencies.append(time.perf_counter() - connection.sent_at)
                    if sent < requests:
                        connection.send(requests_bytes[sent % len(requests_bytes)])
                        sent += 1
            seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - used
        finally:
            for each in opened:
                each.socket.close()
    return LoadResult(seconds=seconds, client_cpu_seconds=cpu_seconds, latencies=latencies)
