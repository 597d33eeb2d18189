"""One task: a container's process and its health check."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from local import ports
from local.account import LocalAccount
from local.compute.ecs.task_definition import ContainerCheck, TaskDefinition
from local.compute.elbv2 import target_groups
from local.supervisor import ManagedProcess, Supervisor

CheckState = Literal["starting", "healthy", "unhealthy"]

# The maximum interval of the health check until its first success; afterwards the interval is as registered.
MAX_FIRST_INTERVAL_SECONDS = 0.5


class ContainerTask:
    """A running task. The process is started on construction."""

    def __init__(
        self,
        definition: TaskDefinition,
        *,
        name: str,
        port: int,
        account: LocalAccount,
        supervisor: Supervisor,
        on_exit: Callable[[], None],
    ) -> None:
        """Start the process.

        Args:
            definition: The task definition.
            name: The name of the process.
            port: The port for the task to listen on.
            account: The account for AWS calls and secrets.
            supervisor: Starts the process.
            on_exit: Called from another thread when the process exits without having been stopped.

        Raises:
            LocalPlatformError: The process cannot be started, or a secret cannot be read.
        """
        self.name, self.address, self.port = name, ports.LOOPBACK, port
        self._definition, self._supervisor = definition, supervisor
        self._temporary = (supervisor.state_directory / "containers" / name / "tmp").resolve()
        environment = definition.environment(account, port, self._temporary)
        if definition.has_temporary_folder:
            self._temporary.mkdir(parents=True, exist_ok=True)
        self.started_at = time.monotonic()
        self._process: ManagedProcess = supervisor.start(
            name,
            definition.argv,
            environment=environment,
            cwd=definition.folder,
            on_exit=lambda _status: on_exit(),
        )
        check = definition.check_on(port)
        self._check = HealthCheck(check, definition.folder, environment) if check else None

    @property
    def check_state(self) -> CheckState:
        """The state of the container's health check; healthy if none is registered."""
        return self._check.state if self._check else "healthy"

    def poll(self) -> int | None:
        """Return the exit status, or None while the process runs."""
        return self._process.poll()

    def log_tail(self) -> str:
        """Return the last lines of the log."""
        return self._process.log_tail()

    def stop(self) -> None:
        """Send SIGTERM, as ECS does, and kill the process group after the stop timeout or the end of the process."""
        if self._check:
            self._check.close()
        self._process.is_stop_requested = True
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(self._definition.stop_seconds)
        # The process group exists, with the first process's id, as long as any of its processes.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._supervisor.stop(self.name)
        shutil.rmtree(self._temporary, ignore_errors=True)


class HealthCheck:
    """A container's health check, run periodically in a thread until it is closed.

    Failures count after the start period or the first success. A task that has not been healthy yet becomes unhealthy no
    sooner than on AWS, where the check runs less often.
    """

    def __init__(self, check: ContainerCheck, folder: Path, environment: Mapping[str, str]) -> None:
        self.state: CheckState = "starting"
        self._check, self._folder, self._environment = check, folder, environment
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="container-check", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the check, and kill a command that is running."""
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        check, failures, began = self._check, 0, time.monotonic()
        registered_seconds = check.start_seconds + check.retries * check.interval_seconds
        start_deadline = began + max(registered_seconds, target_groups.MIN_START_SECONDS)
        while True:
            was_healthy = self.state == "healthy"
            if self._succeeds():
                self.state, failures = "healthy", 0
            elif was_healthy or time.monotonic() >= began + check.start_seconds:
                failures += 1
                if failures >= check.retries and (was_healthy or time.monotonic() >= start_deadline):
                    self.state = "unhealthy"
            first_interval = min(check.interval_seconds, MAX_FIRST_INTERVAL_SECONDS)
            if self._closed.wait(first_interval if self.state == "starting" else check.interval_seconds):
                return

    def _succeeds(self) -> bool:
        deadline = time.monotonic() + self._check.timeout_seconds
        try:
            process = subprocess.Popen(
                self._check.argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._environment,
                cwd=self._folder,
                start_new_session=True,
            )
        except OSError:
            return False
        while process.poll() is None and time.monotonic() < deadline and not self._closed.wait(0.02):
            pass
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        return process.wait() == 0
