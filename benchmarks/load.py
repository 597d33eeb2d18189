"""A client that costs little: requests that are made once, sent over connections that are kept, answers that are counted."""

import re
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.rounds import percentile

READ_BYTES = 256 * 1024
ANSWER_SECONDS = 30
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_OK = b"HTTP/1.1 200 "


class UnexpectedResponseError(Exception):
    """Something else than 200 with a length, or no answer at all."""


def request(path: str, *, host: str, token: str) -> bytes:
    """A GET as it goes over the wire."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {token}", "Accept: application/json"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass(frozen=True, kw_only=True)
class Load:
    """How a load went: times in seconds, the client's own processor time among them."""

    seconds: float
    client_cpu_seconds: float
    latencies: Sequence[float]

    def milliseconds(self, percent: int) -> float:
        """So many percent of the answers took no longer."""
        return percentile(self.latencies, percent) * 1000


@dataclass
class _Connection:
    socket: socket.socket
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)
    expected: int | None = None

    def send(self, wire: bytes) -> None:
        self.received.clear()
        self.expected = None
        self.sent_at = time.perf_counter()
        self.socket.sendall(wire)

    def read(self) -> bool:
        """Takes what has come; whether the answer is complete. Raises UnexpectedAnswerError."""
        piece = self.socket.recv(READ_BYTES)
        if not piece:
            raise UnexpectedResponseError("the server closed a connection that is to be kept")
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


def fetch(port: int, wire: bytes) -> bytes:
    """The body of one answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS) as opened:
        connection = _Connection(opened)
        connection.send(wire)
        while not connection.read():
            pass
        return bytes(connection.received).partition(b"\r\n\r\n")[2]


def drive(port: int, wires: Sequence[bytes], *, connections: int, requests: int) -> Load:
    """So many requests in all, taken from `wires` in turn, one at a time on each of the connections.

    Raises UnexpectedAnswerError at the first answer that is not 200.
    """
    latencies: list[float] = []
    with selectors.DefaultSelector() as selector:
        opened = [_Connection(socket.create_connection(("127.0.0.1", port))) for _ in range(connections)]
        try:
            sent = 0
            used, began = time.process_time(), time.perf_counter()
            for each in opened[:requests]:
                # Without it the kernel would hold a small request back for an acknowledgement.
                each.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(each.socket, selectors.EVENT_READ, each)
                each.send(wires[sent % len(wires)])
                sent += 1
            while len(latencies) < requests:
                ready = selector.select(ANSWER_SECONDS)
                if not ready:
                    raise UnexpectedResponseError(f"nothing came for {ANSWER_SECONDS} s")
                for key, _ in ready:
                    connection: _Connection = key.data
                    if not connection.read():
                        continue
                    latencies.append(time.perf_counter() - connection.sent_at)
                    if sent < requests:
                        connection.send(wires[sent % len(wires)])
                        sent += 1
            seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - used
        finally:
            for each in opened:
                each.socket.close()
    return Load(seconds=seconds, client_cpu_seconds=cpu_seconds, latencies=latencies)
