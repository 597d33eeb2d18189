"""The news of a start, from the host to whoever waits for it: one JSON object a line in `progress.jsonl`."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from local.progress import ProgressEvent
from operations.terminal.exit_codes import ExitCode

# The step that stands for the whole start; its end is the end of the start.
WHOLE = "platform"
POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a start ended: `message` and `next_step` say why it failed; `seconds` is how long it took."""

    code: ExitCode
    seconds: float
    message: str = ""
    next_step: str = ""

    @property
    def ok(self) -> bool:
        """Whether the platform is up."""
        return self.code == ExitCode.OK


class ProgressWriter:
    """Appends events; each line is complete when it can be read. Safe to call from any thread."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def event(self, event: ProgressEvent) -> None:
        """A step's news."""
        self._write(event.as_dict())

    def ended(self, code: ExitCode, message: str = "", next_step: str = "") -> Outcome:
        """The end of the start, the last line; returns what was written."""
        seconds = round(time.monotonic() - self._began, 3)
        outcome = Outcome(code=code, seconds=seconds, message=message, next_step=next_step)
        line = ProgressEvent(step=WHOLE, state="finished" if outcome.ok else "failed", detail=message, seconds=seconds)
        self._write({**line.as_dict(), "next": next_step, "code": int(code)})
        return outcome

    def close(self) -> None:
        """Closes the file; later events are lost."""
        with self._lock:
            self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        with self._lock:
            if not self._file.closed:
                self._file.write(json.dumps(line, ensure_ascii=False) + "\n")


def last_step(path: Path) -> str:
    """The step that a start is at: the last one told of; empty when nothing was told yet."""
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


def follow(file: IO[str], *, alive: Callable[[], bool], wait: Callable[[], None]) -> Iterator[ProgressEvent | Outcome]:
    """Yields the events of an open progress file as they come, and the outcome last.

    When the writer is no longer `alive` and never told of an end, the iterator simply ends. `wait` is called between looks.
    """
    rest = ""
    while True:
        # Asked before reading: what a writer wrote before it died is then surely read.
        still_alive = alive()
        rest += file.read()
        *lines, rest = rest.split("\n")
        for line in lines:
            told = _parse(line)
            yield told
            if isinstance(told, Outcome):
                return
        if not still_alive:
            return
        wait()


def _parse(line: str) -> ProgressEvent | Outcome:
    data = json.loads(line)
    if "code" in data:
        return Outcome(
            code=ExitCode(data["code"]), seconds=data["seconds"], message=data["detail"], next_step=data["next"]
        )
    return ProgressEvent(**data)
