"""A project with one small bundle, in which a test may change every input."""

import re
from pathlib import Path

import pytest

from operations.project import checkout
from operations.release.bundles import Bundle

TINY = Bundle(name="tiny", packages=("tiny",), handler="tiny.work.handler")


def locked(package: str) -> str:
    """Return the development lock's entry for a package. The package is installed, so uv has its wheel in the cache."""
    lock = (checkout.ROOT / "locks" / "development.txt").read_text()
    (entry,) = re.findall(rf"^{package}==.*\n(?:    --hash.*\n)+", lock, re.MULTILINE)
    assert isinstance(entry, str)
    return entry


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with `locks/tiny.txt` and the package `tiny`."""
    folder = tmp_path / "project"
    (folder / "locks").mkdir(parents=True)
    (folder / "locks" / "tiny.txt").write_text(locked("six"))
    (folder / "tiny").mkdir()
    (folder / "tiny" / "__init__.py").touch()
    (folder / "tiny" / "work.py").write_text(
        "import six\n\n\ndef handler(event, context):\n    return six.__version__\n"
    )
    return folder
