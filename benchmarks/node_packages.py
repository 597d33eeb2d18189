"""The contestants from npm: installed from the lock into a cache folder, checked, and started from there."""

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "node"
MANIFESTS = ("package.json", "package-lock.json")
INSTALL_SECONDS = 180


class NodeMissingError(Exception):
    """Node.js or what the benchmarks need from npm is not to be had here. The text says why."""


@dataclass(frozen=True)
class NodePackages:
    """An installation that is complete. Scripts run in its folder, where they find the packages."""

    node: str
    folder: Path

    def argv(self, script: str) -> list[str]:
        """The command line of one of the scripts in `benchmarks/node/`."""
        shutil.copy(SOURCES / script, self.folder / script)
        return [self.node, script]


def find() -> NodePackages | None:
    """What was installed earlier, if exactly the versions of the lock are there; asks no network."""
    node, npm, folder = shutil.which("node"), shutil.which("npm"), _folder()
    if not node or not npm or not (folder / "node_modules").is_dir():
        return None
    done = subprocess.run([npm, "ls", "--all"], cwd=folder, capture_output=True, check=False, timeout=INSTALL_SECONDS)
    return NodePackages(node, folder) if done.returncode == 0 else None


def install() -> NodePackages:
    """Installs what the lock names, once per lock: every file is checked against the lock's hashes, and no package's own
    script is run. Raises NodeMissingError.
    """
    if found := find():
        return found
    npm, folder = shutil.which("npm"), _folder()
    if not npm or not shutil.which("node"):
        raise NodeMissingError("node and npm are not on PATH")
    folder.mkdir(parents=True, exist_ok=True)
    for name in MANIFESTS:
        shutil.copy(SOURCES / name, folder / name)
    _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
    if installed := find():
        return installed
    raise NodeMissingError("npm installed something else than what the lock names")


def _folder() -> Path:
    """Where this lock's packages belong."""
    manifests = b"\0".join((SOURCES / name).read_bytes() for name in MANIFESTS)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "episode-metadata" / "benchmarks" / hashlib.sha256(manifests).hexdigest()[:16]


def _run(argv: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise NodeMissingError(f"npm did not end within {INSTALL_SECONDS} s") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NodeMissingError(f"npm could not install: {said[-1] if said else f'status {done.returncode}'}")
