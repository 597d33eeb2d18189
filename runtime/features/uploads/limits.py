"""Upload limits: the maximum size of each kind of file, and the image types that the thumbnail worker reads."""

from collections.abc import Mapping
from enum import StrEnum

MIB = 1024 * 1024


class FileKind(StrEnum):
    """Kinds of file, each with its own size limit."""

    SCRIPT = "script"
    TRAILER = "trailer"
    RAW_CLIP = "raw_clip"
    IMAGE = "image"
    AUDIO = "audio"
    UI_ELEMENT = "ui_element"


# ROAD-92, in bytes.
FILE_SIZE_LIMITS: Mapping[FileKind, int] = {
    FileKind.SCRIPT: 50 * MIB,
    FileKind.TRAILER: 500 * MIB,
    FileKind.RAW_CLIP: 5 * 1024 * MIB,
    FileKind.IMAGE: 10 * MIB,
    FileKind.AUDIO: 100 * MIB,
    FileKind.UI_ELEMENT: 5 * MIB,
}


class ImageType(StrEnum):
    """Media types that the thumbnail worker reads."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    GIF = "image/gif"


class UploadEntity(StrEnum):
    """Types of entity that a file can be uploaded for."""

    EPISODE = "episode"
