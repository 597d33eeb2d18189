"""Runs a Pulumi program in this process against a ProgramMonitor."""

import asyncio
import contextlib
import contextvars
import gc
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pulumi.runtime import mocks, settings, stack
from pulumi.runtime.config import set_all_config

from local.engines.monitor import ProgramMonitor
from local.engines.wire import redact
from local.errors import LocalPlatformError, ProgramError

log = logging.getLogger(__name__)
# Only one program can run at a time, because the SDK's settings are global to the process.
_running = threading.Lock()
# Thresholds of the garbage collector while a program runs, as in gc.set_threshold().
GC_THRESHOLDS = (100_000, 50, 10)


def evaluate(
    program: Callable[[], None],
    monitor: ProgramMonitor,
    *,
    project: str,
    stack_name: str,
    config: Mapping[str, str],
    preview: bool = False,
) -> None:
    """Run the program to completion; its registrations and exports are then in the monitor.

    Raises:
        ProgramError: The program raised an exception, or registrations failed. The message lists them, root causes first.
        LocalPlatformError: Another evaluation is running in this process.
    """
    if not _running.acquire(blocking=False):
        raise LocalPlatformError("another program is being evaluated in this process; only one can run at a time")
    raised = _run(program, monitor, project, stack_name, config, preview=preview)
    problems = [f"{failure.label}: {failure.problem}" for failure in monitor.failures]
    if raised is not None:
        problems.append(f"the program failed: {_describe(raised)}")
    if not problems and monitor.skipped:
        problems.append("some inputs remained unknown")
    if not problems:
        return
    message = (
        problems[0]
        if len(problems) == 1
        else "\n".join([f"{len(problems)} problems:", *(f"- {each}" for each in problems)])
    )
    if monitor.skipped:
        message += f"\n({monitor.skipped} dependent resources were skipped)"
    raise ProgramError(redact(message, monitor.secret_texts)) from raised


def _run(
    program: Callable[[], None],
    monitor: ProgramMonitor,
    project: str,
    stack_name: str,
    config: Mapping[str, str],
    *,
    preview: bool,
) -> BaseException | None:
    """Run the program on a thread with its own event loop and context variables, isolated from the caller's.

    The caller holds the lock; the thread releases it.
    """
    raised: list[BaseException] = []

    def run_program() -> None:
        try:
            program()
        except BaseException as error:
            # The SDK loses this exception if one of the program's outputs fails too.
            raised.append(error)
            raise

    def target() -> None:
        try:
            _configure(monitor, project, stack_name, config, preview=preview)
            with _raised_gc_thresholds(), asyncio.Runner() as runner:
                # The failure is reported once, by the caller, not by every task that waited for a failed one.
                runner.get_loop().set_exception_handler(lambda _, context: log.debug("%s", context.get("message")))
                runner.run(stack.run_in_stack(run_program))
        except BaseException as error:  # noqa: BLE001  # passed to the calling thread, which reports it
            raised.append(error)
        finally:
            # Not in the calling thread: an interrupt may end its wait while the program is still running.
            _running.release()

    thread = threading.Thread(target=contextvars.Context().run, args=(target,), name="program", daemon=True)
    thread.start()
    thread.join()
    return raised[0] if raised else None


@contextlib.contextmanager
def _raised_gc_thresholds() -> Iterator[None]:
    """Make garbage collections rare.

    A program creates hundreds of thousands of objects that live until its end: with Python's default thresholds, more than
    half of the time is spent on collections that find nothing.
    """
    before = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _configure(
    monitor: ProgramMonitor, project: str, stack_name: str, config: Mapping[str, str], *, preview: bool
) -> None:
    values: dict[str, Any] = {
        "monitor": monitor,
        "monitor_features": monitor.features(),
        "engine": mocks.MockEngine(log),
        "project": project,
        "stack": stack_name,
        "dry_run": preview,
        "organization": "organization",
        "callbacks": None,
        "parallel": None,
        "legacy_apply_enabled": False,
        # Without these, state of earlier evaluations would be shared.
        "outputs": set(),
        "lock": threading.Lock(),
        "package_refs": {},
        "base_providers_by_ref": {},
    }
    settings.configure(mocks.MockSettings(**values))  # type: ignore[no-untyped-call]  # the SDK's own is not typed
    settings.ROOT.set(None)
    set_all_config(dict(config), [])


def _describe(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, LocalPlatformError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
