"""What a start tells of itself while it happens."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

StepState = Literal["started", "progressed", "finished", "failed"]


@dataclass(frozen=True, kw_only=True)
class ProgressEvent:
    """One step's news. `seconds` is the step's age; `detail` is short and for people."""

    step: str
    state: StepState
    detail: str = ""
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


Listener = Callable[[ProgressEvent], None]


class Step:
    """A running step; `detail` is what its last line shows."""

    def __init__(self, name: str, listener: Listener) -> None:
        self.name, self.detail = name, ""
        self._listener, self._began = listener, time.monotonic()

    def tell(self, state: StepState, detail: str = "") -> None:
        self.detail = detail or self.detail
        seconds = round(time.monotonic() - self._began, 3)
        self._listener(ProgressEvent(step=self.name, state=state, detail=self.detail, seconds=seconds))


@contextmanager
def step(name: str, listener: Listener) -> Iterator[Step]:
    """Reports a step as started, and as finished or failed when the block ends."""
    running = Step(name, listener)
    running.tell("started")
    try:
        yield running
    except BaseException as error:
        running.tell("failed", str(error) or type(error).__name__)
        raise
    running.tell("finished")
