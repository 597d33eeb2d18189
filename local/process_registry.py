"""The processes that a supervisor started, in a file, so that another process can terminate them if the supervisor dies."""

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
# Psutil computes start times from the boot time, which changes when the clock is set.
CLOCK_TOLERANCE_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class RegisteredProcess:
    """A process id and its start time: the system reuses ids, but not the pair."""

    name: str
    pid: int
    started_at: float
    stop_signal: int

    def find_process(self) -> psutil.Process | None:
        """Return the running process, or None if it ended or its id belongs to another process now."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.started_at) < CLOCK_TOLERANCE_SECONDS
            if is_same and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


class ProcessRegistry:
    """Writes the registry file. Thread-safe within the one process that writes it."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._processes: dict[int, RegisteredProcess] = {}

    def add(self, name: str, pid: int, stop_signal: int) -> None:
        """Add a process that was just started, unless it has ended already."""
        try:
            started_at = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            return
        with self._lock:
            self._processes[pid] = RegisteredProcess(name=name, pid=pid, started_at=started_at, stop_signal=stop_signal)
            self._write()

    def remove(self, pid: int) -> None:
        """Remove a process; an unknown id has no effect."""
        with self._lock:
            if self._processes.pop(pid, None):
                self._write()

    def _write(self) -> None:
        temporary = self._path.with_suffix(".new")
        temporary.write_text(json.dumps([asdict(process) for process in self._processes.values()], indent=1))
        temporary.replace(self._path)


def read_registry(path: Path) -> list[RegisteredProcess]:
    """Return the processes in the file, newest first; none if the file is missing or invalid."""
    try:
        rows = json.loads(path.read_text())
        return [RegisteredProcess(**row) for row in reversed(rows)]
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return []


def terminate_registered(path: Path) -> list[int]:
    """Terminate every registered process that is still running and return their ids.

    Each gets its stop signal first and is killed after a grace period.
    """
    running = [(entry, process) for entry in read_registry(path) if (process := entry.find_process())]
    for entry, process in running:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(entry.stop_signal)
    for entry in _wait_for_exit([entry for entry, _ in running]):
        # The whole group: a process that ignores its stop signal may have children that would outlive it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(entry.pid, signal.SIGKILL)
    _wait_for_exit([entry for entry, _ in running])
    path.unlink(missing_ok=True)
    return [entry.pid for entry, _ in running]


def _wait_for_exit(entries: list[RegisteredProcess]) -> list[RegisteredProcess]:
    """Wait for a grace period and return the processes that are still running. Zombies count as exited."""
    deadline = time.monotonic() + GRACE_SECONDS
    while (running := [entry for entry in entries if entry.find_process()]) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return running
