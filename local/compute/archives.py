"""Function code on disk: a pulumi archive, laid out in a directory that is named by its content."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pulumi

from local.archives import ArchiveError, Entry, describe, entries


def materialise(archive: pulumi.Archive | str | os.PathLike[str], directory: Path) -> Path:
    """Lays an archive out under `directory`/code/<content hash> and returns that folder.

    A folder that is there already is used again, with the bytecode that earlier runs left in it. It appears whole or not at
    all, also when several processes make it at once. Raises ArchiveError.
    """
    try:
        return _materialise(archive, directory / "code")
    except OSError as error:
        raise ArchiveError(f"{error.filename or describe(archive)}: {error.strerror or error}") from error


def _materialise(archive: Any, code: Path) -> Path:
    found = sorted(entries(archive), key=lambda entry: str(entry.path))
    if not found:
        raise ArchiveError(f"{describe(archive)}: the archive is empty")
    target = code / _digest(found)
    if target.is_dir():
        return target
    code.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=code, prefix=".unfinished-"))
    try:
        # Sources may change while they are copied, so the name is that of what was written.
        target = code / _digest(found, into=unfinished)
        unfinished.chmod(0o755)
        _put_in_place(unfinished, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


def _put_in_place(unfinished: Path, target: Path) -> None:
    try:
        unfinished.rename(target)
    except OSError:
        # Another process was first; a rename onto its folder is refused because that is not empty.
        if not target.is_dir():
            raise


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
    return digest.hexdigest()[:32]
