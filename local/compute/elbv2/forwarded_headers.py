"""The headers that a load balancer forwards to a target and to a client."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

Headers = list[tuple[bytes, bytes]]

VALID_NAME = re.compile(rb"[A-Za-z0-9-]+")
# Not forwarded. `expect` is handled by the listener itself.
HOP_BY_HOP_HEADERS = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
        b"transfer-encoding", b"upgrade", b"expect",
    }
)  # fmt: skip
FORWARDED_FOR, TRACE = b"x-forwarded-for", b"x-amzn-trace-id"
FORWARDED_PROTOCOL, FORWARDED_PORT = b"x-forwarded-proto", b"x-forwarded-port"


@dataclass(frozen=True, kw_only=True)
class HeaderPolicy:
    """The header settings of a load balancer. `forwarded_for` is append, preserve or remove."""

    drops_invalid: bool
    forwarded_for: str
    forwards_client_port: bool

    def to_target(
        self, headers: Iterable[tuple[bytes, bytes]], *, client: tuple[str, int], protocol: str, port: int, trace: str
    ) -> Headers:
        """Return the end-to-end headers of a request (names in lower case), with the X-Forwarded and trace headers of ALB.

        Args:
            headers: The request's headers, as sent by the client.
            client: The client's address and port.
            protocol: The listener's protocol.
            port: The listener's port.
            trace: The request's trace id.
        """
        accepted = [
            (name, value)
            for name, value in end_to_end_headers(headers)
            if not self.drops_invalid or VALID_NAME.fullmatch(name)
        ]
        replaced = (FORWARDED_PROTOCOL, FORWARDED_PORT, TRACE)
        forwarded = _without(accepted, replaced if self.forwarded_for == "preserve" else (*replaced, FORWARDED_FOR))
        if self.forwarded_for == "append":
            address = f"{client[0]}:{client[1]}" if self.forwards_client_port else client[0]
            forwarded.append((FORWARDED_FOR, b", ".join([*_values(accepted, FORWARDED_FOR), address.encode()])))
        return [
            *forwarded,
            (FORWARDED_PROTOCOL, protocol.lower().encode()),
            (FORWARDED_PORT, str(port).encode()),
            (TRACE, _trace(_values(accepted, TRACE), trace.encode())),
        ]


def end_to_end_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the headers without the hop-by-hop headers, including those that a Connection header lists."""
    lowered = [(name.lower(), value) for name, value in headers]
    listed = {part.strip().lower() for value in _values(lowered, b"connection") for part in value.split(b",")}
    return _without(lowered, HOP_BY_HOP_HEADERS | listed)


def _trace(given: list[bytes], own: bytes) -> bytes:
    """Return the trace header: ALB puts its id before a root sent by the client, or uses it as the root."""
    before = b";".join(given)
    return b"Self=" + own + b";" + before if b"Root=" in before else b";".join(filter(None, [b"Root=" + own, before]))


def _values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for each, value in headers if each == name]


def _without(headers: Iterable[tuple[bytes, bytes]], names: Collection[bytes]) -> Headers:
    return [(name, value) for name, value in headers if name not in names]
