"""One task: a container's process from its start to its end, and its own health check."""

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
from local.compute.ecs.container_definition import ContainerCheck, ContainerDefinition
from local.compute.elbv2 import target_groups
from local.supervisor import ManagedProcess, Supervisor

CheckState = Literal["starting", "healthy", "unhealthy"]

# As long as a task has not been healthy yet, its check is run so often; afterwards as often as registered.
FIRST_CHECK_SECONDS = 0.5


class ContainerTask:
    """Runs from its construction on. Raises LocalPlatformError when it cannot be started, or a secret cannot be read."""

    def __init__(
        self,
        definition: ContainerDefinition,
        *,
        name: str,
        port: int,
        account: LocalAccount,
        supervisor: Supervisor,
        on_exit: Callable[[], None],
    ) -> None:
        """`name` is the process's; `on_exit` is called, from another thread, when it ends unasked."""
        self.name, self.address, self.port = name, ports.LOOPBACK, port
        self._definition, self._supervisor = definition, supervisor
        self._temporary = (supervisor.state_directory / "containers" / name / "tmp").resolve()
        environment = definition.environment(account, port, self._temporary)
        if definition.has_temporary_folder:
            self._temporary.mkdir(parents=True, exist_ok=True)
        self.began = time.monotonic()
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
        """What the container's own check says; healthy where none is registered."""
        return self._check.state if self._check else "healthy"

    def ended(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._process.poll()

    def log_tail(self) -> str:
        """The last lines it wrote, for a message."""
        return self._process.log_tail()

    def stop(self) -> None:
        """Asks it to stop, as ECS does with SIGTERM, and kills it when it has not after its stop timeout. What it started ends
        with it."""
        if self._check:
            self._check.close()
        self._process.is_stop_requested = True
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(self._definition.stop_seconds)
        # The group has the first process's id for as long as anything is in it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._supervisor.stop(self.name)
        shutil.rmtree(self._temporary, ignore_errors=True)


class HealthCheck:
    """Runs a container's health check at its pace, in a thread, until it is closed.

    Failures count after the start period or the first success; a task that has not been healthy yet fails no sooner than it
    would on AWS, where it is asked less often.
    """

    def __init__(self, check: ContainerCheck, folder: Path, environment: Mapping[str, str]) -> None:
        self.state: CheckState = "starting"
        self._check, self._folder, self._environment = check, folder, environment
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="container-check", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the check, and one that is at work with it."""
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        check, failures, began = self._check, 0, time.monotonic()
        registered_patience = check.start_seconds + check.retries * check.interval_seconds
        patience = began + max(registered_patience, target_groups.LEAST_PATIENCE_SECONDS)
        while True:
            was_healthy = self.state == "healthy"
            if self._succeeds():
                self.state, failures = "healthy", 0
            elif was_healthy or time.monotonic() >= began + check.start_seconds:
                failures += 1
                if failures >= check.retries and (was_healthy or time.monotonic() >= patience):
                    self.state = "unhealthy"
            first_pause = min(check.interval_seconds, FIRST_CHECK_SECONDS)
            if self._closed.wait(first_pause if self.state == "starting" else check.interval_seconds):
                return

    def _succeeds(self) -> bool:
        deadline = time.monotonic() + self._check.timeout_seconds
        try:
            asking = subprocess.Popen(
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
        while asking.poll() is None and time.monotonic() < deadline and not self._closed.wait(0.02):
            pass
        if asking.poll() is None:
            os.killpg(asking.pid, signal.SIGKILL)
        return asking.wait() == 0
