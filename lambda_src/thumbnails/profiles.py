"""The image profiles (C-01): the variants that are rendered of an image, by the type of its entity.

The values are those of the requirements. Another entity type or size needs only a line here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Fit = Literal["cover", "inside"]
Format = Literal["jpeg", "webp"]

KILOBYTE, MEGABYTE = 1_000, 1_000_000  # the stricter interpretation of "KB" and "MB", which also meets the other


@dataclass(frozen=True)
class Variant:
    """One rendered picture. Width and height of its box are in pixels.

    `cover` fills the box exactly: the picture is scaled up or down and cropped at the center. `inside` keeps the whole picture
    and its aspect ratio, fits it into the box and never enlarges it. `quality` is the encoder's initial quality, lowered only to
    meet `max_bytes`. The first format has the variant's name, others have the format appended, such as `large_webp`.
    """

    name: str
    width: int
    height: int
    fit: Fit
    quality: int
    max_bytes: int | None = None
    formats: tuple[Format, ...] = ("jpeg",)

    def name_in(self, image_format: Format) -> str:
        """Return the name of the variant in this format, as in object keys and the database."""
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
