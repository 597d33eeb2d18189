"""Starts, watches and stops every process of a local platform."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from local.errors import ProcessFailedError
from local.process_registry import FILE_NAME, GRACE_SECONDS, ProcessRegistry, terminate_registered

ProcessState = Literal["running", "stopped", "exited"]
LOG_TAIL_LINES = 12

# A process that is kept alive is restarted at most MAX_RESTARTS times in a row if it runs for less than MIN_UPTIME_SECONDS; the
# delay doubles with each of these restarts.
MAX_RESTARTS = 6
MIN_UPTIME_SECONDS = 2.0
INITIAL_RESTART_DELAY_SECONDS = 0.1

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ProcessStatus:
    """A process and its state: `stopped` by the supervisor, or `exited` by itself."""

    name: str
    pid: int
    state: ProcessState


class ManagedProcess:
    """A process started by the supervisor."""

    def __init__(self, name: str, launch: Callable[[], subprocess.Popen[bytes]], stop_signal: int, log: Path) -> None:
        self.name, self.log = name, log
        self.stop_signal, self.is_stop_requested, self.is_kept_alive = stop_signal, False, False
        self._launch, self._process = launch, launch()
        self._started_at, self._short_runs = time.monotonic(), 0

    @property
    def pid(self) -> int:
        """The process id, which changes with every restart."""
        return self._process.pid

    def next_restart_delay(self) -> float | None:
        """Return the delay in seconds before the restart of a process that just ended; None to stop restarting it."""
        was_stable = time.monotonic() - self._started_at >= MIN_UPTIME_SECONDS
        self._short_runs = 0 if was_stable else self._short_runs + 1
        return INITIAL_RESTART_DELAY_SECONDS * 2**self._short_runs if self._short_runs <= MAX_RESTARTS else None

    def restart(self) -> None:
        """Start the program again with the original arguments.

        Raises:
            OSError: The program cannot be started.
        """
        self._process, self._started_at = self._launch(), time.monotonic()

    def poll(self) -> int | None:
        """Return the exit status, or None while it is running."""
        return self._process.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the process to end and return its exit status.

        Raises:
            subprocess.TimeoutExpired: It is still running after `timeout` seconds.
        """
        return self._process.wait(timeout)

    def send_signal(self, signum: int) -> None:
        """Send a signal; no effect if the process has ended."""
        self._process.send_signal(signum)

    def stop(self) -> None:
        """Send the stop signal, and kill the whole process group after the grace period."""
        self.is_stop_requested = True
        self.send_signal(self.stop_signal)
        try:
            self.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.wait()

    def log_tail(self) -> str:
        """Return the last lines of its log, for a message."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])

    @property
    def status(self) -> ProcessStatus:
        """The current state."""
        ended: ProcessState = "stopped" if self.is_stop_requested else "exited"
        return ProcessStatus(name=self.name, pid=self.pid, state="running" if self.poll() is None else ended)


class Supervisor:
    """Starts processes in separate sessions (Ctrl-C in the terminal reaches only the supervisor), each with a log file.

    A watchdog process terminates them if the supervisor dies.
    """

    def __init__(self, state_directory: Path) -> None:
        self.state_directory, self.logs = state_directory, state_directory / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self._registry_path = state_directory / FILE_NAME
        self._registry = ProcessRegistry(self._registry_path)
        self._processes: dict[str, ManagedProcess] = {}
        self._lock = threading.RLock()
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._closed = False

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
        stop_signal: int = signal.SIGTERM,
        on_exit: Callable[[int], None] | None = None,
    ) -> ManagedProcess:
        """Start a program under a unique name; its output is appended to logs/<name>.log.

        `environment` is the complete environment (default: this process's). `on_exit` gets the exit status if the process ends
        without being stopped.

        Raises:
            ProcessFailedError: The program cannot be started, the name is in use, or the supervisor is stopping.
        """
        with self._lock:
            if self._closed:
                raise ProcessFailedError(f"{name}: the supervisor is stopping")
            if (known := self._processes.get(name)) and known.poll() is None:
                raise ProcessFailedError(f"{name}: a process with this name is already running (id {known.pid})")
            self._start_watchdog()
            log = self.logs / f"{name}.log"

            def launch() -> subprocess.Popen[bytes]:
                with log.open("ab") as output:
                    return subprocess.Popen(
                        list(argv),
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        env=None if environment is None else dict(environment),
                        cwd=cwd,
                        pass_fds=tuple(pass_fds),
                        start_new_session=True,
                    )

            try:
                managed = ManagedProcess(name, launch, stop_signal, log)
            except OSError as error:
                raise ProcessFailedError(f"{name}: cannot start {argv[0]}: {error.strerror or error}") from error
            self._processes[name] = managed
            self._registry.add(name, managed.pid, stop_signal)
        threading.Thread(target=self._watch, args=(managed, on_exit), name=f"watch-{name}", daemon=True).start()
        return managed

    def keep_alive(self, managed: ManagedProcess) -> None:
        """Restart this process from now on if it ends without being stopped, up to a limit of short runs.

        For servers that recover their state and keep their address; call it after the first successful start.
        """
        managed.is_kept_alive = True

    def stop(self, name: str) -> None:
        """Stop a process and remove it; an unknown name has no effect."""
        with self._lock:
            managed = self._processes.get(name)
            if managed is None:
                return
            managed.is_stop_requested = True  # under the lock, so that it is not restarted after this
        managed.stop()
        with self._lock:
            if self._processes.get(name) is managed:
                del self._processes[name]

    def stop_all(self) -> None:
        """Stop all processes, the last started first; later calls of `start` fail."""
        with self._lock:
            self._closed = True
            names = list(reversed(self._processes))
        for name in names:
            self.stop(name)
        with self._lock:
            if self._watchdog is not None and self._watchdog.stdin is not None:
                self._watchdog.stdin.close()
                self._watchdog.wait()
                self._watchdog = None

    def processes(self) -> list[ProcessStatus]:
        """Return every process that was not stopped, in start order."""
        with self._lock:
            return [managed.status for managed in self._processes.values()]

    def _start_watchdog(self) -> None:
        if self._watchdog is None:
            with (self.logs / "watchdog.log").open("ab") as output:
                self._watchdog = subprocess.Popen(
                    [sys.executable, "-m", "local.watchdog", str(self._registry_path)],
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=Path(__file__).parent.parent,
                    start_new_session=True,
                )

    def _watch(self, managed: ManagedProcess, on_exit: Callable[[int], None] | None) -> None:
        while True:
            status = managed.wait()
            self._registry.remove(managed.pid)
            if managed.is_stop_requested:
                return
            if not (managed.is_kept_alive and self._restart(managed, status)):
                break
        if on_exit is not None:
            on_exit(status)

    def _restart(self, managed: ManagedProcess, status: int) -> bool:
        fields = {"program": managed.name, "status": status}
        delay = managed.next_restart_delay()
        if delay is None:
            logger.error("process_restarts_exhausted", extra=fields | {"restarts": MAX_RESTARTS})
            return False
        logger.warning("process_ended", extra=fields | {"pid": managed.pid})
        time.sleep(delay)
        with self._lock:
            if managed.is_stop_requested or self._closed:
                return False
            try:
                managed.restart()
            except OSError as error:
                logger.error("process_restart_failed", extra=fields | {"error": str(error)})
                return False
            self._registry.add(managed.name, managed.pid, managed.stop_signal)
        logger.warning("process_restarted", extra={"program": managed.name, "pid": managed.pid})
        return True


def terminate_orphans(state_directory: Path) -> list[int]:
    """Terminate the processes of a supervisor that died, by recorded id and start time, and return their ids."""
    return terminate_registered(state_directory / FILE_NAME)
