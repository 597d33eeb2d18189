"""Runs a Pulumi program in this process, against a monitor of ours."""

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
# Only one program may run at a time: the SDK's defaults are shared by the whole process.
_running = threading.Lock()
# Allocations before a collection of the youngest, and how many of each generation before one of the next older.
RARE_COLLECTIONS = (100_000, 50, 10)


def evaluate(
    program: Callable[[], None],
    monitor: ProgramMonitor,
    *,
    project: str,
    stack_name: str,
    config: Mapping[str, str],
    preview: bool = False,
) -> None:
    """Runs the program to its end; what it registered and exported is in the monitor then.

    Raises ProgramError, which lists each failed registration by its path, first cause first, and what the program itself
    raised; LocalPlatformError when another evaluation is running in this process.
    """
    if not _running.acquire(blocking=False):
        raise LocalPlatformError("a program is being evaluated in this process already: one at a time")
    raised = _run(program, monitor, project, stack_name, config, preview=preview)
    problems = [f"{failure.label}: {failure.problem}" for failure in monitor.failures]
    if raised is not None:
        problems.append(f"the program failed: {_described(raised)}")
    if not problems and monitor.skipped:
        problems.append("some inputs never became known")
    if not problems:
        return
    message = (
        problems[0]
        if len(problems) == 1
        else "\n".join([f"{len(problems)} problems:", *(f"- {each}" for each in problems)])
    )
    if monitor.skipped:
        message += f"\n({monitor.skipped} more that depend on this were not tried)"
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
    """Runs the program on a thread with an event loop and context variables of its own, so that the caller's are not touched.

    The caller holds the lock; the thread gives it back.
    """
    raised: list[BaseException] = []

    def guarded() -> None:
        try:
            program()
        except BaseException as error:
            # The SDK would forget it if one of the program's outputs fails too.
            raised.append(error)
            raise

    def target() -> None:
        try:
            _configure(monitor, project, stack_name, config, preview=preview)
            with _rare_collections(), asyncio.Runner() as runner:
                # What a failing program leaves behind is told once, by us, and not by every task that waited for it.
                runner.get_loop().set_exception_handler(lambda _, context: log.debug("%s", context.get("message")))
                runner.run(stack.run_in_stack(guarded))
        except BaseException as error:  # noqa: BLE001  # it is handed to the calling thread, which reports it
            raised.append(error)
        finally:
            # Here and not in the calling thread, which an interrupt may take away while the program still runs.
            _running.release()

    thread = threading.Thread(target=contextvars.Context().run, args=(target,), name="program", daemon=True)
    thread.start()
    thread.join()
    return raised[0] if raised else None


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    """A program makes hundreds of thousands of objects that all stay until its end: with Python's own thresholds, more than half
    of the time would go into looking through them for garbage."""
    before = gc.get_threshold()
    gc.set_threshold(*RARE_COLLECTIONS)
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
        # These would otherwise be shared with, and left over from, other evaluations.
        "outputs": set(),
        "lock": threading.Lock(),
        "package_refs": {},
        "base_providers_by_ref": {},
    }
    settings.configure(mocks.MockSettings(**values))  # type: ignore[no-untyped-call]  # the SDK's own is not typed
    settings.ROOT.set(None)
    set_all_config(dict(config), [])


def _described(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, LocalPlatformError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
