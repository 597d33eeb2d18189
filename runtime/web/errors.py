"""Rendering of errors as responses. A response never quotes what the caller sent."""

from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools import Logger
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from runtime.contract.envelopes import error_body
from runtime.contract.validation import field_problems
from runtime.errors import (
    FieldProblem,
    PayloadTooLargeError,
    PlatformError,
    RetryLaterError,
    UnauthorizedError,
    UnavailableError,
)

SERVER_ERROR_RETURNED = "server_error_returned"

# For an object with very many invalid fields, only the first ones are returned.
MAX_PROBLEMS = 50
# Replacements of the framework's error messages.
_BY_STATUS = {
    400: ("VALIDATION_ERROR", "The request is malformed"),
    404: ("NOT_FOUND", "Resource not found"),
    405: ("METHOD_NOT_ALLOWED", "Method not allowed"),
    413: (
        PayloadTooLargeError.code,
        "The body is too large; use POST /api/v1/upload/generate-url for files",
    ),
}


def request_id_of(scope: Scope) -> str:
    """Return the id that the middleware has given to the request."""
    return str(scope["state"]["request_id"])


def render(
    scope: Scope, status: int, code: str, problems: Sequence[FieldProblem], headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return an error response."""
    entries: list[dict[str, Any]] = [
        {"code": code, "message": problem.message, **({"field": problem.field} if problem.field else {})}
        for problem in problems[:MAX_PROBLEMS]
    ]
    return JSONResponse(error_body(entries, request_id_of(scope)), status_code=status, headers=headers)


def render_platform_error(scope: Scope, error: PlatformError) -> JSONResponse:
    """Return the response to a PlatformError. The message of an internal error (status 500) is not shown."""
    if error.status == PlatformError.status:
        return render_unexpected(scope)
    headers, problems = {}, error.problems
    if isinstance(error, UnavailableError):
        # Its message names internal components, which clients should not see.
        problems = (FieldProblem("Service temporarily unavailable; try again"),)
    if isinstance(error, RetryLaterError):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, UnauthorizedError):
        headers["WWW-Authenticate"] = "Bearer"
    return render(scope, error.status, error.code, problems, headers)


def render_unexpected(scope: Scope) -> JSONResponse:
    """An internal error; the log has the details under the request id."""
    return render(scope, PlatformError.status, PlatformError.code, [FieldProblem("Internal server error")])


def render_http_exception(scope: Scope, error: HTTPException) -> JSONResponse:
    """Return the response to an error of the framework: unknown routes, wrong methods, unreadable bodies."""
    if error.status_code >= PlatformError.status:
        return render_unexpected(scope)
    code, message = _BY_STATUS.get(error.status_code, _BY_STATUS[400])
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods_at(scope))
    return render(scope, error.status_code, code, [FieldProblem(message)], headers)


def _methods_at(scope: Scope) -> list[str]:
    """Return all methods of the requested path (RFC 9110, 15.5.6); the framework returns those of the first route only."""
    matches = [route for route in iter_route_contexts(scope["app"].routes) if route.matches(scope)[0] != Match.NONE]
    # `/clips/assign` also matches `/clips/{clip_id}`; the first match is the specific path.
    return sorted({method for route in matches if route.path == matches[0].path for method in route.methods or ()})


def render_validation(scope: Scope, error: RequestValidationError) -> JSONResponse:
    """Return the response to a validation error, with one entry per field."""
    return render(scope, 400, "VALIDATION_ERROR", field_problems(error.errors()))


def install(app: FastAPI, log: Logger) -> None:
    """Install the exception handlers; server errors are logged with their reason."""

    @app.exception_handler(PlatformError)
    async def _(request: Request, error: PlatformError) -> JSONResponse:
        if error.status >= PlatformError.status:
            log.error(
                SERVER_ERROR_RETURNED,
                extra={"request_id": request_id_of(request.scope), "code": error.code, "reason": error.message},
            )
        if isinstance(error, UnavailableError):
            request.state.is_retry_safe = error.is_retry_safe
        return render_platform_error(request.scope, error)

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> JSONResponse:
        return render_validation(request.scope, error)

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> JSONResponse:
        return render_http_exception(request.scope, error)
