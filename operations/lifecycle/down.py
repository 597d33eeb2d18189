"""`platform down`: ends a local platform and wipes what it stored, but for the logs."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from local.supervisor import leave_nothing_running
from operations.project import checkout
from operations.state.files import StateFiles
from operations.state.lock import ProcessIdentity
from operations.terminal import termination_signals
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen
from operations.terminal.exit_codes import ExitCode

# Ending the platform's processes takes up to a grace time each; only then is the host itself killed.
GRACE_SECONDS = 30.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What was ended: `host` is its process id, `strays` the ids of processes that no host held any more."""

    host: int | None
    strays: list[int]
    wiped: list[str]


def down(environment: str, screen: Screen) -> None:
    """Stops the platform; stopping one that does not run is no error. Interrupting it changes nothing: it is bounded."""
    _report(StateFiles.of(environment), screen, end(environment))


def end(environment: str) -> Ending:
    """Stops the platform without a word, as `down` does."""
    files = StateFiles.of(environment)
    if not files.directory.is_dir():
        return Ending(host=None, strays=[], wiped=[])
    with termination_signals.ignored():
        host = end_host(files)
        with _held_for_cleaning(files):
            return clean(files, host)


def end_host(files: StateFiles, grace_seconds: float = GRACE_SECONDS) -> int | None:
    """Asks the process that holds the platform to end, and kills it after the grace time. Returns its id, if there was one."""
    state = files.read()
    holders: list[ProcessIdentity | None] = [files.lock.holder(), state.host if state else None]
    for identity in holders:
        process = identity.find() if identity else None
        if identity is None or process is None or process.pid == os.getpid():
            continue
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)
            if not _gone(identity, grace_seconds):
                process.kill()
                _gone(identity, grace_seconds)
        return identity.pid
    return None


def clean(files: StateFiles, host: int | None = None, *, keep_lock: bool = False) -> Ending:
    """Ends what a dead host left running and wipes everything but the logs. The caller holds the lock."""
    wiped, strays = files.leftovers(), leave_nothing_running(files.directory)
    files.wipe(keep_lock=keep_lock)
    return Ending(host=host, strays=strays, wiped=wiped)


def _gone(identity: ProcessIdentity, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while identity.find() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


@contextlib.contextmanager
def _held_for_cleaning(files: StateFiles) -> Iterator[None]:
    lock = files.lock
    deadline = time.monotonic() + GRACE_SECONDS
    while not lock.acquire():
        if time.monotonic() > deadline:
            raise CommandError(
                f"another command holds the environment {files.environment!r}",
                next_step=checkout.command_line("status", files.environment),
                code=ExitCode.BUSY,
            )
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _report(files: StateFiles, screen: Screen, ending: Ending) -> None:
    did_something = ending.host is not None or bool(ending.strays or ending.wiped)
    screen.write_json(
        {
            "state": "stopped",
            "environment": files.environment,
            "was_running": ending.host is not None,
            "ended": [*([ending.host] if ending.host else []), *ending.strays],
            "logs": str(files.logs) if files.logs.is_dir() else None,
        }
    )
    if not did_something:
        screen.show(f"the platform of environment {files.environment!r} is not running; nothing to stop")
        return
    if ending.strays:
        screen.show(f"ended {len(ending.strays)} processes that an earlier platform had left running")
    what = "is stopped" if ending.host else "was not running; its remains are removed"
    screen.show(f"the platform of environment {files.environment!r} {what}; everything it stored is wiped")
    screen.show(f"its logs are kept in {files.logs}")
