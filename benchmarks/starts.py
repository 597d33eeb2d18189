"""Starts of the platform by step, with a warm and with a cold page cache."""

import os
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import platforms
from benchmarks.platforms import StartedPlatform
from benchmarks.report import ResultTable, Section
from benchmarks.rounds import Measurement, Spread, measure_rounds
from operations.project import checkout
from operations.state.progress_log import PLATFORM_STEP

NAME = "starts"
WARM = "warm"
COLD = "cold"
COMMAND = "the command itself"
LONGEST = 5


def measure(*, quick: bool) -> Section:
    """Measure whole starts, warm, and cold where the system can drop files from the page cache."""
    cold_problem = None if hasattr(os, "posix_fadvise") else "this system cannot drop files from the page cache"
    if quick:
        cold_problem = "--quick does not change the page cache"
    waits: dict[str, list[float]] = {}
    candidates = {WARM: lambda: _start(waits)}
    if not cold_problem:
        candidates[COLD] = _cold_start
    measurements = measure_rounds(candidates, rounds=1 if quick else 3, warm_ups=0 if quick else 1)
    steps = list(next(iter(measurements.values()))[0])
    rows = [
        [step, *(Spread.of_measurements(measured, step).text(2) for measured in measurements.values())]
        for step in steps
    ]
    tables = [ResultTable(title="Seconds by step", columns=("", *measurements), rows=rows), _longest(waits)]
    if cold_problem:
        return Section(name=NAME, tables=tables, missing=[f"cold starts: {cold_problem}"])
    notes = ["Cold: all files of Python, the environment and the project were dropped from the page cache before."]
    return Section(name=NAME, tables=tables, notes=notes)


def _start(waits: dict[str, list[float]] | None = None) -> Measurement:
    with platforms.running_platform() as platform:
        if waits is not None:
            for name, seconds in _resource_waits(platform):
                waits.setdefault(name, []).append(seconds)
        return _steps(platform)


def _cold_start() -> Measurement:
    paths = sysconfig.get_paths()
    drop_from_page_cache([Path(paths["stdlib"]), Path(paths["purelib"]), checkout.ROOT])
    return _start()


def _steps(platform: StartedPlatform) -> Measurement:
    """Return the seconds by step, with the command's own overhead and the total last."""
    steps = {event["step"]: float(event["seconds"]) for event in platform.events if event["state"] == "finished"}
    del steps[PLATFORM_STEP]
    return {**steps, COMMAND: platform.seconds - sum(steps.values()), "**in all**": platform.seconds}


def _resource_waits(platform: StartedPlatform) -> Iterator[tuple[str, float]]:
    """Yield the time between consecutive resources, by the name of the resource that was waited for."""
    previous = 0.0
    for event in platform.events:
        if event["state"] == "progressed" and event["step"] == "resources":
            yield event["detail"].partition(" · ")[2], event["seconds"] - previous
            previous = event["seconds"]


def _longest(waits: dict[str, list[float]]) -> ResultTable:
    spreads = sorted(((Spread.of(values), name) for name, values in waits.items()), key=lambda pair: -pair[0].median)
    rows = [[name, spread.text(2)] for spread, name in spreads[:LONGEST]]
    return ResultTable(title="Resources with the longest waits", columns=("", "warm, seconds"), rows=rows)


def drop_from_page_cache(folders: Sequence[Path]) -> None:
    """Ask the system to drop all files below these folders from the page cache. Files that processes have mapped stay."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                _drop(path)


def _drop(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return  # The file was removed or is not readable, so the start does not read it either.
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
