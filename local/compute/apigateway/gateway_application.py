"""One HTTP API as an ASGI application: what API Gateway does between a client and the function."""

import asyncio
import base64
import json
import re
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.compute.apigateway import gateway_events
from local.compute.apigateway.cross_origin import CrossOriginRules
from local.compute.apigateway.gateway_events import InvalidAnswerError, Request, Response, StageContext
from local.compute.apigateway.gateway_routes import DEFAULT_ROUTE_KEY, Choice, Route, choose
from local.compute.lambda_.functions import Functions
from local.compute.lambda_.invocations import Invocation
from local.errors import LocalPlatformError

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAXIMUM_REQUEST_BYTES = 10 * 1024 * 1024
MAXIMUM_INTEGRATION_SECONDS = 30.0
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
PORT = re.compile(r":\d*$")
INTERNAL_SERVER_ERROR = Response.message(500, "Internal Server Error")
SERVICE_UNAVAILABLE = Response.message(503, "Service Unavailable")


@dataclass(frozen=True, kw_only=True)
class Integration:
    """A function behind a route, and how long it may take."""

    function: str
    timeout_seconds: float = MAXIMUM_INTEGRATION_SECONDS


@dataclass(kw_only=True)
class HttpApi:
    """An API as registered so far: routes and integrations may be added while it is served."""

    id: str
    account_id: str
    region: str
    port: int
    cross_origin: CrossOriginRules | None = None
    integrations: dict[str, Integration] = field(default_factory=dict)
    routes: dict[str, Route] = field(default_factory=dict)
    stages: dict[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def domain_name(self) -> str:
        """The name that AWS would give it, under which clients know it there."""
        return f"{self.id}.execute-api.{self.region}.amazonaws.com"

    @property
    def local_names(self) -> frozenset[str]:
        """The Host values of a client that talks to the listener by its loopback address."""
        return frozenset(f"{name}:{self.port}" for name in LOOPBACK_NAMES)


class AccessLog:
    """One JSON object a request, in the order of the answers. Query strings stay out: they may carry secrets."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()

    def write(self, **fields: Any) -> None:
        """Appends a line."""
        with self._lock, self._path.open("a") as log:
            log.write(json.dumps(fields) + "\n")


class GatewayApplication:
    """Serves an HttpApi. Functions are invoked on the executor's threads."""

    def __init__(self, api: HttpApi, functions: Functions, executor: Executor, log: AccessLog) -> None:
        self._api, self._functions, self._executor, self._log = api, functions, executor, log

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        began, request_id = time.monotonic(), base64.b64encode(secrets.token_bytes(11)).decode()
        request = _request(scope)
        try:
            body = await _read_body(receive)
        except ConnectionAbortedError:
            return
        if body is None:
            response = Response.message(413, "Request Entity Too Large")
        else:
            response = await self._answer(replace(request, body=body), request_id)
        # Nothing may be sent with these statuses, whatever a function answered.
        content = b"" if response.status in {204, 304} else response.body
        headers = [*response.headers, ("apigw-requestid", request_id)]
        if response.status not in {204, 304}:
            headers.append(("content-length", str(len(content))))
        self._log.write(
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
            requestId=request_id,
            ip=request.source_ip,
            host=request.header("host") or "",
            method=request.method,
            path=request.path,
            protocol=request.protocol,
            status=response.status,
            responseLength=len(content),
            milliseconds=round((time.monotonic() - began) * 1000, 1),
        )
        encoded = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers]
        await send({"type": "http.response.start", "status": response.status, "headers": encoded})
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, request: Request, request_id: str) -> Response:
        rules = self._api.cross_origin
        if rules is not None and (answer := rules.preflight(request)) is not None:
            return answer
        response = await self._route(request, request_id)
        return response if rules is None else rules.applied(request, response)

    async def _route(self, request: Request, request_id: str) -> Response:
        found = self._stage(request.path)
        choice = choose(list(self._api.routes.values()), request.method, found[1]) if found else None
        integration = self._api.integrations.get(choice.route.integration_id) if choice else None
        if found is None or choice is None or integration is None:
            return Response.message(404, "Not Found")
        presented, asked_name = self._as_on_aws(request)
        context = StageContext(
            account_id=self._api.account_id,
            api_id=self._api.id,
            domain_name=PORT.sub("", presented.header("host") or ""),
            stage=found[0],
            variables=self._api.stages[found[0]],
        )
        response = await self._integrate(presented, choice, integration, context, request_id)
        return response if asked_name is None else self._under_asked_name(response, asked_name)

    async def _integrate(
        self, request: Request, choice: Choice, integration: Integration, context: StageContext, request_id: str
    ) -> Response:
        event = gateway_events.event(request, choice, context, request_id)
        invoked = asyncio.get_running_loop().run_in_executor(
            self._executor, self._functions.invoke, integration.function, event
        )
        try:
            invocation: Invocation = await asyncio.wait_for(invoked, integration.timeout_seconds)
        except TimeoutError:
            return SERVICE_UNAVAILABLE
        except LocalPlatformError:
            return INTERNAL_SERVER_ERROR
        if invocation.error is not None:
            return SERVICE_UNAVAILABLE if invocation.error.type == "Throttled" else INTERNAL_SERVER_ERROR
        try:
            return gateway_events.response(invocation.payload)
        except InvalidAnswerError:
            return INTERNAL_SERVER_ERROR

    def _stage(self, path: str) -> tuple[str, str] | None:
        """The stage of a request and the path within it: a named stage is the first segment, `$default` has none."""
        name, _, rest = path.lstrip("/").partition("/")
        if name in self._api.stages:
            return name, f"/{rest}"
        return (DEFAULT_ROUTE_KEY, path) if DEFAULT_ROUTE_KEY in self._api.stages else None

    def _as_on_aws(self, request: Request) -> tuple[Request, str | None]:
        """The request under the API's own name, and the loopback name that it was asked under.

        On AWS that name is what clients use; the listener stands in for its DNS entry and its certificate. Any other Host is
        the client's own claim and passes as it is, with None.
        """
        host = (request.header("host") or "").lower()
        if host not in self._api.local_names:
            return request, None
        headers = [(name, self._api.domain_name if name == "host" else value) for name, value in request.headers]
        return replace(request, headers=headers), host

    def _under_asked_name(self, response: Response, host: str) -> Response:
        """Redirects to the API's own name lead back here: on this machine nothing else answers to it."""
        own = f"https://{self._api.domain_name}"
        headers = [
            (name, f"http://{host}{value.removeprefix(own)}" if name == "location" and _is_below(value, own) else value)
            for name, value in response.headers
        ]
        return replace(response, headers=headers)


def _is_below(url: str, origin: str) -> bool:
    return url == origin or url.startswith((f"{origin}/", f"{origin}?"))


def _request(scope: MutableMapping[str, Any]) -> Request:
    return Request(
        method=scope["method"],
        path=scope["raw_path"].decode("ascii"),
        query=scope["query_string"].decode("latin-1"),
        protocol=f"HTTP/{scope['http_version']}",
        headers=[(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]],
        body=b"",
        source_ip=scope["client"][0] if scope.get("client") else "",
    )


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body; None as soon as it is known to be longer than API Gateway takes.

    Raises ConnectionAbortedError when the client went away before its end.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionAbortedError
        body += message.get("body", b"")
        if len(body) > MAXIMUM_REQUEST_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(body)
