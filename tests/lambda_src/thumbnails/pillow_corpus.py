"""Pillow's test images from the source distribution of the locked version, verified by hash and not vendored."""

import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

LOCK = Path(__file__).parents[3] / "locks" / "development.txt"
TIMEOUT_SECONDS = 90
# pip's messages if there is no registry, or one without source distributions. A wrong hash or a broken archive is a failure.
UNREACHABLE = re.compile(r"No matching distribution found|ConnectionPool|Connection(Error|Reset)|Read timed out")

# To download a source distribution, pip builds its metadata with the build requirements, which takes minutes and runs foreign
# code. This replacement of setuptools returns the metadata in the archive.
BUILD_BACKEND = """
import shutil
from pathlib import Path


class Backend:
    def build_wheel(self, *_):
        raise NotImplementedError

    def prepare_metadata_for_build_wheel(self, directory, *_):
        folder = Path(directory, "pillow-0.dist-info")
        folder.mkdir()
        shutil.copy("PKG-INFO", folder / "METADATA")
        return folder.name


build_wheel = Backend().build_wheel
prepare_metadata_for_build_wheel = Backend().prepare_metadata_for_build_wheel
"""


def images(cache: Path, directory: Path) -> Path:
    """Extract the images and return their folder inside `directory`. The archive is downloaded once and kept in `cache`.

    The test is skipped if the archive is neither cached nor available.
    """
    requirement = re.search(r"^pillow==\S+(?: \\\n +--hash=\S+)+", LOCK.read_text(), re.MULTILINE)
    assert requirement, f"{LOCK} pins Pillow with its hashes"
    locked = re.findall(r"--hash=sha256:(\w+)", requirement[0])
    archive = _find_cached(cache, locked) or _download(cache, requirement[0], directory)
    with tarfile.open(archive) as opened:
        members = [each for each in opened if each.isfile() and "/Tests/images/" in each.name]
        opened.extractall(directory, members=members, filter="data")
    (found,) = directory.glob("pillow-*/Tests/images")
    return found


def _find_cached(cache: Path, locked: Sequence[str]) -> Path | None:
    archives = (cache / f"{each}.tar.gz" for each in locked)
    return next(
        (each for each in archives if each.exists() and sha256(each.read_bytes()).hexdigest() in each.name), None
    )


def _download(cache: Path, requirement: str, directory: Path) -> Path:
    backend, requirements = directory / "setuptools" / "build_meta.py", directory / "requirements.txt"
    backend.parent.mkdir()
    backend.with_name("__init__.py").touch()
    backend.write_text(BUILD_BACKEND)
    requirements.write_text(requirement)
    with TemporaryDirectory(dir=cache) as target:
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1",
            "--no-deps", "--no-build-isolation", "--no-binary", "pillow", "--require-hashes",
            "--requirement", str(requirements), "--dest", target,
        ]  # fmt: skip
        environment = os.environ | {"PYTHONPATH": str(directory)}
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"Pillow's sources could not be fetched within {TIMEOUT_SECONDS} s")
        if UNREACHABLE.search(done.stderr):
            pytest.skip(f"Pillow's sources could not be fetched: {done.stderr.strip().splitlines()[-1]}")
        assert done.returncode == 0, done.stderr
        (archive,) = Path(target).iterdir()
        # Another process may do the same, so the file gets its name only when it is complete.
        return archive.replace(cache / f"{sha256(archive.read_bytes()).hexdigest()}.tar.gz")
