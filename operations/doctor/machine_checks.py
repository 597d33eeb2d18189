"""Whether this machine and this checkout have what a local platform needs. Nothing is started but two programs that end at once."""

import importlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from local.compute.rds import postgres
from local.engines import stack_files
from local.errors import LocalPlatformError
from operations.doctor.checks import Check, ok, problem, warning
from operations.project import checkout, stack_settings
from operations.terminal.command_errors import CommandError

SETUP = "make setup"
MIN_PYTHON = (3, 11)
GIGABYTE = 10**9
# A fresh platform takes some 50 MB; photographs and logs come on top.
MIN_FREE_BYTES, RECOMMENDED_FREE_BYTES = GIGABYTE // 2, 2 * GIGABYTE
PROGRAM_SECONDS = 20
# `name==version ; marker \` as the locks are written; the marker says on which machines it is needed.
PIN = re.compile(r"^(?P<name>[\w.-]+)(?:\[[^]]*\])?==(?P<version>[^\s;]+)\s*(?P<marker>;)?", re.MULTILINE)


def all_of_them(root: Path = checkout.ROOT) -> Iterator[Check]:
    """Every check of the machine and the checkout, in the order in which they are worth fixing."""
    yield python(sys.version_info[:3])
    yield virtual_environment(root)
    yield packages(root / "locks" / "development.txt")
    yield psycopg()
    yield postgres_programs()
    yield unprivileged(os.geteuid())
    yield state_directory(checkout.state_root())
    yield disk(checkout.state_root())
    yield from settings()


def python(version: tuple[int, ...]) -> Check:
    """Whether the interpreter is new enough."""
    shown = ".".join(map(str, version))
    if version < MIN_PYTHON:
        return problem(
            "python", f"{shown} is too old: 3.11 is the least", "install Python 3.11 or newer, then: make setup"
        )
    return ok("python", f"{shown} in {sys.prefix}")


def virtual_environment(root: Path) -> Check:
    """Whether setup came to its end, and after the last change of what it reads."""
    name, stamp = "virtual environment", root / ".venv" / ".complete"
    if not stamp.exists():
        return problem(name, f"{stamp} is missing: it was never made, or its making was interrupted", SETUP)
    made = stamp.stat().st_mtime
    sources = (root / "locks" / "bootstrap.txt", root / "locks" / "development.txt", root / "pyproject.toml")
    newer = [str(file.relative_to(root)) for file in sources if file.exists() and file.stat().st_mtime > made]
    if newer:
        return warning(name, f"{', '.join(newer)} changed after it was made", SETUP)
    if not Path(sys.prefix).resolve().samefile(stamp.parent):
        return warning(name, f"this command runs from {sys.prefix}", f"use {stamp.parent / 'bin' / 'platform'}")
    return ok(name, str(stamp.parent))


def packages(lock: Path) -> Check:
    """Whether each locked package is installed in the locked version; one that only other machines need may be absent."""
    if not lock.is_file():
        return problem("packages", f"{lock} is missing", "restore it: git checkout -- locks")
    versions: dict[str, set[str]] = defaultdict(set)
    elsewhere: set[str] = set()
    for pin in PIN.finditer(lock.read_text(encoding="utf-8")):
        versions[pin["name"]].add(pin["version"])
        if pin["marker"]:
            elsewhere.add(pin["name"])
    wrong = []
    for name, locked in versions.items():
        installed = _installed(name)
        if installed is None and name not in elsewhere:
            wrong.append(f"{name} is missing")
        elif installed is not None and installed not in locked:
            wrong.append(f"{name} is {installed} instead of {' or '.join(sorted(locked))}")
    if wrong:
        return problem("packages", "; ".join(wrong), SETUP)
    return ok("packages", f"{len(versions)} as locked")


def psycopg() -> Check:
    """Whether the database driver brings its own libpq: the system's may be missing or old."""
    try:
        implementation = importlib.import_module("psycopg.pq").__impl__
    except ImportError as error:
        return problem("database driver", f"psycopg does not load: {error}", SETUP)
    if implementation != "binary":
        return warning("database driver", f"psycopg runs its {implementation} implementation, not binary", SETUP)
    return ok("database driver", "psycopg, binary")


def postgres_programs() -> Check:
    """Whether the embedded server was made for this machine: its program must run."""
    try:
        done = _run([str(postgres.binaries() / "postgres"), "--version"])
    except LocalPlatformError as error:
        return problem("postgres", error.message, error.next_step or SETUP)
    except (OSError, subprocess.SubprocessError) as error:
        return problem("postgres", f"its program does not run on this machine: {error}", SETUP)
    if done.returncode:
        return problem("postgres", f"its program ended with status {done.returncode}: {done.stderr.strip()}", SETUP)
    return ok("postgres", done.stdout.strip())


def unprivileged(user: int) -> Check:
    """Whether Postgres, which refuses to run as root, can be given another user where the command runs as root."""
    if user != 0:
        return ok("user", f"id {user}, which Postgres accepts")
    fix = "run as an ordinary user"
    program = shutil.which("unshare", path=f"{os.environ.get('PATH', '')}:/usr/bin:/bin")
    if program is None:
        return problem("user", "root, as whom Postgres does not run, and `unshare` was not found", fix)
    try:
        done = _run([program, "--user", "--map-user=1000", "true"])
    except (OSError, subprocess.SubprocessError) as error:
        return problem("user", f"root, and `unshare` does not run: {error}", fix)
    if done.returncode:
        return problem("user", f"root, and this system grants no user namespace: {done.stderr.strip()}", fix)
    return ok("user", "root; Postgres gets a user namespace by `unshare`")


def state_directory(directory: Path) -> Check:
    """Whether the folder of the platform's state can be written, or made where it is not there yet."""
    existing = _nearest(directory)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        fix = f"make {existing} writable, or name another folder in {checkout.STATE_DIRECTORY_VARIABLE}"
        return problem("state directory", f"{existing} cannot be written: {error.strerror}", fix)
    return ok("state directory", f"{directory} can be written")


def disk(directory: Path, free: int | None = None) -> Check:
    """Whether there is room on the file system of the platform's state; `free` is in bytes, asked of the system if None."""
    free = shutil.disk_usage(_nearest(directory)).free if free is None else free
    detail = f"{free / GIGABYTE:,.1f} GB free"
    fix = f"make room, or name a folder elsewhere in {checkout.STATE_DIRECTORY_VARIABLE}"
    if free < MIN_FREE_BYTES:
        return problem("disk", f"{detail}, which is too little", fix)
    if free < RECOMMENDED_FREE_BYTES:
        return warning("disk", f"{detail}, which photographs may fill", fix)
    return ok("disk", detail)


def settings() -> Iterator[Check]:
    """Whether the settings of every environment would be accepted by the program."""
    names = stack_files.stack_names(checkout.ROOT)
    if not names:
        yield problem(
            "settings", f"no Pulumi.<environment>.yaml in {checkout.ROOT}", "restore them: git checkout -- 'Pulumi*'"
        )
    for name in names:
        try:
            stack_settings.load(name)
        except CommandError as refusal:
            yield problem(f"settings {name}", refusal.message, refusal.next_step)
        else:
            yield ok(f"settings {name}", "valid")


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _nearest(directory: Path) -> Path:
    """The folder, or the one above it that exists."""
    return next(one for one in (directory, *directory.parents) if one.is_dir())


def _run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=PROGRAM_SECONDS)
