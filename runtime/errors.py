"""Refusals have names. None of them knows a web framework; `runtime/web/errors.py` renders them.

PlatformError                 SERVER_ERROR         500
├── InvalidInputError         VALIDATION_ERROR     400   may carry one entry per field
├── UnauthorizedError         UNAUTHORIZED         401
├── ForbiddenError            FORBIDDEN            403
├── NotFoundError             NOT_FOUND            404   also for "not yours"
├── ConflictError             CONFLICT             409
│   └── PreconditionFailedError  PRECONDITION_FAILED 412
├── PayloadTooLargeError             PAYLOAD_TOO_LARGE    413
├── RetryLaterError           (the two below)            carries the seconds to wait
│   ├── RateLimitError        RATE_LIMIT_EXCEEDED  429
│   └── UnavailableError      SERVICE_UNAVAILABLE  503   a part we need does not answer
└── MediaRefusedError         MEDIA_REFUSED        422   the file itself is wrong: trying again cannot help
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field; `field` is its path in the request, such as `body.tags.0`."""

    message: str
    field: str | None = None


class PlatformError(Exception):
    """A refusal with a stable code and an HTTP status. `message` may be shown to the caller."""

    code: ClassVar[str] = "SERVER_ERROR"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, field: str | None = None, problems: Sequence[FieldProblem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.problems: tuple[FieldProblem, ...] = tuple(problems) or (FieldProblem(message, field),)


class InvalidInputError(PlatformError):
    """The request breaks a rule; one problem per field."""

    code, status = "VALIDATION_ERROR", 400


class UnauthorizedError(PlatformError):
    """Nobody we know asks."""

    code, status = "UNAUTHORIZED", 401


class ForbiddenError(PlatformError):
    """We know who asks, and they may not."""

    code, status = "FORBIDDEN", 403


class NotFoundError(PlatformError):
    """There is no such thing, or none that the caller may know of."""

    code, status = "NOT_FOUND", 404


class ConflictError(PlatformError):
    """The request contradicts what is stored."""

    code, status = "CONFLICT", 409


class PreconditionFailedError(ConflictError):
    """The caller's version of the thing is not the current one."""

    code, status = "PRECONDITION_FAILED", 412


class PayloadTooLargeError(PlatformError):
    """More bytes than this route takes."""

    code, status = "PAYLOAD_TOO_LARGE", 413


class RetryLaterError(PlatformError):
    """A refusal that time mends."""

    def __init__(self, message: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RateLimitError(RetryLaterError):
    """Too many requests."""

    code, status = "RATE_LIMIT_EXCEEDED", 429


class UnavailableError(RetryLaterError):
    """A part that we need does not answer. `is_retry_safe` says that nothing was written and that trying again at once may help."""

    code, status = "SERVICE_UNAVAILABLE", 503

    def __init__(self, message: str, *, retry_after_seconds: int = 1, is_retry_safe: bool = False) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)
        self.is_retry_safe = is_retry_safe


class MediaRefusedError(PlatformError):
    """The file itself is wrong (not an allowed image, too many pixels, broken): trying again cannot help."""

    code, status = "MEDIA_REFUSED", 422

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
