"""One HTTP API as an ASGI application: what API Gateway does between a client and a function."""

import asyncio
import base64
import re
import secrets
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from local.compute.apigateway import payload_format
from local.compute.apigateway.cors import CorsRules
from local.compute.apigateway.payload_format import InvalidResponseError, Request, Response, StageContext
from local.compute.apigateway.routes import DEFAULT_ROUTE_KEY, Route, RouteMatch, match_route
from local.compute.http.access_log import AccessLog
from local.compute.http.asgi import Receive, Scope, Send
from local.compute.http.loopback_server import LOOPBACK_NAMES
from local.compute.lambda_.functions import Functions
from local.compute.lambda_.invocations import Invocation
from local.errors import LocalPlatformError

MAXIMUM_REQUEST_BYTES = 10 * 1024 * 1024
MAXIMUM_INTEGRATION_SECONDS = 30.0
PORT = re.compile(r":\d*$")
INTERNAL_SERVER_ERROR = Response.message(500, "Internal Server Error")
SERVICE_UNAVAILABLE = Response.message(503, "Service Unavailable")


@dataclass(frozen=True, kw_only=True)
class Integration:
    """The function of a route, and its time limit."""

    function: str
    timeout_seconds: float = MAXIMUM_INTEGRATION_SECONDS


@dataclass(kw_only=True)
class HttpApi:
    """A registered API. Routes, integrations and stages may be added while it is served."""

    id: str
    account_id: str
    region: str
    port: int
    cors: CorsRules | None = None
    integrations: dict[str, Integration] = field(default_factory=dict)
    routes: dict[str, Route] = field(default_factory=dict)
    stages: dict[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def domain_name(self) -> str:
        """The host name of the API on AWS."""
        return f"{self.id}.execute-api.{self.region}.amazonaws.com"

    @property
    def loopback_hosts(self) -> frozenset[str]:
        """The Host header values of clients that use the listener's loopback address."""
        return frozenset(f"{name}:{self.port}" for name in LOOPBACK_NAMES)


class GatewayApplication:
    """The ASGI application of an API. Functions are invoked on the executor's threads."""

    def __init__(self, api: HttpApi, functions: Functions, executor: Executor, log: AccessLog) -> None:
        self._api, self._functions, self._executor, self._log = api, functions, executor, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, request_id = time.monotonic(), base64.b64encode(secrets.token_bytes(11)).decode()
        request = _request(scope)
        try:
            body = await _read_body(receive)
        except ConnectionAbortedError:
            return
        if body is None:
            response = Response.message(413, "Request Entity Too Large")
        else:
            response = await self._respond(replace(request, body=body), request_id)
        # Responses with these statuses have no body, whatever the function returned.
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

    async def _respond(self, request: Request, request_id: str) -> Response:
        cors = self._api.cors
        if cors is not None and (preflight := cors.preflight(request)) is not None:
            return preflight
        response = await self._route(request, request_id)
        return response if cors is None else cors.apply(request, response)

    async def _route(self, request: Request, request_id: str) -> Response:
        found = self._stage(request.path)
        match = match_route(list(self._api.routes.values()), request.method, found[1]) if found else None
        integration = self._api.integrations.get(match.route.integration_id) if match else None
        if found is None or match is None or integration is None:
            return Response.message(404, "Not Found")
        presented, loopback_host = self._with_domain_name(request)
        context = StageContext(
            account_id=self._api.account_id,
            api_id=self._api.id,
            domain_name=PORT.sub("", presented.header("host") or ""),
            stage=found[0],
            variables=self._api.stages[found[0]],
        )
        response = await self._integrate(presented, match, integration, context, request_id)
        return response if loopback_host is None else self._with_loopback_redirect(response, loopback_host)

    async def _integrate(
        self, request: Request, match: RouteMatch, integration: Integration, context: StageContext, request_id: str
    ) -> Response:
        event = payload_format.event(request, match, context, request_id)
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
            return payload_format.response(invocation.payload)
        except InvalidResponseError:
            return INTERNAL_SERVER_ERROR

    def _stage(self, path: str) -> tuple[str, str] | None:
        """Return the stage of a request and the path within it. A named stage is the first segment of the path."""
        name, _, rest = path.lstrip("/").partition("/")
        if name in self._api.stages:
            return name, f"/{rest}"
        return (DEFAULT_ROUTE_KEY, path) if DEFAULT_ROUTE_KEY in self._api.stages else None

    def _with_domain_name(self, request: Request) -> tuple[Request, str | None]:
        """Replace a loopback Host header by the API's domain name, which clients use on AWS.

        Returns:
            The request, and the replaced host; None if the client sent another Host header, which is then left unchanged.
        """
        host = (request.header("host") or "").lower()
        if host not in self._api.loopback_hosts:
            return request, None
        headers = [(name, self._api.domain_name if name == "host" else value) for name, value in request.headers]
        return replace(request, headers=headers), host

    def _with_loopback_redirect(self, response: Response, host: str) -> Response:
        """Replace the API's domain name by `host` in the location of a redirect: here the name does not resolve."""
        own = f"https://{self._api.domain_name}"
        headers = [
            (
                name,
                f"http://{host}{value.removeprefix(own)}" if name == "location" and _has_origin(value, own) else value,
            )
            for name, value in response.headers
        ]
        return replace(response, headers=headers)


def _has_origin(url: str, origin: str) -> bool:
    return url == origin or url.startswith((f"{origin}/", f"{origin}?"))


def _request(scope: Scope) -> Request:
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
    """Read the body; return None as soon as it is longer than API Gateway's limit.

    Raises:
        ConnectionAbortedError: The client disconnected before the end of the body.
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
