"""The result of invoking a function with one event."""

from dataclasses import dataclass
from typing import Any, Literal

ErrorType = Literal["Unhandled", "Timeout", "Crashed", "Throttled"]


@dataclass(frozen=True, kw_only=True)
class FunctionError:
    """The reason why an invocation failed.

    `Unhandled`: the handler raised, could not be loaded, or returned a value that is not JSON or is too long. `Timeout`: it was
    killed at its timeout. `Crashed`: its process ended. `Throttled`: it was not run, because its concurrency is used up.
    `trace` holds the handler's stack frames.
    """

    type: ErrorType
    message: str
    trace: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """The outcome of one event.

    `payload` is the handler's JSON value, or Lambda's error object if there is an `error` (None when the function did not
    run). `seconds` is the duration of the handler, without loading it.
    """

    request_id: str
    payload: Any = None
    error: FunctionError | None = None
    seconds: float = 0.0

    @classmethod
    def failed(
        cls,
        request_id: str,
        error: FunctionError,
        *,
        kind: str,
        detail: str,
        seconds: float = 0.0,
    ) -> "Invocation":
        """Create a failed invocation, whose payload is the error object that Lambda returns, with `kind` as `errorType`."""
        payload = {"errorType": kind, "errorMessage": detail, "requestId": request_id, "stackTrace": list(error.trace)}
        return cls(request_id=request_id, payload=payload, error=error, seconds=seconds)
