"""The machine that was measured on, and how busy it was with something else."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

LIBRARIES = ("pillow", "fastapi", "starlette", "pydantic", "uvicorn", "psycopg", "pyjwt", "pulumi", "moto")
# Beyond this load a core the figures are those of a machine that did something else besides.
QUIET_LOAD_PER_CORE = 0.3
GIBIBYTE = 1 << 30


def circumstances() -> str:
    """When and where, in two sentences; a third when the machine was busy before anything was measured."""
    cores, load = psutil.cpu_count() or 1, os.getloadavg()[0]
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    said = (
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {cores} cores of {_processor()}, "
        f"{psutil.virtual_memory().total / GIBIBYTE:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}. {libraries}."
    )
    if load > QUIET_LOAD_PER_CORE * cores:
        said += f" **Preliminary**: the machine was busy with something else (load {load:.1f} before the run)."
    return said


def _processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
