"""What every request passes: its id, its log entry, the headers of every answer, the known hosts, the size of its body.

None of it decides who may do what: guards on the routes do.
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

# An id from outside ends up in an answer's header and in the log. This alphabet can harm neither.
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")

# A route that needs another value sets it itself, as the documentation pages do with their policy.
_SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class RequestContext:
    """The outermost: gives the request its id, each answer its headers, and writes one event a request."""

    def __init__(self, app: ASGIApp, log: Logger) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status, began = 0, time.perf_counter()

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
            # The route's template and not the path: a path may hold anything, and templates can be counted.
            self._log.info(
                REQUEST_HANDLED,
                extra={
                    "method": scope["method"],
                    "route": getattr(scope.get("route"), "path", None),
                    "status": status,
                    "ms": round((time.perf_counter() - began) * 1000, 1),
                    "request_id": request_id,
                    "user": _pseudonym(caller),
                },
            )


class TrustedHosts:
    """Refuses a Host that is not ours, before anything is made of it. `/health` is open to a load balancer's address."""

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str]) -> None:
        self._app = app
        self._judge = TrustedHostMiddleware(self._mark, allowed_hosts=list(allowed_hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != "/health":
            # The library judges and we word the refusal: its answer goes nowhere.
            await self._judge(scope, receive, _discard)
            is_known = scope["state"].pop("host_is_known", False)
            # It judges the first of several, and whatever stands before us may have gone by the last.
            if not is_known or len(Headers(scope=scope).getlist("host")) > 1:
                answer = render_platform_error(scope, InvalidInputError("This host is not served here"))
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)

    @staticmethod
    async def _mark(scope: Scope, _receive: Receive, _send: Send) -> None:
        scope["state"]["host_is_known"] = True


class BodyLimit:
    """Refuses bodies beyond the limit, by what is declared and by what arrives.

    The framework's own limit answers an excessive declared length in plain text, past every other middleware. `larger` are
    the limits of paths that take more than the others.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES, larger: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        max_bytes = self._larger.get(scope["path"], self._max_bytes)
        declared = Headers(scope=scope).get("content-length", "")
        # A length of very many digits is not turned into a number: that takes quadratic time.
        if declared.isdecimal() and (len(declared) > 15 or int(declared) > max_bytes):
            message = f"A body may have {max_bytes} bytes; files go to storage, see POST /api/v1/upload/generate-url"
            await render(scope, 413, PayloadTooLargeError.code, [FieldProblem(message)])(scope, receive, send)
            return
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                # The framework hands on this type alone unchanged; the error renderer words it.
                raise HTTPException(413)
            return message

        await self._app(scope, receive_limited, send)


class UnexpectedErrors:
    """What nobody foresaw becomes a refusal without details, and an entry in the log."""

    def __init__(self, app: ASGIApp, log: Logger) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_noting_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_noting_start)
        except Exception as error:
            # An error's message may quote what a client sent (Postgres does): the log gets its type and its place.
            self._log.error(
                REQUEST_FAILED,
                extra={
                    "request_id": scope.get("state", {}).get("request_id"),
                    "error": f"{type(error).__module__}.{type(error).__qualname__}",
                    "frames": [line.strip() for line in traceback.format_tb(error.__traceback__)[-12:]],
                },
            )
            if started or scope["type"] != "http":
                raise
            await render_unexpected(scope)(scope, receive, send)


def _request_id(scope: Scope) -> str:
    sent = Headers(scope=scope).getlist("x-request-id")
    if len(sent) == 1 and _REQUEST_ID.fullmatch(sent[0]):
        return sent[0]
    return str(uuid.uuid4())


def _pseudonym(caller: Caller | None) -> str | None:
    """Tells one user's requests from another's without naming either."""
    return hashlib.sha256(caller.user_id.bytes).hexdigest()[:16] if caller else None


async def _discard(_: Message) -> None:
    """Sends nothing to nobody."""
