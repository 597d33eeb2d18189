"""One listener of a load balancer as an ASGI application: what ALB does between a client and a target."""

import asyncio
import re
import secrets
import time
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import httpx

from local.compute.elbv2 import listener_rules
from local.compute.elbv2.forwarded_headers import HeaderPolicy, end_to_end_headers
from local.compute.elbv2.incoming_body import ClientDisconnectedError, IncomingBody, RequestTimeoutError
from local.compute.elbv2.listener_rules import Action, FixedResponse, Forward, Redirect, RequestTarget, Rule
from local.compute.elbv2.target_groups import Target, TargetGroup
from local.compute.http.access_log import AccessLog
from local.compute.http.asgi import Receive, Scope, Send
from local.compute.http.loopback_server import LOOPBACK_NAMES

# ALB's limit for connecting to a target.
CONNECT_SECONDS = 10.0
PORT = re.compile(r":(\d+)$")
# The status in ALB's access log when the client closed the connection before the response.
CLIENT_CLOSED_STATUS = 460


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """A registered load balancer. `host_name` is its DNS name on AWS."""

    name: str
    host_name: str
    idle_timeout_seconds: float
    headers: HeaderPolicy


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A registered listener, and the loopback port on which it is served. Rules may be added while it is served."""

    balancer: LoadBalancer
    protocol: str
    registered_port: int
    port: int
    default: Action
    rules: dict[str, Rule] = field(default_factory=dict)

    def action(self, request: RequestTarget) -> Action:
        """Return the action for a request."""
        return listener_rules.choose_action(list(self.rules.values()), self.default, request)

    def with_host_name(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return a request's headers with a loopback Host replaced by the load balancer's DNS name, which is used on AWS."""
        local = {f"{name}:{self.port}".encode() for name in LOOPBACK_NAMES}
        own = self.balancer.host_name.encode()
        return [(name, own if own and name == b"host" and value.lower() in local else value) for name, value in headers]

    def forwards_to(self, target_group_arn: str) -> bool:
        """Whether an action of the listener forwards to the group."""
        actions = [self.default, *(rule.action for rule in list(self.rules.values()))]
        return any(isinstance(each, Forward) and target_group_arn in dict(each.groups) for each in actions)


@dataclass(kw_only=True)
class Exchange:
    """One request, for its line in the access log. `status` is 0 until a response begins."""

    trace: str
    status: int = 0
    length: int = 0
    target: str = ""
    target_status: int = 0
    problem: str = ""


class ListenerApplication:
    """The ASGI application of a listener, for HTTP/1.1. Protocol upgrades (WebSockets) are not supported."""

    def __init__(
        self,
        listener: Listener,
        groups: Mapping[str, TargetGroup],
        transport: httpx.AsyncHTTPTransport,
        log: AccessLog,
    ) -> None:
        self._listener, self._groups, self._transport, self._log = listener, groups, transport, log
        self._idle_seconds = listener.balancer.idle_timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            return
        began, exchange = time.monotonic(), Exchange(trace=f"1-{int(time.time()):08x}-{secrets.token_hex(12)}")
        body = IncomingBody(receive, scope["headers"], self._idle_seconds)
        try:
            await _cancel_on_disconnect(self._respond(scope, body, exchange, send), body)
        except ClientDisconnectedError:
            exchange.status = CLIENT_CLOSED_STATUS
        finally:
            self._log_access(scope, exchange, time.monotonic() - began)

    async def _respond(self, scope: Mapping[str, Any], body: IncomingBody, exchange: Exchange, send: Send) -> None:
        request = self._request_target(scope)
        action = self._listener.action(request)
        if isinstance(action, Redirect):
            await _send_own_response(exchange, send, action.status, location=action.location(request))
        elif isinstance(action, FixedResponse):
            await _send_own_response(
                exchange, send, action.status, body=action.body.encode(), content_type=action.content_type
            )
        elif (arn := action.choose()) is None or (target := self._groups[arn].choose()) is None:
            await _send_own_response(exchange, send, HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            with target.track_request():
                await self._forward(target, scope, body, exchange, send)

    async def _forward(
        self, target: Target, scope: Mapping[str, Any], body: IncomingBody, exchange: Exchange, send: Send
    ) -> None:
        """Stream the request to the target and the response to the client.

        If the target's response breaks off after it began, the client's connection is closed, because the status has been sent.
        """
        exchange.target = f"{target.address}:{target.port}"
        try:
            response = await self._transport.handle_async_request(self._request(target, scope, body, exchange))
            try:
                await _relay(response, exchange, send)
            finally:
                await response.aclose()
        except (RequestTimeoutError, httpx.TransportError) as error:
            status, exchange.problem = _error_status(error), f"{type(error).__name__} {error}".strip()
        else:
            return
        if exchange.status == 0:
            await _send_own_response(exchange, send, status)

    def _request(
        self, target: Target, scope: Mapping[str, Any], body: IncomingBody, exchange: Exchange
    ) -> httpx.Request:
        path, query = scope["raw_path"], scope["query_string"]
        headers = self._listener.balancer.headers.to_target(
            self._listener.with_host_name(scope["headers"]),
            client=scope["client"],
            # As registered, so that the application receives the same values as behind the listener on AWS.
            protocol=self._listener.protocol,
            port=self._listener.registered_port,
            trace=exchange.trace,
        )
        return httpx.Request(
            scope["method"],
            target.url,
            headers=headers,
            content=body.chunks() if body.exists else None,
            extensions={
                # The client's exact path: httpx would normalise it.
                "target": path + b"?" + query if query else path,
                "timeout": {"connect": CONNECT_SECONDS, "read": self._idle_seconds, "write": self._idle_seconds},
            },
        )

    def _request_target(self, scope: Mapping[str, Any]) -> RequestTarget:
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        port = PORT.search(host)
        return RequestTarget(
            protocol="HTTP",
            host=PORT.sub("", host),
            port=int(port[1]) if port else self._listener.port,
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
        )

    def _log_access(self, scope: Mapping[str, Any], exchange: Exchange, seconds: float) -> None:
        request = self._request_target(scope)
        self._log.write(
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
            requestId=exchange.trace,
            loadBalancer=self._listener.balancer.name,
            ip=scope["client"][0],
            host=request.host,
            method=scope["method"],
            path=request.path,
            protocol=f"HTTP/{scope['http_version']}",
            status=exchange.status,
            responseLength=exchange.length,
            target=exchange.target,
            targetStatus=exchange.target_status,
            problem=exchange.problem,
            milliseconds=round(seconds * 1000, 1),
        )


async def _cancel_on_disconnect(responding: Coroutine[Any, Any, None], body: IncomingBody) -> None:
    """Wait for the response to be sent; cancel it, with the request to the target, as soon as the client disconnects.

    Raises:
        ClientDisconnectedError: The client disconnected first.
    """
    response, disconnect = asyncio.ensure_future(responding), asyncio.ensure_future(body.wait_for_disconnect())
    try:
        await asyncio.wait({response, disconnect}, return_when=asyncio.FIRST_COMPLETED)
        if not response.done():
            raise ClientDisconnectedError
        response.result()
    finally:
        response.cancel()
        disconnect.cancel()
        await asyncio.gather(response, disconnect, return_exceptions=True)


def _error_status(error: RequestTimeoutError | httpx.TransportError) -> HTTPStatus:
    if isinstance(error, RequestTimeoutError):
        return HTTPStatus.REQUEST_TIMEOUT
    return HTTPStatus.GATEWAY_TIMEOUT if isinstance(error, httpx.TimeoutException) else HTTPStatus.BAD_GATEWAY


async def _relay(response: httpx.Response, exchange: Exchange, send: Send) -> None:
    # Responses with these statuses have no body; a client would wait for one if a target's content-length were forwarded.
    has_no_body = response.status_code in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
    headers = [
        each for each in end_to_end_headers(response.headers.raw) if not (has_no_body and each[0] == b"content-length")
    ]
    exchange.status = exchange.target_status = response.status_code
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    async for chunk in response.aiter_raw():
        exchange.length += len(chunk)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _send_own_response(
    exchange: Exchange,
    send: Send,
    status: int,
    *,
    body: bytes | None = None,
    content_type: str = "text/html",
    location: str | None = None,
) -> None:
    """Send a response of the load balancer itself; by default its body is a page with the status."""
    if body is None:
        title = f"{int(status)} {HTTPStatus(status).phrase}"
        head, heading = f"<head><title>{title}</title></head>", f"<center><h1>{title}</h1></center>"
        body = f"<html>\r\n{head}\r\n<body>\r\n{heading}\r\n</body>\r\n</html>\r\n".encode()
    headers = {
        "server": "awselb/2.0",
        "date": formatdate(usegmt=True),
        "content-type": content_type,
        "content-length": str(len(body)),
    }
    if location is not None:
        headers["location"] = location
    if status == HTTPStatus.REQUEST_TIMEOUT:
        # The rest of the body would be read as the next request.
        headers["connection"] = "close"
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    exchange.status, exchange.length = int(status), len(body)
    await send({"type": "http.response.start", "status": int(status), "headers": encoded})
    await send({"type": "http.response.body", "body": body})
