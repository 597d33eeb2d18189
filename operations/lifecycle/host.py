"""The host process of a local platform: starts it, monitors it, and stops it on a signal or when its state is removed."""

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local import progress
from local.errors import LocalPlatformError
from local.supervisor import terminate_orphans
from operations.project import checkout
from operations.state import event_log
from operations.state.files import EnvironmentState, Process, StateFiles
from operations.state.lock import EnvironmentLock, ProcessIdentity
from operations.state.progress_log import ProgressWriter, StartOutcome
from operations.terminal import crash_log, termination_signals
from operations.terminal.command_errors import CommandError
from operations.terminal.exit_codes import ExitCode

if TYPE_CHECKING:
    # Imported on the start thread, see `_deploy`.
    from operations.lifecycle.deployment import PlatformDeployment

POLL_SECONDS = 0.05
MONITOR_SECONDS = 0.25
# How long an interrupted start may take to notice; afterwards the process ends without waiting for it.
ABANDON_SECONDS = 10
INTERRUPTED = "the start was interrupted; nothing is left running"


class Host:
    """The host of one platform. The caller holds the environment's lock and has checked the preconditions."""

    def __init__(self, files: StateFiles, lock: EnvironmentLock, *, port: int, listener: progress.Listener) -> None:
        self._files, self._lock, self._port, self._listener = files, lock, port, listener
        self._writer = ProgressWriter(files.progress)
        # Not a threading.Event: a signal handler may run while the interrupted thread holds the event's lock.
        self._stop_requested = False
        self._deployment: PlatformDeployment | None = None
        identity = ProcessIdentity.current()
        self._state = EnvironmentState(
            state="starting",
            environment=files.environment,
            release=checkout.release(),
            pid=identity.pid,
            process_started_at=identity.started_at,
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )

    def run(self, when_running: Callable[[StartOutcome], None]) -> StartOutcome:
        """Start the platform and keep it running until SIGINT, SIGTERM or SIGHUP; then remove all but its logs.

        Args:
            when_running: Called once the platform is running.

        Returns:
            The outcome of the start.
        """
        with event_log.attached(self._files.logs), termination_signals.handled(self._request_stop):
            try:
                self._publish(self._state)
                outcome = self._start()
                if outcome.ok:
                    self._announce(outcome, when_running)
                    self._monitor()
            finally:
                self._shut_down()
        return outcome

    def _request_stop(self) -> None:
        self._stop_requested = True

    def _announce(self, outcome: StartOutcome, when_running: Callable[[StartOutcome], None]) -> None:
        try:
            with termination_signals.handled(termination_signals.raise_keyboard_interrupt):
                when_running(outcome)
        except KeyboardInterrupt:
            self._request_stop()

    def _start(self) -> StartOutcome:
        """Deploy on a separate thread, so that a signal interrupts the waiting and not the start of a process."""
        errors: list[BaseException] = []

        def target() -> None:
            try:
                self._deploy()
            except BaseException as error:  # noqa: BLE001 - it is passed to the main thread, which reports it
                errors.append(error)

        thread = threading.Thread(target=target, name="start", daemon=True)
        thread.start()
        while thread.is_alive() and not self._stop_requested:
            thread.join(POLL_SECONDS)
        if self._stop_requested:
            self._stop_deployment()
            thread.join(ABANDON_SECONDS)
            return self._writer.write_outcome(ExitCode.INTERRUPTED, INTERRUPTED)
        if errors:
            self._stop_deployment()
            error = self._as_command_error(errors[0])
            return self._writer.write_outcome(error.code, error.message, error.next_step)
        return self._writer.write_outcome(ExitCode.OK)

    def _deploy(self) -> None:
        # Imported here because it loads Pulumi and the AWS SDK: commands that fail early must not wait for that.
        from operations.lifecycle.deployment import PlatformDeployment  # noqa: PLC0415

        self._deployment = deployment = PlatformDeployment(
            self._files,
            port=self._port,
            listener=self._report_progress,
            is_cancelled=lambda: self._stop_requested,
        )
        running = deployment.deploy(self._state)
        if running is not None:
            self._publish(running.model_copy(update={"processes": self._processes(deployment)}))

    def _report_progress(self, event: progress.ProgressEvent) -> None:
        self._writer.write_event(event)
        self._listener(event)

    def _monitor(self) -> None:
        """Keep the recorded state current until the platform is to stop.

        It also stops when the state file is removed, because no command could find this process any more.
        """
        while self._deployment and not self._stop_requested and self._files.state.exists():
            time.sleep(MONITOR_SECONDS)
            processes = self._processes(self._deployment)
            ended = [process.name for process in processes if process.state == "exited"]
            is_degraded = self._deployment.is_degraded()
            update: dict[str, Any] = {
                "state": "degraded" if is_degraded else "running",
                "reason": f"{', '.join(ended)} ended unexpectedly" if is_degraded else "",
                "processes": processes,
            }
            state = self._state.model_copy(update=update)
            if state != self._state:
                self._publish(state)

    def _processes(self, deployment: "PlatformDeployment") -> tuple[Process, ...]:
        return (Process(name="host", pid=self._state.pid, state="running"), *deployment.processes())

    def _publish(self, state: EnvironmentState) -> None:
        self._state = state
        self._files.write(state)

    def _as_command_error(self, error: BaseException) -> CommandError:
        if isinstance(error, CommandError):
            return error
        if isinstance(error, LocalPlatformError):
            logs = f"read {self._files.host_log} and the other logs in its folder"
            return CommandError(error.message, next_step=error.next_step or logs)
        return crash_log.record(error, self._files.host_log)

    def _stop_deployment(self) -> None:
        if self._deployment is not None:
            self._deployment.stop()

    def _shut_down(self) -> None:
        # The stack runs every callback, even if one fails, in reverse order.
        with contextlib.ExitStack() as callbacks:
            callbacks.callback(self._lock.release)
            callbacks.callback(self._files.wipe)
            callbacks.callback(self._writer.close)
            callbacks.callback(terminate_orphans, self._files.directory)
            if self._deployment is not None:
                callbacks.callback(self._deployment.release_bundles)
            callbacks.callback(self._stop_deployment)
