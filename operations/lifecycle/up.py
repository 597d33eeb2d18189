"""`platform up`: starts a local platform, in the background by default."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from local import ports
from local.errors import PortTakenError
from operations.client import aws_isolation
from operations.journeys import photo, run_journey
from operations.lifecycle import down, summary
from operations.lifecycle.host import INTERRUPTED, Host
from operations.project import checkout
from operations.state import platform_status, progress_log
from operations.state.files import StateFiles
from operations.state.lock import EnvironmentLock
from operations.state.progress_log import StartOutcome
from operations.terminal import progress_view, termination_signals
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen, key_value_table
from operations.terminal.exit_codes import ExitCode

# How long a host may take to end after a failed start or a termination signal.
HOST_END_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class UpOptions:
    """Options of `up`; port 0 is any free one."""

    environment: str
    port: int
    foreground: bool
    journey: bool


def up(options: UpOptions, screen: Screen) -> ExitCode:
    """Start the platform, or show the running one. A failed start leaves nothing running."""
    files = StateFiles.of(options.environment)
    aws_isolation.isolate_aws_environment()
    lock = files.lock
    if not lock.acquire():
        return _show_running(options, screen)
    try:
        _prepare(files, options, screen)
    except BaseException:
        files.wipe()
        lock.release()
        raise
    start = _run_in_foreground if options.foreground else _run_in_background
    return start(options, files, lock, screen)


def host(environment: str, port: int, lock_descriptor: int, screen: Screen) -> ExitCode:
    """Run the background host process, which `up` starts once it holds the lock and has checked the preconditions."""
    files = StateFiles.of(environment)
    lock = files.lock
    lock.adopt(lock_descriptor)
    aws_isolation.isolate_aws_environment()
    with progress_view.for_screen(screen) as view:
        outcome = Host(files, lock, port=port, listener=view.show_event).run(lambda _: None)
    return _exit_code(outcome)


def _prepare(files: StateFiles, options: UpOptions, screen: Screen) -> None:
    """Check the preconditions and remove what an earlier platform left behind. The lock is held."""
    if files.leftovers():
        result = down.clean_up(files, keep_lock=True)
        orphans = f" and terminated {len(result.orphans)} of its processes" if result.orphans else ""
        screen.note(f"removed files of an earlier platform ({', '.join(result.wiped)}){orphans}")
    try:
        ports.require_free(options.port)
    except PortTakenError as error:
        raise CommandError(
            error.message, next_step=f"{checkout.command_line('up', options.environment)} --port 0"
        ) from error
    files.logs.mkdir(parents=True, exist_ok=True)
    files.progress.touch(mode=0o600)


def _run_in_background(options: UpOptions, files: StateFiles, lock: EnvironmentLock, screen: Screen) -> ExitCode:
    """Start the host in a session of its own and wait until the platform runs; an interruption terminates the host."""
    # Signals are recorded and raised only while polling, so that a process that is just being started is not lost.
    stop_requests: list[bool] = []
    with termination_signals.handled(lambda: stop_requests.append(True)):
        process = _spawn_host(options, files, lock)
        try:
            outcome = _wait_for_outcome(process, files, screen, stop_requests)
        except KeyboardInterrupt:
            _terminate_and_wait(process, files, lock)
            raise CommandError(INTERRUPTED, code=ExitCode.INTERRUPTED) from None
        except BaseException:
            _terminate_and_wait(process, files, lock)
            raise
    if not outcome.ok:
        _wait_and_clean_up(process, files, lock)
        return _exit_code(outcome)
    lock.release()
    return _show_started(outcome, options, screen)


def _run_in_foreground(options: UpOptions, files: StateFiles, lock: EnvironmentLock, screen: Screen) -> ExitCode:
    """Be the host, until Ctrl-C."""
    with progress_view.for_screen(screen) as view:

        def when_running(outcome: StartOutcome) -> None:
            view.close()
            _show_started(outcome, options, screen)
            screen.show("running in the foreground; press Ctrl-C to stop")

        outcome = Host(files, lock, port=options.port, listener=view.show_event).run(when_running)
    if outcome.ok:
        screen.show(f"the platform of environment {options.environment!r} is stopped; its data was removed")
    return _exit_code(outcome)


def _spawn_host(options: UpOptions, files: StateFiles, lock: EnvironmentLock) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "operations.commands.app", "up", "--foreground", "--environment", options.environment]
    argv += ["--port", str(options.port), "--lock-descriptor", str(lock.descriptor)]
    environment = os.environ | {checkout.STATE_DIRECTORY_VARIABLE: str(checkout.state_root())}
    with files.host_log.open("ab") as log:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=checkout.ROOT,
            env=environment,
            pass_fds=[lock.descriptor],
            start_new_session=True,
        )


def _wait_for_outcome(
    process: subprocess.Popen[bytes], files: StateFiles, screen: Screen, stop_requests: Sequence[bool]
) -> StartOutcome:
    """Show the host's progress until the start has ended.

    Raises:
        KeyboardInterrupt: A signal was received.
    """

    def pause() -> None:
        if stop_requests:
            raise KeyboardInterrupt
        time.sleep(progress_log.POLL_SECONDS)

    with files.progress.open(encoding="utf-8") as progress_file, progress_view.for_screen(screen) as view:
        for entry in progress_log.follow(progress_file, is_writer_alive=lambda: process.poll() is None, wait=pause):
            if isinstance(entry, StartOutcome):
                return entry
            view.show_event(entry)
    return StartOutcome(
        code=ExitCode.FAILED,
        seconds=0,
        message=f"the host process ended with status {process.wait()} before the platform was running",
        next_step=f"read {files.host_log}",
    )


def _terminate_and_wait(process: subprocess.Popen[bytes], files: StateFiles, lock: EnvironmentLock) -> None:
    process.terminate()
    _wait_and_clean_up(process, files, lock)


def _wait_and_clean_up(process: subprocess.Popen[bytes], files: StateFiles, lock: EnvironmentLock) -> None:
    """Wait until the host has ended and clean up after it. Signals are ignored, because the time is bounded."""
    with termination_signals.ignored():
        try:
            process.wait(HOST_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        down.clean_up(files)
        lock.release()


def _show_started(outcome: StartOutcome, options: UpOptions, screen: Screen) -> ExitCode:
    state = platform_status.require_running(options.environment)
    journey_result = (
        run_journey.run_photo_journey(state, photo.read(checkout.BUNDLED_PHOTO), screen) if options.journey else None
    )
    screen.write_json(summary.as_data(state, journey_result, already_running=False, seconds=outcome.seconds))
    screen.show(f"the platform of environment {options.environment!r} started in {outcome.seconds:.1f} s")
    summary.show(state, journey_result, screen)
    return ExitCode.FAILED if journey_result and not journey_result["ok"] else ExitCode.OK


def _show_running(options: UpOptions, screen: Screen) -> ExitCode:
    """Show the running platform; if another command is starting or stopping it, that is an error."""
    environment = options.environment
    status = platform_status.read_status(environment)
    state = status.state
    if state is None or state.endpoints is None:
        raise CommandError(
            f"another command is starting or stopping the platform of environment {environment!r}",
            next_step=checkout.command_line("status", environment),
            code=ExitCode.BUSY,
        )
    journey_result = run_journey.last_result(environment)
    screen.write_json(summary.as_data(state, journey_result, already_running=True, seconds=0.0))
    screen.show(
        f"the platform of environment {environment!r} is already running, since {state.started_at}; nothing was changed"
    )
    if status.reason:
        screen.show(f"it is degraded: {status.reason}", f"next: {status.next_step}")
    summary.show(state, journey_result, screen)
    if options.journey:
        screen.show(key_value_table({"journey again": checkout.command_line("journey", environment)}))
    return ExitCode.DEGRADED if status.health == "degraded" else ExitCode.OK


def _exit_code(outcome: StartOutcome) -> ExitCode:
    if outcome.ok:
        return ExitCode.OK
    raise CommandError(outcome.message, next_step=outcome.next_step, code=outcome.code)
