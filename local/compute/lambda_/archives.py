"""Function code on disk: a pulumi archive, laid out in a directory that is named by its content."""

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


def materialise(archive: pulumi.Archive | str | os.PathLike[str], directory: Path) -> Path:
    """Lays an archive out under `directory`/code/<content hash> and returns that folder.

    A folder that is there already is used again, with the bytecode that earlier runs left in it. It appears whole or not at
    all, also when several processes make it at once. Raises ArchiveError.
    """
    try:
        return _materialise(archive, directory / CODE)
    except OSError as error:
        raise ArchiveError(f"{error.filename or describe(archive)}: {error.strerror or error}") from error


def place(file: Path, directory: Path) -> Path:
    """Where `materialise` lays out an archive that is one file: its bytes name the folder, so finding it reads no entry.

    Whoever has the content at hand may lay it out there beforehand, with bytecode or without.
    """
    with file.open("rb") as opened:
        return directory / CODE / name_of(hashlib.file_digest(opened, "sha256").hexdigest())


def name_of(sha256: str) -> str:
    """The folder of a content, below `code`."""
    return sha256[:NAME_LENGTH]


@contextmanager
def unfinished_folder(parent: Path) -> Iterator[Path]:
    """A new folder to fill, for `put_in_place`; what is not put in place is removed when the block ends."""
    parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=parent, prefix=".unfinished-"))
    try:
        yield unfinished
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def put_in_place(unfinished: Path, target: Path) -> None:
    """Gives a filled folder its name. One that another process put there first is as good and stays."""
    unfinished.chmod(0o755)
    try:
        unfinished.rename(target)
    except OSError:
        # A rename onto a folder that is not empty is refused.
        if not target.is_dir():
            raise


def _materialise(archive: Any, code: Path) -> Path:
    path = archive.path if isinstance(archive, pulumi.FileArchive) else archive
    file = Path(path) if isinstance(path, str | os.PathLike) and Path(path).is_file() else None
    target = place(file, code.parent) if file else code / _digest(_sorted(archive))
    if target.is_dir():
        return target
    with unfinished_folder(code) as unfinished:
        written = _digest(_sorted(archive), into=unfinished)
        # The files of a folder may change while they are copied, so the name is that of what was written.
        target = target if file else code / written
        put_in_place(unfinished, target)
    return target


def _sorted(archive: Any) -> list[Entry]:
    found = sorted(read_entries(archive), key=lambda entry: str(entry.path))
    if not found:
        raise ArchiveError(f"{describe(archive)}: the archive is empty")
    return found


def _digest(found: list[Entry], into: Path | None = None) -> str:
    """The name of a content; writes the files on the way when told where."""
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
    return name_of(digest.hexdigest())
