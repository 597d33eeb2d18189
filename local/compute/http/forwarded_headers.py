"""The headers of a request and of its answer on their way through a load balancer."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

Headers = list[tuple[bytes, bytes]]

VALID_NAME = re.compile(rb"[A-Za-z0-9-]+")
# Of one connection, not of the request. An expectation is met by the listener itself.
OF_THE_CONNECTION = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
        b"transfer-encoding", b"upgrade", b"expect",
    }
)  # fmt: skip
FORWARDED_FOR, TRACE = b"x-forwarded-for", b"x-amzn-trace-id"
FORWARDED_PROTOCOL, FORWARDED_PORT = b"x-forwarded-proto", b"x-forwarded-port"


@dataclass(frozen=True, kw_only=True)
class HeaderPolicy:
    """What a load balancer's registration says about headers. `forwarded_for` is append, preserve or remove."""

    drops_invalid: bool
    forwarded_for: str
    forwards_client_port: bool

    def to_target(
        self, headers: Iterable[tuple[bytes, bytes]], *, client: tuple[str, int], protocol: str, port: int, trace: str
    ) -> Headers:
        """The client's headers (names in lower case) but those of its connection, and what ALB says about the client.

        `client` is its address and port, `protocol` and `port` are the listener's, `trace` is the request's id.
        """
        kept = [
            (name, value)
            for name, value in of_the_message(headers)
            if not self.drops_invalid or VALID_NAME.fullmatch(name)
        ]
        named = (FORWARDED_PROTOCOL, FORWARDED_PORT, TRACE)
        passed = _without(kept, named if self.forwarded_for == "preserve" else (*named, FORWARDED_FOR))
        if self.forwarded_for == "append":
            address = f"{client[0]}:{client[1]}" if self.forwards_client_port else client[0]
            passed.append((FORWARDED_FOR, b", ".join([*_values(kept, FORWARDED_FOR), address.encode()])))
        return [
            *passed,
            (FORWARDED_PROTOCOL, protocol.lower().encode()),
            (FORWARDED_PORT, str(port).encode()),
            (TRACE, _trace(_values(kept, TRACE), trace.encode())),
        ]


def of_the_message(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """All but the headers that describe a connection, and those that its Connection header names as such."""
    lowered = [(name.lower(), value) for name, value in headers]
    listed = {part.strip().lower() for value in _values(lowered, b"connection") for part in value.split(b",")}
    return _without(lowered, OF_THE_CONNECTION | listed)


def _trace(given: list[bytes], own: bytes) -> bytes:
    """ALB keeps a client's root and puts its own id before it; without a root its id is the root."""
    before = b";".join(given)
    return b"Self=" + own + b";" + before if b"Root=" in before else b";".join(filter(None, [b"Root=" + own, before]))


def _values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for each, value in headers if each == name]


def _without(headers: Iterable[tuple[bytes, bytes]], names: Collection[bytes]) -> Headers:
    return [(name, value) for name, value in headers if name not in names]
