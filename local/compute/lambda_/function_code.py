"""Function code on disk: Pulumi archives, extracted into folders that are named by a hash of their content."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pulumi

from local.archives import ArchiveError, Entry, describe, read_entries

CODE = "code"
NAME_LENGTH = 32


def extract(archive: pulumi.Archive | str | os.PathLike[str], directory: Path) -> Path:
    """Extract an archive to `directory`/code/<content hash> and return that folder.

    An existing folder is reused, with the bytecode that earlier runs left in it. A new folder appears atomically, even when
    several processes create it at the same time.

    Raises:
        ArchiveError: The archive cannot be read, or the folder cannot be written.
    """
    try:
        return _extract(archive, directory / CODE)
    except OSError as error:
        raise ArchiveError(f"{error.filename or describe(archive)}: {error.strerror or error}") from error


def folder_of(file: Path, directory: Path) -> Path:
    """Return the folder to which `extract` extracts an archive file.

    The name is a hash of the file's bytes, so no entry is read. A caller that has the content already may create the folder
    beforehand, with or without bytecode.
    """
    with file.open("rb") as opened:
        return directory / CODE / folder_name(hashlib.file_digest(opened, "sha256").hexdigest())


def folder_name(sha256: str) -> str:
    """Return the name of the folder, under `code`, for content with this SHA-256 (hexadecimal)."""
    return sha256[:NAME_LENGTH]


@contextmanager
def staging_folder(parent: Path) -> Iterator[Path]:
    """Create a temporary folder for `move_into_place`; it is removed at the end of the block unless it was moved."""
    parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=parent, prefix=".staging-"))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def move_into_place(staging: Path, target: Path) -> None:
    """Rename a complete folder to `target`. A folder that another process moved there first is kept."""
    staging.chmod(0o755)
    try:
        staging.rename(target)
    except OSError:
        # Renaming onto a folder that is not empty fails.
        if not target.is_dir():
            raise


def _extract(archive: Any, code: Path) -> Path:
    path = archive.path if isinstance(archive, pulumi.FileArchive) else archive
    file = Path(path) if isinstance(path, str | os.PathLike) and Path(path).is_file() else None
    target = folder_of(file, code.parent) if file else code / _digest(_sorted(archive))
    if target.is_dir():
        return target
    with staging_folder(code) as staging:
        written = _digest(_sorted(archive), into=staging)
        # The files of a folder may change while they are copied, so the name is computed from what was written.
        target = target if file else code / written
        move_into_place(staging, target)
    return target


def _sorted(archive: Any) -> list[Entry]:
    found = sorted(read_entries(archive), key=lambda entry: str(entry.path))
    if not found:
        raise ArchiveError(f"{describe(archive)}: the archive is empty")
    return found


def _digest(found: list[Entry], into: Path | None = None) -> str:
    """Return the folder name for these entries; also write them to `into` if it is given."""
    digest = hashlib.sha256()
    for entry in found:
        content = entry.read()
        digest.update(f"{entry.path}\0{entry.executable:d}\0{len(content)}\0".encode())
        digest.update(content)
        if into is not None:
            file = into / entry.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            if entry.executable:
                file.chmod(0o755)
    return folder_name(digest.hexdigest())
