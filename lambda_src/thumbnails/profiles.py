"""The named image profiles (C-01): which pictures are made of an image, for each kind of thing that it belongs to.

The values are the requirements' own. A new kind of thing, or another size, is a line here and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Fit = Literal["cover", "inside"]
Format = Literal["jpeg", "webp"]

KILOBYTE, MEGABYTE = 1_000, 1_000_000  # the stricter reading of "KB" and "MB": it satisfies the other one too


@dataclass(frozen=True)
class Variant:
    """One picture. Its box is in pixels.

    `cover` fills the box exactly: what hangs over is cut off evenly, and a picture too small for it is enlarged. `inside`
    keeps all of the picture and its aspect ratio, at most as large as the box, and never enlarges. `quality` is where the
    encoder starts; it is lowered only to meet `max_bytes`. The first format bears the variant's name, any other one the
    name with the format behind it, such as `large_webp`.
    """

    name: str
    width: int
    height: int
    fit: Fit
    quality: int
    max_bytes: int | None = None
    formats: tuple[Format, ...] = ("jpeg",)

    def name_in(self, image_format: Format) -> str:
        """What the picture in this format is called, in the key and in the table."""
        return self.name if image_format == self.formats[0] else f"{self.name}_{image_format}"


LX_FORMATS: tuple[Format, ...] = ("jpeg", "webp")  # LX-35
LX_ORIGINAL = Variant("original", 4000, 4000, "inside", 85, formats=LX_FORMATS)  # LX-34, LX-36
LX_LARGE = Variant("large", 1200, 1200, "inside", 85, formats=LX_FORMATS)
LX_MEDIUM = Variant("medium", 800, 800, "inside", 85, formats=LX_FORMATS)
LX_THUMBNAIL = Variant("thumbnail", 300, 300, "inside", 85, formats=LX_FORMATS)

PROFILES: Mapping[str, tuple[Variant, ...]] = MappingProxyType(
    {
        "episode": (  # ROAD-91, ROAD-117
            Variant("primary", 1280, 720, "cover", 85),
            Variant("medium", 640, 360, "cover", 85),
            Variant("small", 320, 180, "cover", 85),
        ),
        "post": (  # NOVA-06 to NOVA-09
            Variant("original", 4000, 4000, "inside", 90, 2 * MEGABYTE),
            Variant("medium", 600, 600, "inside", 85, 100 * KILOBYTE),
            Variant("thumbnail", 150, 150, "inside", 80, 30 * KILOBYTE),
        ),
        "item": (LX_ORIGINAL, LX_LARGE, LX_MEDIUM, LX_THUMBNAIL),  # LX-02
        "profile": (LX_ORIGINAL, LX_THUMBNAIL),  # LX-03
        "document": (LX_ORIGINAL,),  # LX-04
    }
)
