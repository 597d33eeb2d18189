"""A project of one small bundle, so that a test may change all that decides its bytes."""

import re
from pathlib import Path

import pytest

from operations.project import checkout
from operations.release.bundles import Bundle

TINY = Bundle(name="tiny", packages=("tiny",), handler="tiny.work.handler")


def locked(package: str) -> str:
    """What the development lock says of a package, with its hashes: it is installed, so the wheel is at hand."""
    lock = (checkout.ROOT / "locks" / "development.txt").read_text()
    (found,) = re.findall(rf"^{package}==.*\n(?:    --hash.*\n)+", lock, re.MULTILINE)
    assert isinstance(found, str)
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with `locks/tiny.txt` and the package `tiny`."""
    made = tmp_path / "project"
    (made / "locks").mkdir(parents=True)
    (made / "locks" / "tiny.txt").write_text(locked("six"))
    (made / "tiny").mkdir()
    (made / "tiny" / "__init__.py").touch()
    (made / "tiny" / "work.py").write_text("import six\n\n\ndef handler(event, context):\n    return six.__version__\n")
    return made
