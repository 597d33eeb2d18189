"""Deterministic zip files for Lambda from Pulumi archives: the same content gives the same bytes on every machine."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pulumi

from local.archives import ArchiveError, read_entries
from local.provider.resource_types.errors import ResourceError

# The earliest timestamp of the zip format: file times would make two checkouts differ.
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)


def zip_archive(archive: Any) -> bytes:
    """Return the archive as a zip file; an archive that is a zip file already is returned unchanged.

    Raises:
        ResourceError: The archive cannot be read.
    """
    if isinstance(archive, pulumi.FileArchive) and Path(archive.path).is_file():
        return Path(archive.path).read_bytes()
    buffer = io.BytesIO()
    try:
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
            for entry in sorted(read_entries(archive), key=lambda entry: str(entry.path)):
                info = zipfile.ZipInfo(str(entry.path), _TIMESTAMP)
                info.external_attr = (0o755 if entry.executable else 0o644) << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                file.writestr(info, entry.read())
    except ArchiveError as error:
        raise ResourceError(error.message) from error
    return buffer.getvalue()
