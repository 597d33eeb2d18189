"""One listener of a load balancer as an ASGI application: what ALB does between a client and a healthy target."""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import httpx

from local.compute.apigateway.gateway_application import LOOPBACK_NAMES, AccessLog, Receive, Send
from local.compute.elbv2 import load_balancer_rules
from local.compute.elbv2.load_balancer_rules import Action, Asked, FixedResponse, Forward, Redirect, Rule
from local.compute.elbv2.target_groups import Target, TargetGroup
from local.compute.http.forwarded_headers import HeaderPolicy, of_the_message

# ALB's own limit for reaching a target.
CONNECT_SECONDS = 10.0
PORT = re.compile(r":(\d+)$")
# What ALB writes into its log when a client did not wait for the answer.
CLIENT_GONE_STATUS = 460


@dataclass(frozen=True, kw_only=True)
class Balancer:
    """A load balancer as registered. `host_name` is what AWS would call it."""

    name: str
    host_name: str
    idle_timeout_seconds: float
    headers: HeaderPolicy


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A listener as registered, and the port on loopback that stands for it. Rules may be added while it is served."""

    balancer: Balancer
    protocol: str
    registered_port: int
    port: int
    default: Action
    rules: dict[str, Rule] = field(default_factory=dict)

    def action(self, asked: Asked) -> Action:
        """What is done with a request."""
        return load_balancer_rules.choose(list(self.rules.values()), self.default, asked)

    def on_aws(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """A request's headers, with the load balancer's own name for a client that came by its loopback address.

        On AWS that name is what clients use, or a name of theirs that leads to it; any other Host passes as it is.
        """
        local = {f"{name}:{self.port}".encode() for name in LOOPBACK_NAMES}
        own = self.balancer.host_name.encode()
        return [(name, own if own and name == b"host" and value.lower() in local else value) for name, value in headers]

    def forwards_to(self, target_group_arn: str) -> bool:
        """Whether any request may be sent to the group."""
        actions = [self.default, *(rule.action for rule in list(self.rules.values()))]
        return any(isinstance(each, Forward) and target_group_arn in dict(each.groups) for each in actions)


@dataclass(kw_only=True)
class Exchange:
    """One request, for its line in the access log. `status` is 0 as long as nothing has been answered."""

    trace: str
    status: int = 0
    length: int = 0
    target: str = ""
    target_status: int = 0
    problem: str = ""


class ClientGoneError(Exception):
    """The client closed the connection before it had its answer."""


class ClientSilentError(Exception):
    """The client sent nothing of the body that it announced for as long as the idle timeout."""


class IncomingBody:
    """A request's body on its way through, and after it whether the client is still there."""

    def __init__(self, receive: Receive, headers: Iterable[tuple[bytes, bytes]], idle_seconds: float) -> None:
        self._receive, self._idle_seconds, self._whole = receive, idle_seconds, asyncio.Event()
        given = dict(headers)
        self.exists = b"transfer-encoding" in given or given.get(b"content-length", b"0") != b"0"
        if not self.exists:
            self._whole.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises ClientGoneError and ClientSilentError."""
        while not self._whole.is_set():
            try:
                async with asyncio.timeout(self._idle_seconds):
                    message = await self._receive()
            except TimeoutError:
                raise ClientSilentError from None
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                self._whole.set()

    async def until_gone(self) -> None:
        """Returns when a client that has sent all leaves."""
        await self._whole.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


class LoadBalancerApplication:
    """Serves a Listener over HTTP/1.1. A request to change the protocol (WebSockets) is answered as any other."""

    def __init__(
        self,
        listener: Listener,
        groups: Mapping[str, TargetGroup],
        transport: httpx.AsyncHTTPTransport,
        log: AccessLog,
    ) -> None:
        self._listener, self._groups, self._transport, self._log = listener, groups, transport, log
        self._idle_seconds = listener.balancer.idle_timeout_seconds

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began, exchange = time.monotonic(), Exchange(trace=f"1-{int(time.time()):08x}-{secrets.token_hex(12)}")
        body = IncomingBody(receive, scope["headers"], self._idle_seconds)
        try:
            await _unless_gone(self._answer(scope, body, exchange, send), body)
        except ClientGoneError:
            exchange.status = CLIENT_GONE_STATUS
        finally:
            self._write_line(scope, exchange, time.monotonic() - began)

    async def _answer(self, scope: Mapping[str, Any], body: IncomingBody, exchange: Exchange, send: Send) -> None:
        asked = self._asked(scope)
        action = self._listener.action(asked)
        if isinstance(action, Redirect):
            await _answer_itself(exchange, send, action.status, location=action.location(asked))
        elif isinstance(action, FixedResponse):
            await _answer_itself(
                exchange, send, action.status, body=action.body.encode(), content_type=action.content_type
            )
        elif (arn := action.choose()) is None or (target := self._groups[arn].choose()) is None:
            await _answer_itself(exchange, send, HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            with target.at_work():
                await self._pass_on(target, scope, body, exchange, send)

    async def _pass_on(
        self, target: Target, scope: Mapping[str, Any], body: IncomingBody, exchange: Exchange, send: Send
    ) -> None:
        """Gives the request to the target and the answer to the client, both as they arrive.

        When an answer that has begun breaks off, so does the client's connection: nothing else can be said by then.
        """
        exchange.target = f"{target.address}:{target.port}"
        try:
            response = await self._transport.handle_async_request(self._request(target, scope, body, exchange))
            try:
                await _relay(response, exchange, send)
            finally:
                await response.aclose()
        except (ClientSilentError, httpx.TransportError) as error:
            status, exchange.problem = _failed_status(error), f"{type(error).__name__} {error}".strip()
        else:
            return
        if exchange.status == 0:
            await _answer_itself(exchange, send, status)

    def _request(
        self, target: Target, scope: Mapping[str, Any], body: IncomingBody, exchange: Exchange
    ) -> httpx.Request:
        path, query = scope["raw_path"], scope["query_string"]
        headers = self._listener.balancer.headers.to_target(
            self._listener.on_aws(scope["headers"]),
            client=scope["client"],
            # As registered, so that the application sees what it would see behind the listener on AWS.
            protocol=self._listener.protocol,
            port=self._listener.registered_port,
            trace=exchange.trace,
        )
        return httpx.Request(
            scope["method"],
            target.url,
            headers=headers,
            content=body.pieces() if body.exists else None,
            extensions={
                # Exactly what the client asked for: httpx would normalise it.
                "target": path + b"?" + query if query else path,
                "timeout": {"connect": CONNECT_SECONDS, "read": self._idle_seconds, "write": self._idle_seconds},
            },
        )

    def _asked(self, scope: Mapping[str, Any]) -> Asked:
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        port = PORT.search(host)
        return Asked(
            protocol="HTTP",
            host=PORT.sub("", host),
            port=int(port[1]) if port else self._listener.port,
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
        )

    def _write_line(self, scope: Mapping[str, Any], exchange: Exchange, seconds: float) -> None:
        asked = self._asked(scope)
        self._log.write(
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
            requestId=exchange.trace,
            loadBalancer=self._listener.balancer.name,
            ip=scope["client"][0],
            host=asked.host,
            method=scope["method"],
            path=asked.path,
            protocol=f"HTTP/{scope['http_version']}",
            status=exchange.status,
            responseLength=exchange.length,
            target=exchange.target,
            targetStatus=exchange.target_status,
            problem=exchange.problem,
            milliseconds=round(seconds * 1000, 1),
        )


async def _unless_gone(answering: Coroutine[Any, Any, None], body: IncomingBody) -> None:
    """Sees an answer through; raises ClientGoneError as soon as the client leaves, which ends the target's work for it too."""
    answer, gone = asyncio.ensure_future(answering), asyncio.ensure_future(body.until_gone())
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ClientGoneError
        answer.result()
    finally:
        answer.cancel()
        gone.cancel()
        await asyncio.gather(answer, gone, return_exceptions=True)


def _failed_status(error: ClientSilentError | httpx.TransportError) -> HTTPStatus:
    if isinstance(error, ClientSilentError):
        return HTTPStatus.REQUEST_TIMEOUT
    return HTTPStatus.GATEWAY_TIMEOUT if isinstance(error, httpx.TimeoutException) else HTTPStatus.BAD_GATEWAY


async def _relay(response: httpx.Response, exchange: Exchange, send: Send) -> None:
    # Nothing follows these statuses, so a length that a target gives all the same would be waited for.
    empty = response.status_code in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
    headers = [each for each in of_the_message(response.headers.raw) if not (empty and each[0] == b"content-length")]
    exchange.status = exchange.target_status = response.status_code
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    async for piece in response.aiter_raw():
        exchange.length += len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _answer_itself(
    exchange: Exchange,
    send: Send,
    status: int,
    *,
    body: bytes | None = None,
    content_type: str = "text/html",
    location: str | None = None,
) -> None:
    """An answer of the load balancer's own; without a body it is the page that says the status."""
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
        # What the client may still send belongs to no request.
        headers["connection"] = "close"
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    exchange.status, exchange.length = int(status), len(body)
    await send({"type": "http.response.start", "status": int(status), "headers": encoded})
    await send({"type": "http.response.body", "body": body})
