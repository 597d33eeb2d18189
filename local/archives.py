"""Reads Pulumi archives: files, folders, zip files, tar files and strings as one stream of entries."""

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
# Bytecode is compiled again where the code is extracted, so it is not part of the content or its digest.
BYTECODE_FOLDER = "__pycache__"


class ArchiveError(LocalPlatformError):
    """The archive cannot be read: a missing path, a file that is not an archive, or a remote archive."""


@dataclass(frozen=True)
class Entry:
    """One file of an archive."""

    path: PurePosixPath
    read: Callable[[], bytes]
    executable: bool = False


def read_entries(archive: Any) -> Iterator[Entry]:
    """Yield every file of an archive (or of a path to one), in no particular order.

    Raises:
        ArchiveError: The archive cannot be read.
    """
    if isinstance(archive, pulumi.AssetArchive):
        for name, asset in archive.assets.items():
            yield from _read_asset(name, asset)
    elif isinstance(archive, pulumi.FileArchive):
        yield from _read_path(Path(archive.path))
    elif isinstance(archive, str | os.PathLike):
        yield from _read_path(Path(archive))
    else:
        raise ArchiveError(f"{describe(archive)}: only files on this machine can be function code")


def _read_asset(name: str, asset: Any) -> Iterator[Entry]:
    """Yield the entries of one asset: a file, or all files of a nested archive."""
    path = _relative_path(name)
    if isinstance(asset, pulumi.StringAsset):
        yield Entry(path, _constant(asset.text.encode()))
    elif isinstance(asset, pulumi.FileAsset):
        file = Path(asset.path)
        if not file.is_file():
            raise ArchiveError(f"{file}: no such file")
        yield Entry(path, file.read_bytes, os.access(file, os.X_OK))
    else:
        for entry in read_entries(asset):
            yield Entry(path / entry.path, entry.read, entry.executable)


def _read_path(path: Path) -> Iterator[Entry]:
    if path.is_dir():
        yield from _read_folder(path)
    elif not path.exists():
        raise ArchiveError(f"{path}: no such file or directory")
    elif zipfile.is_zipfile(path):
        yield from _read_zip(path)
    elif path.name.endswith(TAR_SUFFIXES) and tarfile.is_tarfile(path):
        yield from _read_tar(path)
    else:
        raise ArchiveError(f"{path}: neither a directory nor a zip or tar archive")


def _read_folder(folder: Path) -> Iterator[Entry]:
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if name != BYTECODE_FOLDER)
        for name in files:
            file = Path(parent, name)
            yield Entry(PurePosixPath(file.relative_to(folder)), file.read_bytes, os.access(file, os.X_OK))


def _read_zip(path: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir() and BYTECODE_FOLDER not in PurePosixPath(member.filename).parts:
                executable = bool(member.external_attr >> 16 & 0o100)
                yield Entry(_relative_path(member.filename), _constant(archive.read(member)), executable)


def _read_tar(path: Path) -> Iterator[Entry]:
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None and BYTECODE_FOLDER not in PurePosixPath(member.name).parts:
                yield Entry(_relative_path(member.name), _constant(file.read()), bool(member.mode & 0o100))


def _constant(content: bytes) -> Callable[[], bytes]:
    return lambda: content


def _relative_path(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ArchiveError(f"{name}: the path of an archive entry must be relative and must not contain `..`")
    return path


def describe(archive: Any) -> str:
    """Return the archive's path or URL for a message, or its class name if it has neither."""
    return str(getattr(archive, "path", None) or getattr(archive, "uri", None) or type(archive).__name__)
