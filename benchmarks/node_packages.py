"""npm packages for the comparisons, installed from the lock file into a cache folder."""

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "node"
MANIFESTS = ("package.json", "package-lock.json")
INSTALL_SECONDS = 180


class NodeUnavailableError(Exception):
    """Node.js or the npm packages are not available; the message says why."""


@dataclass(frozen=True)
class NodePackages:
    """A complete installation. Scripts run in its folder, where Node.js finds the packages."""

    node: str
    folder: Path

    def argv(self, script: str) -> list[str]:
        """Return the command line of a script in `benchmarks/node/`."""
        shutil.copy(SOURCES / script, self.folder / script)
        return [self.node, script]


def find() -> NodePackages | None:
    """Return the installation if exactly the locked versions are installed. Uses no network."""
    node, npm, folder = shutil.which("node"), shutil.which("npm"), _folder()
    if not node or not npm or not (folder / "node_modules").is_dir():
        return None
    result = subprocess.run([npm, "ls", "--all"], cwd=folder, capture_output=True, check=False, timeout=INSTALL_SECONDS)
    return NodePackages(node, folder) if result.returncode == 0 else None


def install() -> NodePackages:
    """Install the locked packages, unless they are installed already.

    Every file is verified against the hashes of the lock, and no install script is run.

    Raises:
        NodeUnavailableError: Node.js is missing, or the installation fails.
    """
    if found := find():
        return found
    npm, folder = shutil.which("npm"), _folder()
    if not npm or not shutil.which("node"):
        raise NodeUnavailableError("node and npm are not on PATH")
    folder.mkdir(parents=True, exist_ok=True)
    for name in MANIFESTS:
        shutil.copy(SOURCES / name, folder / name)
    _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
    if installed := find():
        return installed
    raise NodeUnavailableError("npm installed other versions than those of the lock file")


def _folder() -> Path:
    """Return the cache folder for this lock file."""
    manifests = b"\0".join((SOURCES / name).read_bytes() for name in MANIFESTS)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "episode-metadata" / "benchmarks" / hashlib.sha256(manifests).hexdigest()[:16]


def _run(argv: list[str], folder: Path) -> None:
    try:
        result = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise NodeUnavailableError(f"npm did not finish within {INSTALL_SECONDS} s") from error
    if result.returncode:
        output = (result.stderr or result.stdout).strip().splitlines()
        raise NodeUnavailableError(f"npm could not install: {output[-1] if output else f'status {result.returncode}'}")
