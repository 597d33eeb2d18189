"""`platform down`: stops a local platform and removes everything it stored except for its logs."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from local.supervisor import terminate_orphans
from operations.project import checkout
from operations.state.files import StateFiles
from operations.state.lock import ProcessIdentity
from operations.terminal import termination_signals
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen
from operations.terminal.exit_codes import ExitCode

# Stopping each of the platform's processes takes up to its own grace time; only then is the host killed.
GRACE_SECONDS = 30.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class ShutdownResult:
    """The result of a shutdown.

    Attributes:
        host: The id of the host process; None if none was running.
        orphans: The ids of other processes of the platform, left behind by a dead host.
        wiped: The names of removed files.
    """

    host: int | None
    orphans: list[int]
    wiped: list[str]


def down(environment: str, screen: Screen) -> None:
    """Stop the platform, if it is running. Signals are ignored meanwhile, because the time is bounded."""
    _show_result(StateFiles.of(environment), screen, stop(environment))


def stop(environment: str) -> ShutdownResult:
    """Stop the platform without output."""
    files = StateFiles.of(environment)
    if not files.directory.is_dir():
        return ShutdownResult(host=None, orphans=[], wiped=[])
    with termination_signals.ignored():
        host = stop_host(files)
        with _locked(files):
            return clean_up(files, host)


def stop_host(files: StateFiles, grace_seconds: float = GRACE_SECONDS) -> int | None:
    """Terminate the host process, and kill it after the grace time. Return its id; None if there was none."""
    state = files.read()
    holders: list[ProcessIdentity | None] = [files.lock.holder(), state.host if state else None]
    for identity in holders:
        process = identity.find() if identity else None
        if identity is None or process is None or process.pid == os.getpid():
            continue
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)
            if not _wait_for_exit(identity, grace_seconds):
                process.kill()
                _wait_for_exit(identity, grace_seconds)
        return identity.pid
    return None


def clean_up(files: StateFiles, host: int | None = None, *, keep_lock: bool = False) -> ShutdownResult:
    """End the processes of a dead host and remove everything but the logs. The caller holds the lock."""
    wiped, orphans = files.leftovers(), terminate_orphans(files.directory)
    files.wipe(keep_lock=keep_lock)
    return ShutdownResult(host=host, orphans=orphans, wiped=wiped)


def _wait_for_exit(identity: ProcessIdentity, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while identity.find() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


@contextlib.contextmanager
def _locked(files: StateFiles) -> Iterator[None]:
    lock = files.lock
    deadline = time.monotonic() + GRACE_SECONDS
    while not lock.acquire():
        if time.monotonic() > deadline:
            raise CommandError(
                f"another command is starting or stopping the platform of environment {files.environment!r}",
                next_step=checkout.command_line("status", files.environment),
                code=ExitCode.BUSY,
            )
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _show_result(files: StateFiles, screen: Screen, result: ShutdownResult) -> None:
    was_anything_left = result.host is not None or bool(result.orphans or result.wiped)
    screen.write_json(
        {
            "state": "stopped",
            "environment": files.environment,
            "was_running": result.host is not None,
            "ended": [*([result.host] if result.host else []), *result.orphans],
            "logs": str(files.logs) if files.logs.is_dir() else None,
        }
    )
    if not was_anything_left:
        screen.show(f"the platform of environment {files.environment!r} is not running")
        return
    if result.orphans:
        screen.show(f"terminated {len(result.orphans)} processes of an earlier platform")
    outcome = "is stopped" if result.host else "was not running"
    screen.show(f"the platform of environment {files.environment!r} {outcome}; its data was removed")
    screen.show(f"logs: {files.logs}")
