"""`platform up`: brings an environment up on this machine, in the background unless told otherwise."""

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

# How long a host may need to end after it told that the start failed, or after it was told to stop.
HOST_END_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class UpOptions:
    """What the command line says; port 0 is any free one."""

    environment: str
    port: int
    foreground: bool
    journey: bool


def up(options: UpOptions, screen: Screen) -> ExitCode:
    """Starts the platform, or shows the one that runs. A refused or failed start leaves nothing running."""
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
    start = _in_foreground if options.foreground else _in_background
    return start(options, files, lock, screen)


def host(environment: str, port: int, lock_descriptor: int, screen: Screen) -> ExitCode:
    """The background process: what `up` starts after it has checked everything and taken the lock."""
    files = StateFiles.of(environment)
    lock = files.lock
    lock.adopt(lock_descriptor)
    aws_isolation.isolate_aws_environment()
    with progress_view.for_screen(screen) as view:
        outcome = Host(files, lock, port=port, listener=view.show_event).run(lambda _: None)
    return _ended(outcome)


def _prepare(files: StateFiles, options: UpOptions, screen: Screen) -> None:
    """What must hold before anything is started; the lock is held."""
    if files.leftovers():
        cleaned = down.clean(files, keep_lock=True)
        strays = f" and ended {len(cleaned.strays)} processes of it" if cleaned.strays else ""
        screen.note(f"removed what an earlier platform had left ({', '.join(cleaned.wiped)}){strays}")
    try:
        ports.require_free(options.port)
    except PortTakenError as error:
        raise CommandError(
            error.message, next_step=f"{checkout.command_line('up', options.environment)} --port 0"
        ) from error
    files.logs.mkdir(parents=True, exist_ok=True)
    files.progress.touch(mode=0o600)


def _in_background(options: UpOptions, files: StateFiles, lock: EnvironmentLock, screen: Screen) -> ExitCode:
    """Starts the host in a session of its own and waits until the platform runs; an interruption takes the host with it."""
    # Only noted, and raised between two looks: a process that is just being made must not be lost.
    asked_to_stop: list[bool] = []
    with termination_signals.handled(lambda: asked_to_stop.append(True)):
        process = _spawn_host(options, files, lock)
        try:
            outcome = _wait(process, files, screen, asked_to_stop)
        except KeyboardInterrupt:
            process.terminate()
            _see_off(process, files, lock)
            raise CommandError(INTERRUPTED, code=ExitCode.INTERRUPTED) from None
        except BaseException:
            process.terminate()
            _see_off(process, files, lock)
            raise
    if not outcome.ok:
        _see_off(process, files, lock)
        return _ended(outcome)
    lock.release()
    return _show_started(outcome, options, screen)


def _in_foreground(options: UpOptions, files: StateFiles, lock: EnvironmentLock, screen: Screen) -> ExitCode:
    """Is the host itself, until Ctrl-C."""
    with progress_view.for_screen(screen) as view:

        def when_running(outcome: StartOutcome) -> None:
            view.close()
            _show_started(outcome, options, screen)
            screen.show("it runs in the foreground: Ctrl-C stops it")

        outcome = Host(files, lock, port=options.port, listener=view.show_event).run(when_running)
    if outcome.ok:
        screen.show(f"the platform of environment {options.environment!r} is stopped; everything it stored is wiped")
    return _ended(outcome)


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


def _wait(
    process: subprocess.Popen[bytes], files: StateFiles, screen: Screen, asked_to_stop: Sequence[bool]
) -> StartOutcome:
    """Shows the host's news until the start ended one way or the other; raises KeyboardInterrupt when asked to stop."""

    def pause() -> None:
        if asked_to_stop:
            raise KeyboardInterrupt
        time.sleep(progress_log.POLL_SECONDS)

    with files.progress.open(encoding="utf-8") as news, progress_view.for_screen(screen) as view:
        for told in progress_log.follow(news, is_writer_alive=lambda: process.poll() is None, wait=pause):
            if isinstance(told, StartOutcome):
                return told
            view.show_event(told)
    return StartOutcome(
        code=ExitCode.FAILED,
        seconds=0,
        message=f"the host process ended with status {process.wait()} before the platform was up",
        next_step=f"read {files.host_log}",
    )


def _see_off(process: subprocess.Popen[bytes], files: StateFiles, lock: EnvironmentLock) -> None:
    """Waits for the end of a host that cleans up after itself, and does what it could not do; bounded, not interruptible."""
    with termination_signals.ignored():
        try:
            process.wait(HOST_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        down.clean(files)
        lock.release()


def _show_started(outcome: StartOutcome, options: UpOptions, screen: Screen) -> ExitCode:
    state = platform_status.require_running(options.environment)
    made = run_journey.make(state, photo.read(checkout.BUNDLED_PHOTO), screen) if options.journey else None
    screen.write_json(summary.as_data(state, made, already_running=False, seconds=outcome.seconds))
    screen.show(f"the platform of environment {options.environment!r} is up after {outcome.seconds:.1f} s")
    summary.show(state, made, screen)
    return ExitCode.FAILED if made and not made["ok"] else ExitCode.OK


def _show_running(options: UpOptions, screen: Screen) -> ExitCode:
    """The lock is taken: the platform runs, which is no error, or another command works on it, which is one."""
    environment = options.environment
    condition = platform_status.read_status(environment)
    state = condition.state
    if state is None or state.endpoints is None:
        raise CommandError(
            f"another command is starting or stopping the platform of environment {environment!r}",
            next_step=checkout.command_line("status", environment),
            code=ExitCode.BUSY,
        )
    made = run_journey.last(environment)
    screen.write_json(summary.as_data(state, made, already_running=True, seconds=0.0))
    screen.show(
        f"the platform of environment {environment!r} is up already, since {state.started_at}; nothing was changed"
    )
    if condition.reason:
        screen.show(f"it is degraded: {condition.reason}", f"next: {condition.next_step}")
    summary.show(state, made, screen)
    if options.journey:
        screen.show(key_value_table({"journey again": checkout.command_line("journey", environment)}))
    return ExitCode.DEGRADED if condition.health == "degraded" else ExitCode.OK


def _ended(outcome: StartOutcome) -> ExitCode:
    if outcome.ok:
        return ExitCode.OK
    raise CommandError(outcome.message, next_step=outcome.next_step, code=outcome.code)
