"""A Pulumi archive as the zip that Lambda is sent: the same content gives the same bytes, on every machine."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi

from local.provider.problem import ProblemError

# The earliest time that a zip entry can carry: file times would make two checkouts differ.
_TIME = (1980, 1, 1, 0, 0, 0)


def zip_archive(archive: Any) -> bytes:
    """The archive's zip. Raises ProblemError for a path that does not exist and for remote archives, which need a network."""
    if isinstance(archive, pulumi.FileArchive) and _existing(archive.path).is_file():
        return Path(archive.path).read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in sorted(_entries(archive, "")):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, content)
    return buffer.getvalue()


def _entries(item: Any, name: str) -> Iterator[tuple[str, bytes]]:
    if isinstance(item, pulumi.AssetArchive):
        for inner, value in item.assets.items():
            yield from _entries(value, f"{name}/{inner}" if name else inner)
    elif isinstance(item, pulumi.StringAsset):
        yield name, item.text.encode()
    elif isinstance(item, pulumi.FileAsset):
        yield name, _existing(item.path).read_bytes()
    elif isinstance(item, pulumi.FileArchive):
        yield from _files(_existing(item.path), name)
    else:
        raise ProblemError(f"an archive may hold files and texts, not a {type(item).__name__}")


def _files(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    if path.is_file():
        with zipfile.ZipFile(path) as inner:
            yield from ((f"{name}/{entry}" if name else entry, inner.read(entry)) for entry in inner.namelist())
        return
    for file in path.rglob("*"):
        # Python writes its caches while we read, so they would come and go between two runs.
        if file.is_file() and "__pycache__" not in file.parts:
            relative = file.relative_to(path).as_posix()
            yield (f"{name}/{relative}" if name else relative), file.read_bytes()


def _existing(path: str) -> Path:
    if not Path(path).exists():
        raise ProblemError(f"the path {path} does not exist")
    return Path(path)
