"""Image type detection by the first bytes, and safe download names. Nothing here trusts what a client declares."""

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from runtime.features.uploads.limits import ImageType

# Nearly every file system allows 255 bytes for a file name.
MAX_NAME_BYTES = 200

_SIGNATURES: Mapping[ImageType, re.Pattern[bytes]] = MappingProxyType(
    {
        ImageType.JPEG: re.compile(rb"\xff\xd8\xff"),
        ImageType.PNG: re.compile(rb"\x89PNG\r\n\x1a\n"),
        ImageType.WEBP: re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
        ImageType.GIF: re.compile(rb"GIF8[79]a"),
    }
)
_SUFFIXES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        ImageType.JPEG: (".jpg", ".jpeg"),
        ImageType.PNG: (".png",),
        ImageType.WEBP: (".webp",),
        ImageType.GIF: (".gif",),
    }
)
_PATH_SEPARATORS = re.compile(r"[/\\]")
# Characters that Windows allows in no file name, and its device names, which are reserved with any extension.
_WINDOWS_FORBIDDEN = re.compile(r'[<>:"|?*]')
_WINDOWS_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³])\s*(?:\.|$)", re.IGNORECASE)


def detect_image_type(content: bytes) -> ImageType | None:
    """Return the supported image type whose signature the bytes start with, or None."""
    return next((kind for kind, signature in _SIGNATURES.items() if signature.match(content)), None)


def download_name(file_name: str, media_type: str) -> str:
    """Return a safe name for saving a file of this type, as close to the original name as possible.

    The name has no folders, no control or invisible characters, no text direction overrides, and an extension of the type.
    """
    name = unicodedata.normalize("NFC", _PATH_SEPARATORS.split(file_name)[-1])
    name = "".join(letter for letter in name if not unicodedata.category(letter).startswith(("C", "Zl", "Zp")))
    name = _WINDOWS_FORBIDDEN.sub("_", name).strip(" .")
    suffixes = _SUFFIXES.get(media_type, ())
    extension = next((suffix for suffix in suffixes if name.lower().endswith(suffix)), None)
    if extension is None and suffixes:
        extension = suffixes[0]
        name += extension
    stem = name[: len(name) - len(extension or "")].encode()[:MAX_NAME_BYTES].decode("utf-8", "ignore").strip(" .")
    if not stem:
        stem = "file"
    return f"{'_' if _WINDOWS_DEVICE.match(stem) else ''}{stem}{extension or ''}"
