"""Progress events of a platform's start."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

StepState = Literal["started", "progressed", "finished", "failed"]


@dataclass(frozen=True, kw_only=True)
class ProgressEvent:
    """One event of a step. `seconds` is the time since the step began; `detail` is a short text for display."""

    step: str
    state: StepState
    detail: str = ""
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the event as a JSON-compatible dict."""
        return asdict(self)


Listener = Callable[[ProgressEvent], None]


class Step:
    """A running step; `detail` is shown when it finishes."""

    def __init__(self, name: str, listener: Listener) -> None:
        self.name, self.detail = name, ""
        self._listener, self._started_at = listener, time.monotonic()

    def report(self, state: StepState, detail: str = "") -> None:
        """Send an event to the listener; without a detail, the last one is repeated."""
        self.detail = detail or self.detail
        seconds = round(time.monotonic() - self._started_at, 3)
        self._listener(ProgressEvent(step=self.name, state=state, detail=self.detail, seconds=seconds))


@contextmanager
def step(name: str, listener: Listener) -> Iterator[Step]:
    """Report a step as started, and as finished or failed when the block ends."""
    running = Step(name, listener)
    running.report("started")
    try:
        yield running
    except BaseException as error:
        running.report("failed", str(error) or type(error).__name__)
        raise
    running.report("finished")
