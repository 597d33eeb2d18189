"""The photo of a photo journey, validated before the journey starts."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from operations.project import checkout
from operations.terminal.command_errors import CommandError


@dataclass(frozen=True, kw_only=True)
class Photo:
    """An image file and its properties for the upload."""

    path: Path
    content: bytes
    media_type: str
    width: int
    height: int

    @property
    def sha256(self) -> str:
        """Return the hexadecimal SHA-256 of the content."""
        return hashlib.sha256(self.content).hexdigest()


def read(path: Path) -> Photo:
    """Read and decode an image file.

    Raises:
        CommandError: The file is missing, unreadable or not an image.
    """
    next_step = f"{checkout.executable()} journey --photo {checkout.BUNDLED_PHOTO}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CommandError(f"photo {path}: {error.strerror or error}", next_step=next_step) from error
    try:
        with Image.open(path) as image:
            # Decoding the whole file detects truncated ones.
            image.load()
            return Photo(
                path=path,
                content=content,
                media_type=_media_type(image.format),
                width=image.width,
                height=image.height,
            )
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        problem = "is not an image" if isinstance(error, UnidentifiedImageError) else f"cannot be decoded: {error}"
        raise CommandError(f"photo {path} {problem}", next_step=next_step) from error


def _media_type(format_name: str | None) -> str:
    # Many cameras write MPO, a JPEG followed by more images. Its media type is that of a JPEG.
    name = "JPEG" if format_name == "MPO" else format_name or ""
    return Image.MIME.get(name, "application/octet-stream")
