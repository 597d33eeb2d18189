"""What is in a Pulumi archive: files, folders, zips, tars and texts, as one stream of entries."""

import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pulumi

from local.errors import LocalPlatformError

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz")
# Bytecode is compiled again where the code is laid out, so it neither belongs to the content nor changes its name.
BYTECODE_FOLDER = "__pycache__"


class ArchiveError(LocalPlatformError):
    """An archive that cannot be read: a path that does not exist, a file that is no archive, a kind that needs a network."""


@dataclass(frozen=True)
class Entry:
    """One file of an archive."""

    path: PurePosixPath
    read: Callable[[], bytes]
    executable: bool = False


def entries(archive: Any) -> Iterator[Entry]:
    """Every file of an archive (or of a path to one), in no order. Raises ArchiveError."""
    if isinstance(archive, pulumi.AssetArchive):
        for name, asset in archive.assets.items():
            yield from _below(name, asset)
    elif isinstance(archive, pulumi.FileArchive):
        yield from _file_archive(Path(archive.path))
    elif isinstance(archive, str | os.PathLike):
        yield from _file_archive(Path(archive))
    else:
        raise ArchiveError(f"{describe(archive)}: only files on this machine can be function code")


def _below(name: str, asset: Any) -> Iterator[Entry]:
    """What one name of an asset archive stands for: a file, or everything of a nested archive."""
    place = _inside(name)
    if isinstance(asset, pulumi.StringAsset):
        yield Entry(place, _holding(asset.text.encode()))
    elif isinstance(asset, pulumi.FileAsset):
        file = Path(asset.path)
        if not file.is_file():
            raise ArchiveError(f"{file}: no such file")
        yield Entry(place, file.read_bytes, os.access(file, os.X_OK))
    else:
        for entry in entries(asset):
            yield Entry(place / entry.path, entry.read, entry.executable)


def _file_archive(path: Path) -> Iterator[Entry]:
    if path.is_dir():
        yield from _folder(path)
    elif not path.exists():
        raise ArchiveError(f"{path}: no such file or directory")
    elif zipfile.is_zipfile(path):
        yield from _zip(path)
    elif path.name.endswith(TAR_SUFFIXES) and tarfile.is_tarfile(path):
        yield from _tar(path)
    else:
        raise ArchiveError(f"{path}: it is neither a directory nor a zip or tar archive")


def _folder(folder: Path) -> Iterator[Entry]:
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if name != BYTECODE_FOLDER)
        for name in files:
            file = Path(parent, name)
            yield Entry(PurePosixPath(file.relative_to(folder)), file.read_bytes, os.access(file, os.X_OK))


def _zip(path: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir() and BYTECODE_FOLDER not in PurePosixPath(member.filename).parts:
                executable = bool(member.external_attr >> 16 & 0o100)
                yield Entry(_inside(member.filename), _holding(archive.read(member)), executable)


def _tar(path: Path) -> Iterator[Entry]:
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None and BYTECODE_FOLDER not in PurePosixPath(member.name).parts:
                yield Entry(_inside(member.name), _holding(file.read()), bool(member.mode & 0o100))


def _holding(content: bytes) -> Callable[[], bytes]:
    return lambda: content


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ArchiveError(f"{name}: an entry of an archive must lie inside it")
    return path


def describe(archive: Any) -> str:
    """An archive in a message: its path or address, or else its kind."""
    return str(getattr(archive, "path", None) or getattr(archive, "uri", None) or type(archive).__name__)
