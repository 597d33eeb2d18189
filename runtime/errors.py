"""The platform's exceptions. None depends on a web framework; `runtime/web/errors.py` turns them into error responses.

PlatformError                   SERVER_ERROR         500
├── InvalidInputError           VALIDATION_ERROR     400   may carry one problem per field
├── UnauthorizedError           UNAUTHORIZED         401
├── ForbiddenError              FORBIDDEN            403
├── NotFoundError               NOT_FOUND            404   also for records that the caller may not see
├── ConflictError               CONFLICT             409
│   └── PreconditionFailedError PRECONDITION_FAILED  412
├── PayloadTooLargeError        PAYLOAD_TOO_LARGE    413
├── RetryLaterError             (the two below)            carries the seconds to wait
│   ├── RateLimitError          RATE_LIMIT_EXCEEDED  429
│   └── UnavailableError        SERVICE_UNAVAILABLE  503   a dependency does not respond
└── MediaRefusedError           MEDIA_REFUSED        422   the file itself is invalid: a retry cannot help
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class FieldProblem:
    """A message about one field; `field` is its path in the request, such as `body.tags.0`."""

    message: str
    field: str | None = None


class PlatformError(Exception):
    """An error with a stable code and an HTTP status. `message` may be shown to the caller."""

    code: ClassVar[str] = "SERVER_ERROR"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, field: str | None = None, problems: Sequence[FieldProblem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.problems: tuple[FieldProblem, ...] = tuple(problems) or (FieldProblem(message, field),)


class InvalidInputError(PlatformError):
    """The request is invalid; the response has one entry per field."""

    code, status = "VALIDATION_ERROR", 400


class UnauthorizedError(PlatformError):
    """The request has no valid access token."""

    code, status = "UNAUTHORIZED", 401


class ForbiddenError(PlatformError):
    """The caller is authenticated but lacks the permission."""

    code, status = "FORBIDDEN", 403


class NotFoundError(PlatformError):
    """The resource does not exist, or the caller may not see it."""

    code, status = "NOT_FOUND", 404


class ConflictError(PlatformError):
    """The request conflicts with the stored state."""

    code, status = "CONFLICT", 409


class PreconditionFailedError(ConflictError):
    """The version in `If-Match` is not the current version of the record."""

    code, status = "PRECONDITION_FAILED", 412


class PayloadTooLargeError(PlatformError):
    """The body is larger than this route accepts."""

    code, status = "PAYLOAD_TOO_LARGE", 413


class RetryLaterError(PlatformError):
    """A temporary error: the same request may succeed after `retry_after_seconds`."""

    def __init__(self, message: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RateLimitError(RetryLaterError):
    """The caller has exceeded the rate limit."""

    code, status = "RATE_LIMIT_EXCEEDED", 429


class UnavailableError(RetryLaterError):
    """A dependency of the platform does not respond.

    `is_retry_safe` means that nothing was written and that an immediate retry may succeed.
    """

    code, status = "SERVICE_UNAVAILABLE", 503

    def __init__(self, message: str, *, retry_after_seconds: int = 1, is_retry_safe: bool = False) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)
        self.is_retry_safe = is_retry_safe


class MediaRefusedError(PlatformError):
    """The file itself is invalid (not an allowed image, too many pixels, corrupt): a retry cannot help."""

    code, status = "MEDIA_REFUSED", 422

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
