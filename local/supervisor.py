"""Every process of a local platform: started here, watched here, ended here by its id."""

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
from local.process_registry import FILE_NAME, GRACE_SECONDS, ProcessRegistry, end_registered

ProcessState = Literal["running", "stopped", "exited"]
LOG_TAIL_LINES = 12

# A process that is kept alive is started again at most so often in a row while its starts do not last this long; the waits
# double.
RESTARTS = 6
STEADY_SECONDS = 2.0
FIRST_RESTART_WAIT_SECONDS = 0.1

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ProcessStatus:
    """`exited` is a process that ended unasked, `stopped` one that was asked to."""

    name: str
    pid: int
    state: ProcessState


class ManagedProcess:
    """A process that the supervisor started."""

    def __init__(self, name: str, launch: Callable[[], subprocess.Popen[bytes]], stop_signal: int, log: Path) -> None:
        self.name, self.log = name, log
        self.stop_signal, self.asked_to_stop, self.kept_alive = stop_signal, False, False
        self._launch, self._process = launch, launch()
        self._started_at, self._brief_starts = time.monotonic(), 0

    @property
    def pid(self) -> int:
        """Another one after every restart."""
        return self._process.pid

    def restart_wait(self) -> float | None:
        """The seconds to wait before the next restart of a process that just ended; None when it is to be given up."""
        lasted = time.monotonic() - self._started_at >= STEADY_SECONDS
        self._brief_starts = 0 if lasted else self._brief_starts + 1
        return FIRST_RESTART_WAIT_SECONDS * 2**self._brief_starts if self._brief_starts <= RESTARTS else None

    def restart(self) -> None:
        """Starts the program again as it was started first. Raises OSError."""
        self._process, self._started_at = self._launch(), time.monotonic()

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._process.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end; raises subprocess.TimeoutExpired after `timeout` seconds."""
        return self._process.wait(timeout)

    def send_signal(self, signum: int) -> None:
        """Sends a signal; a process that has ended is left alone."""
        self._process.send_signal(signum)

    def end(self) -> None:
        """Asks it to stop, and kills its whole group when it has not after the grace time."""
        self.asked_to_stop = True
        self.send_signal(self.stop_signal)
        try:
            self.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.wait()

    def log_tail(self) -> str:
        """The last lines it wrote, for a message."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])

    @property
    def status(self) -> ProcessStatus:
        ended: ProcessState = "stopped" if self.asked_to_stop else "exited"
        return ProcessStatus(name=self.name, pid=self.pid, state="running" if self.poll() is None else ended)


class Supervisor:
    """Starts processes in sessions of their own (a Ctrl-C at the terminal reaches only the supervisor), each with a log file.

    A watchdog process ends them when the supervisor dies without having done so.
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
        """Starts a program under a name that no running process has. Its output is appended to logs/<name>.log.

        `environment` is the whole environment (default: this process's). `on_exit` gets the exit status when it ends unasked.
        Raises ProcessFailedError when the program cannot be started at all.
        """
        with self._lock:
            if self._closed:
                raise ProcessFailedError(f"{name}: the supervisor is stopping")
            if (known := self._processes.get(name)) and known.poll() is None:
                raise ProcessFailedError(f"{name}: a process of this name is running (id {known.pid})")
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
        """From now on starts this process again when it ends unasked, unless it does not last. For programs that find
        again what they need, and that others find again; called when they have come up once."""
        managed.kept_alive = True

    def stop(self, name: str) -> None:
        """Ends a process and forgets it; an unknown name is no error."""
        with self._lock:
            managed = self._processes.get(name)
            if managed is None:
                return
            managed.asked_to_stop = True  # under the lock: it is not started again after this
        managed.end()
        with self._lock:
            if self._processes.get(name) is managed:
                del self._processes[name]

    def stop_all(self) -> None:
        """Ends everything, the last started first, and refuses further starts."""
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
        """Every process that was not asked to stop, in the order of their starts."""
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
            if managed.asked_to_stop:
                return
            if not (managed.kept_alive and self._start_again(managed, status)):
                break
        if on_exit is not None:
            on_exit(status)

    def _start_again(self, managed: ManagedProcess, status: int) -> bool:
        told = {"program": managed.name, "status": status}
        wait = managed.restart_wait()
        if wait is None:
            logger.error("process_given_up", extra=told | {"restarts": RESTARTS})
            return False
        logger.warning("process_ended", extra=told | {"pid": managed.pid})
        time.sleep(wait)
        with self._lock:
            if managed.asked_to_stop or self._closed:
                return False
            try:
                managed.restart()
            except OSError as error:
                logger.error("process_given_up", extra=told | {"error": str(error)})
                return False
            self._registry.add(managed.name, managed.pid, managed.stop_signal)
        logger.warning("process_restarted", extra={"program": managed.name, "pid": managed.pid})
        return True


def leave_nothing_running(state_directory: Path) -> list[int]:
    """Ends what a supervisor that died left behind, by recorded id and start time. Returns the ids that it ended."""
    return end_registered(state_directory / FILE_NAME)
