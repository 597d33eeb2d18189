"""How refusals look on the wire. Nothing that the caller sent is ever sent back."""

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

REQUEST_UNSERVED = "request_unserved"

# An object with very many wrong fields is told about the first of them only.
MAX_PROBLEMS = 50
# The framework's own refusals, in our words.
_BY_STATUS = {
    400: ("VALIDATION_ERROR", "The request cannot be understood"),
    404: ("NOT_FOUND", "There is nothing here"),
    405: ("METHOD_NOT_ALLOWED", "This method is not allowed here"),
    413: (
        PayloadTooLargeError.code,
        "The body is too large; files go to storage, see POST /api/v1/upload/generate-url",
    ),
}


def request_id_of(scope: Scope) -> str:
    """The id of the request, as the middleware chose it."""
    return str(scope["state"]["request_id"])


def render(
    scope: Scope, status: int, code: str, problems: Sequence[FieldProblem], headers: dict[str, str] | None = None
) -> JSONResponse:
    """The one form of every refusal."""
    entries: list[dict[str, Any]] = [
        {"code": code, "message": problem.message, **({"field": problem.field} if problem.field else {})}
        for problem in problems[:MAX_PROBLEMS]
    ]
    return JSONResponse(error_body(entries, request_id_of(scope)), status_code=status, headers=headers)


def render_platform_error(scope: Scope, error: PlatformError) -> JSONResponse:
    """A refusal of ours. One that is no refusal but a fault (status 500) keeps its message to itself."""
    if error.status == PlatformError.status:
        return render_unexpected(scope)
    headers, problems = {}, error.problems
    if isinstance(error, UnavailableError):
        # Its message says which part is away, by names that are nobody's business outside.
        problems = (FieldProblem("A part of the platform does not answer; try again"),)
    if isinstance(error, RetryLaterError):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, UnauthorizedError):
        headers["WWW-Authenticate"] = "Bearer"
    return render(scope, error.status, error.code, problems, headers)


def render_unexpected(scope: Scope) -> JSONResponse:
    """A fault of ours: the log knows more, under the request id."""
    return render(scope, PlatformError.status, PlatformError.code, [FieldProblem("Internal server error")])


def render_http_exception(scope: Scope, error: HTTPException) -> JSONResponse:
    """What the framework refuses: unknown routes, wrong methods, bodies it cannot read."""
    if error.status_code >= PlatformError.status:
        return render_unexpected(scope)
    code, message = _BY_STATUS.get(error.status_code, _BY_STATUS[400])
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods_at(scope))
    return render(scope, error.status_code, code, [FieldProblem(message)], headers)


def _methods_at(scope: Scope) -> list[str]:
    """Every method of the path that was asked for (RFC 9110, 15.5.6). The framework names those of its first route alone."""
    found = [route for route in iter_route_contexts(scope["app"].routes) if route.matches(scope)[0] != Match.NONE]
    # `/clips/assign` is also a `/clips/{clip_id}`: it has the methods of its own name, which comes first.
    return sorted({method for route in found if route.path == found[0].path for method in route.methods or ()})


def render_validation(scope: Scope, error: RequestValidationError) -> JSONResponse:
    """One entry per field, in the order in which they were found."""
    return render(scope, 400, "VALIDATION_ERROR", field_problems(error.errors()))


def install(app: FastAPI, log: Logger) -> None:
    """Makes the application refuse in this form, and note in the log why it did so when the fault is on its side."""

    @app.exception_handler(PlatformError)
    async def _(request: Request, error: PlatformError) -> JSONResponse:
        if error.status >= PlatformError.status:
            log.error(
                REQUEST_UNSERVED,
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
