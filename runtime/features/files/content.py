"""What a file is by its first bytes, and under which name it may be saved. Nothing here believes what a client says."""

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from runtime.features.uploads.limits import ImageType

# A name of a file may have 255 bytes on nearly every file system.
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
_OF_PATHS = re.compile(r"[/\\]")
# What Windows takes in no name, and the names that are its devices, whatever follows them.
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³])\s*(?:\.|$)", re.IGNORECASE)


def image_type(content: bytes) -> ImageType | None:
    """The type of image that the bytes begin like, or None when they begin like none that we take."""
    return next((kind for kind, signature in _SIGNATURES.items() if signature.match(content)), None)


def download_name(file_name: str, media_type: str) -> str:
    """A name that is safe to save a file of this type under, as much like the one that its sender gave it as can be: without
    folders, without characters that cannot be seen or that turn the text around, and with an ending of the type."""
    name = unicodedata.normalize("NFC", _OF_PATHS.split(file_name)[-1])
    name = "".join(letter for letter in name if not unicodedata.category(letter).startswith(("C", "Zl", "Zp")))
    name = _FORBIDDEN.sub("_", name).strip(" .")
    suffixes = _SUFFIXES.get(media_type, ())
    ending = next((suffix for suffix in suffixes if name.lower().endswith(suffix)), None)
    if ending is None and suffixes:
        ending = suffixes[0]
        name += ending
    stem = name[: len(name) - len(ending or "")].encode()[:MAX_NAME_BYTES].decode("utf-8", "ignore").strip(" .")
    if not stem:
        stem = "file"
    return f"{'_' if _DEVICE.match(stem) else ''}{stem}{ending or ''}"
