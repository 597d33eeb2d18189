"""Middleware of every request: request id, log entry, response headers, trusted hosts, body size.

Authorization is not done here but by the guards of the routes.
"""

import hashlib
import re
import time
import traceback
import uuid
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from aws_lambda_powertools import Logger
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.access.rate_limits import RateLimitStatus
from runtime.access.tokens import Caller
from runtime.errors import FieldProblem, InvalidInputError, PayloadTooLargeError
from runtime.web.errors import render, render_platform_error, render_unexpected

REQUEST_HANDLED = "request_handled"
REQUEST_FAILED = "request_failed"

MAX_BODY_BYTES = 1024 * 1024

# A client's request id ends up in a response header and in the log; this alphabet is safe in both.
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")

# Defaults: a route can set another value, as the documentation pages do with their policy.
_SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class RequestContext:
    """The outermost middleware: sets the request id and the response headers, and logs one event per request."""

    def __init__(self, app: ASGIApp, log: Logger) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI event."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status, started_at = 0, time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                rate_limit: RateLimitStatus | None = scope["state"].get("rate_limit")
                if rate_limit:
                    headers.update(rate_limit.headers)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            caller: Caller | None = scope["state"].get("caller")
            # The route's template and not the path, which may contain anything and cannot be aggregated.
            self._log.info(
                REQUEST_HANDLED,
                extra={
                    "method": scope["method"],
                    "route": getattr(scope.get("route"), "path", None),
                    "status": status,
                    "ms": round((time.perf_counter() - started_at) * 1000, 1),
                    "request_id": request_id,
                    "user": _pseudonym(caller),
                },
            )


class TrustedHosts:
    """Rejects requests for other hosts. `/health` is exempt, because load balancers request it by IP address."""

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str]) -> None:
        self._app = app
        self._host_check = TrustedHostMiddleware(self._accept, allowed_hosts=list(allowed_hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI event."""
        if scope["type"] == "http" and scope["path"] != "/health":
            # Only the library's decision is used; its response is discarded.
            await self._host_check(scope, receive, _discard)
            is_trusted = scope["state"].pop("is_trusted_host", False)
            # The library checks the first of several Host headers, but a proxy may have used the last one.
            if not is_trusted or len(Headers(scope=scope).getlist("host")) > 1:
                response = render_platform_error(scope, InvalidInputError("Unknown host"))
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    @staticmethod
    async def _accept(scope: Scope, _receive: Receive, _send: Send) -> None:
        scope["state"]["is_trusted_host"] = True


class BodySizeLimit:
    """Rejects bodies that are too large, by their declared and their actual length.

    The framework's own limit responds to an excessive Content-Length in plain text, bypassing all other middleware. `path_limits`
    has the limits of paths that accept more than `max_bytes`.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES, path_limits: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._path_limits = path_limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI event."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        max_bytes = self._path_limits.get(scope["path"], self._max_bytes)
        declared = Headers(scope=scope).get("content-length", "")
        # A length with very many digits is not converted to a number, which would take quadratic time.
        if declared.isdecimal() and (len(declared) > 15 or int(declared) > max_bytes):
            message = f"The body is larger than {max_bytes} bytes; use POST /api/v1/upload/generate-url for files"
            await render(scope, 413, PayloadTooLargeError.code, [FieldProblem(message)])(scope, receive, send)
            return
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                # The framework passes on only this exception type unchanged; the error renderer adds the message.
                raise HTTPException(413)
            return message

        await self._app(scope, receive_limited, send)


class UnhandledExceptions:
    """Turns an unhandled exception into a 500 response without details, and logs it."""

    def __init__(self, app: ASGIApp, log: Logger) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI event."""
        has_started = False

        async def send_and_track(message: Message) -> None:
            nonlocal has_started
            has_started = has_started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_and_track)
        except Exception as error:
            # An exception's message may quote what a client sent (Postgres does), so only its type and frames are logged.
            self._log.error(
                REQUEST_FAILED,
                extra={
                    "request_id": scope.get("state", {}).get("request_id"),
                    "error": f"{type(error).__module__}.{type(error).__qualname__}",
                    "frames": [line.strip() for line in traceback.format_tb(error.__traceback__)[-12:]],
                },
            )
            if has_started or scope["type"] != "http":
                raise
            await render_unexpected(scope)(scope, receive, send)


def _request_id(scope: Scope) -> str:
    sent = Headers(scope=scope).getlist("x-request-id")
    if len(sent) == 1 and _REQUEST_ID.fullmatch(sent[0]):
        return sent[0]
    return str(uuid.uuid4())


def _pseudonym(caller: Caller | None) -> str | None:
    """Return a hash that distinguishes users in the log without identifying them."""
    return hashlib.sha256(caller.user_id.bytes).hexdigest()[:16] if caller else None


async def _discard(_: Message) -> None:
    """Drop an ASGI message."""
