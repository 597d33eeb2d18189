"""The process that holds a local platform: it starts it, says how it is, and ends it when asked to or when its state is wiped."""

import contextlib
import importlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import httpx

from local import progress
from local.engines import stack_files
from local.errors import LocalPlatformError
from local.provider.protocol import AppliedResource
from local.supervisor import leave_nothing_running
from operations.project import checkout
from operations.state import event_log
from operations.state.files import Credentials, Endpoints, EnvironmentState, Process, Resource, StateFiles
from operations.state.lock import EnvironmentLock, ProcessIdentity
from operations.state.progress_log import ProgressWriter, StartOutcome
from operations.terminal import crash_log, termination_signals
from operations.terminal.command_errors import CommandError
from operations.terminal.exit_codes import ExitCode

if TYPE_CHECKING:
    from local.cloud import LocalCloud
    from local.engines.in_process import Deployment
    from operations.release.local_bundles import LocalBundles

READY_SECONDS = 60
READY_PATH = "/health/ready"
DOCS_PATH = "/docs"
POLL_SECONDS = 0.05
WATCH_SECONDS = 0.25
# How long a start that was told to stop may need to notice; then the process ends without it.
ABANDON_SECONDS = 10
INTERRUPTED = "the start was interrupted; nothing of it is left running"

CONCEALED = "[secret]"


class Host:
    """One platform's life. The caller holds the environment's lock and has checked what can be checked beforehand."""

    def __init__(self, files: StateFiles, lock: EnvironmentLock, *, port: int, listener: progress.Listener) -> None:
        self._files, self._lock, self._port, self._listener = files, lock, port, listener
        self._writer = ProgressWriter(files.progress)
        # A plain value, not an Event: a signal handler that sets an Event can meet its lock in the thread it interrupts.
        self._asked_to_stop = False
        self._cloud: LocalCloud | None = None
        self._bundles: LocalBundles | None = None
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
        """Starts the platform, calls `when_running`, and stays until it is told to stop. Leaves nothing but the logs.

        The outcome is that of the start. SIGINT, SIGTERM and SIGHUP stop it at any moment.
        """
        with event_log.attached(self._files.logs), termination_signals.handled(self._stop):
            try:
                self._publish(self._state)
                outcome = self._start()
                if outcome.ok:
                    self._announce(outcome, when_running)
                    self._watch()
            finally:
                self._end()
        return outcome

    def _stop(self) -> None:
        self._asked_to_stop = True

    def _announce(self, outcome: StartOutcome, when_running: Callable[[StartOutcome], None]) -> None:
        try:
            with termination_signals.handled(termination_signals.raise_keyboard_interrupt):
                when_running(outcome)
        except KeyboardInterrupt:
            self._stop()

    def _start(self) -> StartOutcome:
        """Runs the start on a thread of its own, so that a signal interrupts the waiting and never a half-made process."""
        problems: list[BaseException] = []

        def target() -> None:
            try:
                self._bring_up()
            except BaseException as error:  # noqa: BLE001 - it is handed to the main thread, which reports it
                problems.append(error)

        thread = threading.Thread(target=target, name="start", daemon=True)
        thread.start()
        while thread.is_alive() and not self._asked_to_stop:
            thread.join(POLL_SECONDS)
        if self._asked_to_stop:
            self._close_cloud()
            thread.join(ABANDON_SECONDS)
            return self._writer.write_outcome(ExitCode.INTERRUPTED, INTERRUPTED)
        if problems:
            self._close_cloud()
            refusal = self._explain(problems[0])
            return self._writer.write_outcome(refusal.code, refusal.message, refusal.next_step)
        return self._writer.write_outcome(ExitCode.OK)

    def _bring_up(self) -> None:
        # Imported here because they bring the whole AWS SDK and Pulumi: a verb that refuses must answer at once.
        from local.cloud import LocalCloud  # noqa: PLC0415
        from operations.project import stack_settings  # noqa: PLC0415

        environment = self._files.environment
        name, config = (
            stack_files.project_name(checkout.ROOT),
            stack_files.load_stack_config(checkout.ROOT, environment),
        )
        settings = stack_settings.load(environment)
        self._bundles = bundles = self._make_bundles()
        if self._asked_to_stop:
            return
        self._cloud = LocalCloud(
            self._files.directory,
            region=settings.region,
            port=self._port,
            listener=self._tell,
            code_directory=bundles.cache,
            images={settings.api.container.repository: bundles.image},
        )
        with ThreadPoolExecutor(1, thread_name_prefix="import") as ahead:
            # The program takes half a second to import, in which the emulator, another process, comes up.
            imported = ahead.submit(importlib.import_module, "stacks.program")
            deployment = self._cloud.deploy(
                lambda: imported.result().platform(),
                project=name,
                stack=environment,
                config=config | {f"{name}:{key}": value for key, value in bundles.config.items()},
            )
        with progress.step("first answer", self._tell) as step:
            step.detail = self._wait_until_ready(self._cloud.reach(str(deployment.outputs["api_url"])))
        self._publish(self._running_state(self._cloud, deployment))

    def _make_bundles(self) -> "LocalBundles":
        """What the functions run: made from the source as it is now, unless that was done before."""
        from operations.release import local_bundles  # noqa: PLC0415 - it brings Pulumi

        with progress.step("bundles", self._tell) as step:

            def told(detail: str) -> None:
                # A first build takes long enough to be interrupted in its midst.
                if self._asked_to_stop:
                    raise CommandError(INTERRUPTED, code=ExitCode.INTERRUPTED)
                step.tell("progressed", detail)

            bundles = local_bundles.build(on_progress=told)
            step.detail = "made anew" if bundles.was_built else "unchanged"
        return bundles

    def _tell(self, event: progress.ProgressEvent) -> None:
        self._writer.write_event(event)
        self._listener(event)

    def _wait_until_ready(self, api: str) -> str:
        """Waits until the API answers that all it needs is there; raises LocalPlatformError after READY_SECONDS."""
        last = "no answer"
        deadline = time.monotonic() + READY_SECONDS
        with httpx.Client(trust_env=False, timeout=READY_SECONDS) as client:
            while time.monotonic() < deadline and not self._asked_to_stop:
                try:
                    answer = client.get(f"{api}{READY_PATH}")
                except httpx.HTTPError as error:
                    last = f"{type(error).__name__}: {error}"
                else:
                    if answer.status_code == httpx.codes.OK:
                        return f"{api}{READY_PATH}"
                    last = f"{answer.status_code} {answer.text[:300]}"
                time.sleep(POLL_SECONDS)
        raise LocalPlatformError(
            f"the API did not become ready within {READY_SECONDS} s; its last answer was: {last}",
            next_step=f"read what the functions wrote: {checkout.command_line('logs', self._files.environment)}",
        )

    def _running_state(self, cloud: "LocalCloud", deployment: "Deployment") -> EnvironmentState:
        outputs = {
            name: cloud.reach(value) if isinstance(value, str) else value for name, value in deployment.outputs.items()
        }
        api, account = str(outputs["api_url"]), cloud.account
        return self._state.model_copy(
            update={
                "state": "running",
                "release": str(deployment.outputs.get("release", self._state.release)),
                "endpoints": Endpoints(
                    api=api,
                    docs=f"{api}{DOCS_PATH}",
                    aws=account.endpoint,
                    s3=account.s3_endpoint,
                    functions=cloud.lambda_endpoint,
                ),
                "credentials": Credentials(
                    region=account.region,
                    access_key_id=account.access_key_id,
                    secret_access_key=account.secret_access_key,
                ),
                "outputs": {
                    name: CONCEALED if name in deployment.secret_outputs else value for name, value in outputs.items()
                },
                "resources": (
                    *(_resource(each, "component") for each in deployment.components),
                    *(_resource(each, each.state) for each in deployment.resources),
                ),
                "processes": self._processes(cloud),
            }
        )

    def _watch(self) -> None:
        """Keeps the state true until told to stop, or until the state is wiped: then nobody could find this process any more."""
        while self._cloud and not self._asked_to_stop and self._files.state.exists():
            time.sleep(WATCH_SECONDS)
            processes = self._processes(self._cloud)
            dead = [process.name for process in processes if process.state == "exited"]
            degraded = self._cloud.health() == "degraded"
            update: dict[str, Any] = {
                "state": "degraded" if degraded else "running",
                "reason": f"{', '.join(dead)} ended unasked" if degraded else "",
                "processes": processes,
            }
            state = self._state.model_copy(update=update)
            if state != self._state:
                self._publish(state)

    def _processes(self, cloud: "LocalCloud") -> tuple[Process, ...]:
        own = Process(name="host", pid=self._state.pid, state="running")
        return (own, *(Process(name=one.name, pid=one.pid, state=one.state) for one in cloud.processes()))

    def _publish(self, state: EnvironmentState) -> None:
        self._state = state
        self._files.write(state)

    def _explain(self, error: BaseException) -> CommandError:
        if isinstance(error, CommandError):
            return error
        if isinstance(error, LocalPlatformError):
            logs = f"read {self._files.host_log} and the logs beside it"
            return CommandError(error.message, next_step=error.next_step or logs)
        return crash_log.record(error, self._files.host_log)

    def _close_cloud(self) -> None:
        if self._cloud is not None:
            self._cloud.close()

    def _end(self) -> None:
        # A stack, so that each of these happens even when one before it fails; the last one added comes first.
        with contextlib.ExitStack() as last_things:
            last_things.callback(self._lock.release)
            last_things.callback(self._files.wipe)
            last_things.callback(self._writer.close)
            last_things.callback(leave_nothing_running, self._files.directory)
            if self._bundles is not None:
                last_things.callback(self._bundles.close)
            last_things.callback(self._close_cloud)


def _resource(each: AppliedResource, state: Literal["applied", "recorded-only", "component"]) -> Resource:
    return Resource(
        urn=each.urn,
        type=each.type,
        name=each.name,
        parent=each.parent,
        id=each.id,
        state=state,
        reason=each.reason,
    )
