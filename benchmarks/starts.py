"""`platform up`, step by step, as its own progress tells: with everything in memory, and with nothing of it."""

import os
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import platforms
from benchmarks.platforms import Start
from benchmarks.report import Figures, Section
from benchmarks.rounds import Spread, Turn, take_turns
from operations.project import checkout
from operations.state.progress_log import PLATFORM_STEP

NAME = "starts"
WARM = "warm"
COLD = "cold"
COMMAND = "the command itself"
LONGEST = 5


def measure(*, quick: bool) -> Section:
    """Whole starts, cold and warm in turn where the system can forget files."""
    why_not_cold = None if hasattr(os, "posix_fadvise") else "this system cannot be asked to forget a file"
    if quick:
        why_not_cold = "--quick leaves the memory of the machine alone"
    waits: dict[str, list[float]] = {}
    contestants = {WARM: lambda: _start(waits)}
    if not why_not_cold:
        contestants[COLD] = _cold_start
    turns = take_turns(contestants, rounds=1 if quick else 3, warm_ups=0 if quick else 1)
    steps = list(next(iter(turns.values()))[0])
    rows = [[step, *(Spread.of_turns(own, step).text(2) for own in turns.values())] for step in steps]
    tables = [Figures(title="Seconds by step", columns=("", *turns), rows=rows), _longest(waits)]
    if why_not_cold:
        return Section(name=NAME, tables=tables, missing=[f"cold starts: {why_not_cold}"])
    notes = ["Cold: every file of Python, of the environment and of the project was put out of the page cache before."]
    return Section(name=NAME, tables=tables, notes=notes)


def _start(waits: dict[str, list[float]] | None = None) -> Turn:
    with platforms.running() as start:
        if waits is not None:
            for name, seconds in _resource_waits(start):
                waits.setdefault(name, []).append(seconds)
        return _steps(start)


def _cold_start() -> Turn:
    paths = sysconfig.get_paths()
    forget([Path(paths["stdlib"]), Path(paths["purelib"]), checkout.ROOT])
    return _start()


def _steps(start: Start) -> Turn:
    """Seconds by step; what the whole command took besides its steps comes last but one."""
    steps = {event["step"]: float(event["seconds"]) for event in start.events if event["state"] == "finished"}
    del steps[PLATFORM_STEP]
    return {**steps, COMMAND: start.seconds - sum(steps.values()), "**in all**": start.seconds}


def _resource_waits(start: Start) -> Iterator[tuple[str, float]]:
    """How long it took from one resource to the next, by the one that was waited for."""
    before = 0.0
    for event in start.events:
        if event["state"] == "progressed" and event["step"] == "resources":
            yield event["detail"].partition(" · ")[2], event["seconds"] - before
            before = event["seconds"]


def _longest(waits: dict[str, list[float]]) -> Figures:
    spreads = sorted(((Spread.of(values), name) for name, values in waits.items()), key=lambda pair: -pair[0].median)
    rows = [[name, spread.text(2)] for spread, name in spreads[:LONGEST]]
    return Figures(title="Resources that were waited for longest", columns=("", "warm, seconds"), rows=rows)


def forget(folders: Sequence[Path]) -> None:
    """Asks the system to put every file below the folders out of its memory. What another process has mapped stays there."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                _forget(path)


def _forget(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return  # it went away since, or is not ours to read: either way nothing of it will be read
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
