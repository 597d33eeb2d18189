"""Which processes a supervisor started, on disk, so that another process can end them when it died itself."""

import contextlib
import json
import os
import signal
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

FILE_NAME = "processes.json"
GRACE_SECONDS = 5.0
POLL_SECONDS = 0.02
# psutil derives start times from the boot time, which moves when the clock is set.
CLOCK_TOLERANCE_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class RegisteredProcess:
    """A process, and its start time: ids are used again by the system, the pair is not."""

    name: str
    pid: int
    started_at: float
    stop_signal: int

    def alive(self) -> psutil.Process | None:
        """The running process, or None when it ended or the id belongs to another by now."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started_at) < CLOCK_TOLERANCE_SECONDS
            if same and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


class ProcessRegistry:
    """The file's keeper. Thread-safe within the one process that writes it."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._processes: dict[int, RegisteredProcess] = {}

    def add(self, name: str, pid: int, stop_signal: int) -> None:
        """Records a process that was just started; one that ended already is left out."""
        try:
            started_at = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            return
        with self._lock:
            self._processes[pid] = RegisteredProcess(name=name, pid=pid, started_at=started_at, stop_signal=stop_signal)
            self._write()

    def remove(self, pid: int) -> None:
        with self._lock:
            if self._processes.pop(pid, None):
                self._write()

    def _write(self) -> None:
        temporary = self._path.with_suffix(".new")
        temporary.write_text(json.dumps([asdict(process) for process in self._processes.values()], indent=1))
        temporary.replace(self._path)


def registered(path: Path) -> list[RegisteredProcess]:
    """What the file says, newest first; nothing when there is no file or it cannot be read as one of ours."""
    try:
        rows = json.loads(path.read_text())
        return [RegisteredProcess(**row) for row in reversed(rows)]
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return []


def end_registered(path: Path) -> list[int]:
    """Ends every process of the file that still runs, each asked first and killed after a grace time. Returns their ids."""
    left = [(entry, process) for entry in registered(path) if (process := entry.alive())]
    for entry, process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(entry.stop_signal)
    for entry in _still_alive([entry for entry, _ in left]):
        # The group, because a process that does not listen may have children that would outlive it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(entry.pid, signal.SIGKILL)
    _still_alive([entry for entry, _ in left])
    path.unlink(missing_ok=True)
    return [entry.pid for entry, _ in left]


def _still_alive(entries: list[RegisteredProcess]) -> list[RegisteredProcess]:
    """Those that still run after the grace time. A process that ended and that nobody reaped has ended all the same."""
    deadline = time.monotonic() + GRACE_SECONDS
    while (alive := [entry for entry in entries if entry.alive()]) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return alive
