"""Checks of this machine and this checkout. They run at most two short-lived programs."""

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

SETUP_COMMAND = "make setup"
MIN_PYTHON = (3, 11)
GIGABYTE = 10**9
# A new platform takes about 50 MB, plus uploads and logs.
MIN_FREE_BYTES, RECOMMENDED_FREE_BYTES = GIGABYTE // 2, 2 * GIGABYTE
TIMEOUT_SECONDS = 20
# `name==version ; marker \` in a lock file; a package with a marker is needed on some machines only.
LOCK_ENTRY = re.compile(r"^(?P<name>[\w.-]+)(?:\[[^]]*\])?==(?P<version>[^\s;]+)\s*(?P<marker>;)?", re.MULTILINE)


def check_machine(root: Path = checkout.ROOT) -> Iterator[Check]:
    """Yield the results of all checks, in the order in which problems should be fixed."""
    yield check_python(sys.version_info[:3])
    yield check_virtual_environment(root)
    yield check_packages(root / "locks" / "development.txt")
    yield check_psycopg()
    yield check_postgres()
    yield check_user(os.geteuid())
    yield check_state_directory(checkout.state_root())
    yield check_disk(checkout.state_root())
    yield from check_settings()


def check_python(version: tuple[int, ...]) -> Check:
    """Check the Python version."""
    version_text = ".".join(map(str, version))
    if version < MIN_PYTHON:
        return problem(
            "python",
            f"{version_text} is too old: 3.11 or newer is required",
            "install Python 3.11 or newer, then: make setup",
        )
    return ok("python", f"{version_text} in {sys.prefix}")


def check_virtual_environment(root: Path) -> Check:
    """Check that `make setup` completed after the last change of its inputs."""
    name, stamp = "virtual environment", root / ".venv" / ".complete"
    if not stamp.exists():
        return problem(name, f"{stamp} is missing: `make setup` has not completed", SETUP_COMMAND)
    completed_at = stamp.stat().st_mtime
    sources = (root / "locks" / "bootstrap.txt", root / "locks" / "development.txt", root / "pyproject.toml")
    changed = [str(file.relative_to(root)) for file in sources if file.exists() and file.stat().st_mtime > completed_at]
    if changed:
        return warning(name, f"{', '.join(changed)} changed after `make setup`", SETUP_COMMAND)
    if not Path(sys.prefix).resolve().samefile(stamp.parent):
        return warning(name, f"this command runs from {sys.prefix}", f"use {stamp.parent / 'bin' / 'platform'}")
    return ok(name, str(stamp.parent))


def check_packages(lock: Path) -> Check:
    """Check that every locked package is installed in its locked version, except for those that other machines need."""
    if not lock.is_file():
        return problem("packages", f"{lock} is missing", "restore it: git checkout -- locks")
    versions: dict[str, set[str]] = defaultdict(set)
    platform_specific: set[str] = set()
    for entry in LOCK_ENTRY.finditer(lock.read_text(encoding="utf-8")):
        versions[entry["name"]].add(entry["version"])
        if entry["marker"]:
            platform_specific.add(entry["name"])
    wrong = []
    for name, locked in versions.items():
        installed = _installed(name)
        if installed is None and name not in platform_specific:
            wrong.append(f"{name} is missing")
        elif installed is not None and installed not in locked:
            wrong.append(f"{name} is {installed} instead of {' or '.join(sorted(locked))}")
    if wrong:
        return problem("packages", "; ".join(wrong), SETUP_COMMAND)
    return ok("packages", f"{len(versions)} as locked")


def check_psycopg() -> Check:
    """Check that psycopg uses its bundled libpq: the system's may be missing or old."""
    try:
        implementation = importlib.import_module("psycopg.pq").__impl__
    except ImportError as error:
        return problem("database driver", f"psycopg cannot be imported: {error}", SETUP_COMMAND)
    if implementation != "binary":
        return warning(
            "database driver", f"psycopg uses its {implementation} implementation instead of binary", SETUP_COMMAND
        )
    return ok("database driver", "psycopg, binary")


def check_postgres() -> Check:
    """Check that the embedded Postgres server runs on this machine."""
    try:
        result = _run([str(postgres.binaries() / "postgres"), "--version"])
    except LocalPlatformError as error:
        return problem("postgres", error.message, error.next_step or SETUP_COMMAND)
    except (OSError, subprocess.SubprocessError) as error:
        return problem("postgres", f"the server program does not run on this machine: {error}", SETUP_COMMAND)
    if result.returncode:
        return problem(
            "postgres",
            f"the server program exited with status {result.returncode}: {result.stderr.strip()}",
            SETUP_COMMAND,
        )
    return ok("postgres", result.stdout.strip())


def check_user(user_id: int) -> Check:
    """Check that Postgres, which refuses to run as root, can be started as another user."""
    if user_id != 0:
        return ok("user", f"id {user_id}, not root")
    fix = "run as an ordinary user"
    program = shutil.which("unshare", path=f"{os.environ.get('PATH', '')}:/usr/bin:/bin")
    if program is None:
        return problem("user", "Postgres does not run as root, and `unshare` was not found", fix)
    try:
        result = _run([program, "--user", "--map-user=1000", "true"])
    except (OSError, subprocess.SubprocessError) as error:
        return problem("user", f"Postgres does not run as root, and `unshare` fails: {error}", fix)
    if result.returncode:
        return problem(
            "user",
            f"Postgres does not run as root, and user namespaces are not available: {result.stderr.strip()}",
            fix,
        )
    return ok("user", "root; Postgres runs in a user namespace")


def check_state_directory(directory: Path) -> Check:
    """Check that the state directory is writable or can be created."""
    existing = _nearest_existing(directory)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        fix = f"make {existing} writable, or set {checkout.STATE_DIRECTORY_VARIABLE} to another folder"
        return problem("state directory", f"{existing} is not writable: {error.strerror}", fix)
    return ok("state directory", f"{directory} is writable")


def check_disk(directory: Path, free: int | None = None) -> Check:
    """Check the free space in the state directory's file system.

    Args:
        directory: The state directory.
        free: Free bytes; None to ask the system.
    """
    free = shutil.disk_usage(_nearest_existing(directory)).free if free is None else free
    detail = f"{free / GIGABYTE:,.1f} GB free"
    fix = f"free disk space, or set {checkout.STATE_DIRECTORY_VARIABLE} to a folder on another disk"
    if free < MIN_FREE_BYTES:
        return problem("disk", f"{detail}, which is not enough", fix)
    if free < RECOMMENDED_FREE_BYTES:
        return warning("disk", f"{detail}, which uploads may fill", fix)
    return ok("disk", detail)


def check_settings() -> Iterator[Check]:
    """Check the settings of every environment."""
    names = stack_files.stack_names(checkout.ROOT)
    if not names:
        yield problem(
            "settings", f"no Pulumi.<environment>.yaml in {checkout.ROOT}", "restore them: git checkout -- 'Pulumi*'"
        )
    for name in names:
        try:
            stack_settings.load(name)
        except CommandError as error:
            yield problem(f"settings {name}", error.message, error.next_step)
        else:
            yield ok(f"settings {name}", "valid")


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _nearest_existing(directory: Path) -> Path:
    """Return the folder or its nearest parent that exists."""
    return next(parent for parent in (directory, *directory.parents) if parent.is_dir())


def _run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
