"""Description of the machine and its load."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

LIBRARIES = ("pillow", "fastapi", "starlette", "pydantic", "uvicorn", "psycopg", "pyjwt", "pulumi", "moto")
# Above this load average per core, figures are marked as preliminary.
QUIET_LOAD_PER_CORE = 0.3
GIBIBYTE = 1 << 30


def describe() -> str:
    """Return when and where the benchmarks ran, with a note if the machine was busy before."""
    cores, load = psutil.cpu_count() or 1, os.getloadavg()[0]
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    text = (
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {cores} cores of {_processor()}, "
        f"{psutil.virtual_memory().total / GIBIBYTE:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}. {libraries}."
    )
    if load > QUIET_LOAD_PER_CORE * cores:
        text += f" **Preliminary**: the machine was busy with something else (load {load:.1f} before the run)."
    return text


def _processor() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
