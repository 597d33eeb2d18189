"""What comes of giving one event to a function."""

from dataclasses import dataclass
from typing import Any, Literal

ErrorType = Literal["Unhandled", "Timeout", "Crashed", "Throttled"]


@dataclass(frozen=True, kw_only=True)
class FunctionError:
    """Why there is no result.

    `Unhandled`: the handler raised, could not be loaded, or answered what is no JSON or too long. `Timeout`: it was killed at
    its timeout. `Crashed`: its process ended. `Throttled`: it was not run at all, because its concurrency is used up.
    `trace` is the stack below the handler, one entry a frame.
    """

    type: ErrorType
    message: str
    trace: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """`payload` is the handler's JSON value; with an error it is Lambda's error object (None when the function did not run).

    `seconds` counts from the event's handing over to the answer; loading the handler is not part of it.
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
        """An invocation whose payload is the error object that Lambda answers, with `kind` as its error type."""
        payload = {"errorType": kind, "errorMessage": detail, "requestId": request_id, "stackTrace": list(error.trace)}
        return cls(request_id=request_id, payload=payload, error=error, seconds=seconds)
