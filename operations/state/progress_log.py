"""Progress log of a start, one JSON object per line: written by the host, read by the command that waits for it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from local.progress import ProgressEvent
from operations.terminal.exit_codes import ExitCode

# The step for the start as a whole; its end is the last line of the log.
PLATFORM_STEP = "platform"
POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class StartOutcome:
    """Result of a start.

    Attributes:
        seconds: Duration of the start.
        message: Why it failed; empty if it succeeded.
        next_step: What to do about the failure.
    """

    code: ExitCode
    seconds: float
    message: str = ""
    next_step: str = ""

    @property
    def ok(self) -> bool:
        """Return whether the platform is running."""
        return self.code == ExitCode.OK


class ProgressWriter:
    """A thread-safe writer of the log; each line is written as a whole."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def write_event(self, event: ProgressEvent) -> None:
        """Append a progress event."""
        self._write(event.as_dict())

    def write_outcome(self, code: ExitCode, message: str = "", next_step: str = "") -> StartOutcome:
        """Append the outcome, which is the last line, and return it."""
        seconds = round(time.monotonic() - self._began, 3)
        outcome = StartOutcome(code=code, seconds=seconds, message=message, next_step=next_step)
        line = ProgressEvent(
            step=PLATFORM_STEP, state="finished" if outcome.ok else "failed", detail=message, seconds=seconds
        )
        self._write({**line.as_dict(), "next": next_step, "code": int(code)})
        return outcome

    def close(self) -> None:
        """Close the file; later events are discarded."""
        with self._lock:
            self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        with self._lock:
            if not self._file.closed:
                self._file.write(json.dumps(line, ensure_ascii=False) + "\n")


def last_step(path: Path) -> str:
    """Return the name of the last step in the log; empty if there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    for line in reversed(lines):
        try:
            return str(json.loads(line)["step"])
        except (ValueError, KeyError, TypeError):
            continue
    return ""


def follow(
    file: IO[str], *, is_writer_alive: Callable[[], bool], wait: Callable[[], None]
) -> Iterator[ProgressEvent | StartOutcome]:
    """Yield the events of an open progress log as they are written, and the outcome last.

    Args:
        file: The open log.
        is_writer_alive: Tells whether the host still runs. Once it does not, the iterator ends, with or without an
            outcome.
        wait: Called before the log is read again.
    """
    incomplete_line = ""
    while True:
        # Checked before reading, so that everything that the writer wrote before it ended is read.
        was_writer_alive = is_writer_alive()
        incomplete_line += file.read()
        *lines, incomplete_line = incomplete_line.split("\n")
        for line in lines:
            entry = _parse(line)
            yield entry
            if isinstance(entry, StartOutcome):
                return
        if not was_writer_alive:
            return
        wait()


def _parse(line: str) -> ProgressEvent | StartOutcome:
    data = json.loads(line)
    if "code" in data:
        return StartOutcome(
            code=ExitCode(data["code"]), seconds=data["seconds"], message=data["detail"], next_step=data["next"]
        )
    return ProgressEvent(**data)
