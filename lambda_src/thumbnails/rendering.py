"""From the bytes of an image to the bytes of its variants: no network, no files, no clock; the same in, the same out.

The source is untrusted. Only the decoders of the formats below are ever tried, any warning counts as an error, and whatever
a decoder raises is a refusal of the file. So is a type that was declared and is not the one of the bytes.

One decode serves all variants: a JPEG is decoded at the smallest scale that still suffices, and each variant is made from the
next larger one that shows the same part of the picture.

A file that holds several pictures (an animation, a JPEG with further frames, which many phones write) counts as its first
one. Orientation is applied, colours become sRGB, transparency is laid on white, and no metadata passes.
"""

import io
import math
import warnings
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from PIL import ExifTags, Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from lambda_src.thumbnails.profiles import Format, Variant
from runtime.errors import MediaRefusedError
from runtime.features.uploads.limits import ImageType

DECODERS = ("JPEG", "PNG", "WEBP", "GIF")
# What `Image.open` may make of those decoders' files: MPO is a JPEG with more frames behind the first.
MEDIA_TYPES: Mapping[str | None, ImageType] = MappingProxyType(
    {
        "JPEG": ImageType.JPEG,
        "MPO": ImageType.JPEG,
        "PNG": ImageType.PNG,
        "WEBP": ImageType.WEBP,
        "GIF": ImageType.GIF,
    }
)
# Pictures that phones make and people will send, by the brand that such a file begins with (ISO/IEC 14496-12, `ftyp`).
REFUSED_BRANDS: Mapping[bytes, str] = MappingProxyType(
    {
        b"avif": "AVIF",
        b"avis": "AVIF",
        b"heic": "HEIC",
        b"heix": "HEIC",
        b"hevc": "HEIC",
        b"hevx": "HEIC",
        b"mif1": "HEIF",
        b"msf1": "HEIF",
    }
)

# How many of the allowed pixels a type may have, where that is not all. Pillow decodes a WebP into three copies beside the
# picture itself: 16 bytes a pixel, where no other type takes more than 12 (a progressive CMYK JPEG).
PIXEL_SHARES: Mapping[ImageType, Fraction] = MappingProxyType({ImageType.WEBP: Fraction(3, 5)})

# By how much Pillow scales the samples of a PNG to 8 bits, by their layout in the file. It leaves the colour that such a file
# calls transparent as it stands there.
SAMPLE_SCALES: Mapping[str, Fraction] = MappingProxyType(
    {"L;2": Fraction(85), "L;4": Fraction(17), "RGB;16B": Fraction(1, 256)}
)

# A budget is met in steps of this size and not below this quality, where blocks begin to show.
QUALITY_STEP = 5
QUALITY_FLOOR = 30

WHITE = "#ffffff"
SIDEWAYS = frozenset({5, 6, 7, 8})  # the EXIF orientations that exchange width and height

# The file is not a JPEG, PNG, WebP or GIF image.
UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
# The file is an image of another type than the one that was declared for it.
TYPE_MISMATCH = "TYPE_MISMATCH"
# The image has more pixels than the platform decodes; the message says how many it takes.
TOO_MANY_PIXELS = "TOO_MANY_PIXELS"
# The image is damaged and cannot be read.
CORRUPT_IMAGE = "CORRUPT_IMAGE"
# The image can be read, and its decoder warns of it: something in it is not as it should be.
SUSPICIOUS_IMAGE = "SUSPICIOUS_IMAGE"
# A variant that has a limit of bytes does not fit into it, even at the lowest quality that is still fit to be seen.
OVER_BYTE_BUDGET = "OVER_BYTE_BUDGET"


@dataclass(frozen=True)
class Rendition:
    """One variant in one format, encoded. Sizes are in pixels."""

    name: str
    format: Format
    body: bytes
    width: int
    height: int
    quality: int


def render(
    source: bytes, variants: Sequence[Variant], *, max_pixels: int, declared_type: str | None = None
) -> list[Rendition]:
    """Every variant in every format of it, the largest first. `declared_type` is a media type, None when nobody named one.
    Of `max_pixels`, some types may have a part only: PIXEL_SHARES.

    Raises MediaRefusedError, whose `reason` is one of the constants above, when the file is not an image that we take, or is
    one of another type than declared. MemoryError, and whatever encoders raise, say nothing about the file.
    """
    with _refusing(source), Image.open(io.BytesIO(source), formats=DECODERS) as image:
        found = MEDIA_TYPES.get(image.format)
        if found is None:
            raise MediaRefusedError(f"{image.format} images are not accepted", reason=UNSUPPORTED_FORMAT)
        if declared_type is not None and _essence(declared_type) != found:
            raise MediaRefusedError(
                f"the file was declared as {_essence(declared_type)} and is {found}", reason=TYPE_MISMATCH
            )
        most = int(max_pixels * PIXEL_SHARES.get(found, 1))
        if image.width * image.height > most:
            raise MediaRefusedError(
                f"the image has {image.width} x {image.height} pixels, at most {most} in all are allowed of {found}",
                reason=TOO_MANY_PIXELS,
            )
        upright, profile = _decode(image, variants)
        pictures = list(_pictures(upright, profile, variants))
        upright.close()
    # What goes wrong from here on is no fault of the file: without enough memory an encoder says all kinds of things.
    return [
        _encode(picture, variant, image_format) for variant, picture in pictures for image_format in variant.formats
    ]


def _essence(media_type: str) -> str:
    """A media type without its parameters, which differ in nothing that counts here, nor does the case of its letters."""
    return media_type.partition(";")[0].strip().lower()


@contextmanager
def _refusing(source: bytes) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            # Deprecations speak to programmers and say nothing about the file.
            warnings.simplefilter("error", UserWarning)
            warnings.simplefilter("error", RuntimeWarning)
            yield
    except (MediaRefusedError, MemoryError):
        raise  # memory may suffice the next time
    except UnidentifiedImageError as error:
        kind = REFUSED_BRANDS.get(source[8:12]) if source[4:8] == b"ftyp" else None
        message = (
            f"{kind} images are not accepted, only JPEG, PNG, WebP and GIF"
            if kind
            else "the file is not a JPEG, PNG, WebP or GIF image"
        )
        raise MediaRefusedError(message, reason=UNSUPPORTED_FORMAT) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MediaRefusedError("the image has too many pixels", reason=TOO_MANY_PIXELS) from error
    except Warning as error:
        raise MediaRefusedError(f"the image is not sound: {error}", reason=SUSPICIOUS_IMAGE) from error
    except Exception as error:
        if "out of memory" in str(error):
            raise MemoryError(str(error)) from error
        # Decoders raise OSError, SyntaxError, ValueError, struct.error and more for broken files.
        raise MediaRefusedError("the image is damaged and cannot be read", reason=CORRUPT_IMAGE) from error


def _decode(image: ImageFile.ImageFile, variants: Sequence[Variant]) -> tuple[Image.Image, bytes | None]:
    """The upright picture without transparency, not smaller than any variant needs it, and its colour profile."""
    _scale_transparent_colour(image)
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    profile: bytes | None = image.info.get("icc_profile")
    size = image.size[::-1] if orientation in SIDEWAYS else image.size
    scale = max(_scale(size, variant) for variant in variants)
    if scale < 1:
        # Only a JPEG can be decoded at a smaller scale; for every other format this does nothing.
        image.draft(None, (math.ceil(image.width * scale), math.ceil(image.height * scale)))
    ImageOps.exif_transpose(image, in_place=True)
    return _opaque(image), profile


def _scale_transparent_colour(image: ImageFile.ImageFile) -> None:
    # How samples are laid out is known only until the picture is loaded.
    scale = SAMPLE_SCALES.get(str(image.tile[0].args)) if image.format == "PNG" and image.tile else None
    match image.info.get("transparency"):
        case int(level) if scale:
            image.info["transparency"] = int(level * scale)
        case (*levels,) if scale:
            image.info["transparency"] = tuple(int(level * scale) for level in levels)


def _opaque(image: Image.Image) -> Image.Image:
    """The picture in mode L, RGB or CMYK, its transparency laid on white. The given one is closed unless it is the answer."""
    if image.mode.startswith("I"):
        # 16 bits of grey. Pillow's own conversion cuts off above 255 instead of scaling; 65,535 is 257 times 255.
        transparent = image.info.get("transparency")
        levels = [255 if level == transparent else round(level / 257) for level in range(65_536)]
        return _instead(image, "I").point(levels, "L")
    if image.has_transparency_data:
        mode = "L" if image.mode in {"1", "L", "LA"} else "RGB"
        layer = image if image.mode == f"{mode}A" else _instead(image, f"{mode}A")
        paper = Image.new(mode, image.size, WHITE)
        paper.paste(layer, mask=layer)
        layer.close()
        return paper
    if image.mode in {"L", "RGB", "CMYK"}:
        return image
    return _instead(image, "L" if image.mode == "1" else "RGB")


def _instead(image: Image.Image, mode: str) -> Image.Image:
    """The picture in another mode. The given one is closed at once: of the largest that we take, a copy is 200 MB."""
    converted = image.convert(mode)
    image.close()
    return converted


def _pictures(
    upright: Image.Image, profile: bytes | None, variants: Sequence[Variant]
) -> Iterator[tuple[Variant, Image.Image]]:
    """Each variant's picture in sRGB, the largest first."""
    made: dict[tuple[str, Fraction], Image.Image] = {}
    for variant in sorted(variants, key=lambda each: each.width * each.height, reverse=True):
        framing = (variant.fit, Fraction(variant.width, variant.height))
        picture = _fit(made[framing], variant) if framing in made else _srgb(_fit(upright, variant), profile)
        made[framing] = picture
        yield variant, picture


def _scale(size: tuple[int, int], variant: Variant) -> float:
    """By how much a picture of this size is scaled for the variant."""
    width, height = variant.width / size[0], variant.height / size[1]
    return max(width, height) if variant.fit == "cover" else min(1.0, width, height)


def _fit(picture: Image.Image, variant: Variant) -> Image.Image:
    if variant.fit == "cover":
        return ImageOps.fit(picture, (variant.width, variant.height), Image.Resampling.LANCZOS)
    scale = _scale(picture.size, variant)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture in mode L or RGB. A profile that cannot be read, or is one of other colours, is passed over: that is what
    browsers do with it.
    """
    if profile:
        with suppress(ImageCms.PyCMSError, OSError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
    return picture.convert("RGB") if picture.mode == "CMYK" else picture


def _encode(picture: Image.Image, variant: Variant, image_format: Format) -> Rendition:
    bodies: dict[int, bytes] = {}

    def fits(quality: int) -> bool:
        bodies[quality] = _encoded(picture, image_format, quality)
        return variant.max_bytes is None or len(bodies[quality]) <= variant.max_bytes

    quality = variant.quality
    if not fits(quality):
        # Fewer bytes follow from less quality, so the best one that fits is found by halving.
        lower = range(quality - QUALITY_STEP, QUALITY_FLOOR - 1, -QUALITY_STEP)
        found = bisect_left(lower, True, key=fits)
        if found == len(lower):
            raise MediaRefusedError(
                f"the image has too much detail for {variant.max_bytes} bytes as {variant.name}",
                reason=OVER_BYTE_BUDGET,
            )
        quality = lower[found]
    return Rendition(
        name=variant.name_in(image_format),
        format=image_format,
        body=bodies[quality],
        width=picture.width,
        height=picture.height,
        quality=quality,
    )


def _encoded(picture: Image.Image, image_format: Format, quality: int) -> bytes:
    # Pillow writes the source's comment from here when it is not told otherwise.
    picture.info = {}
    file = io.BytesIO()
    if image_format == "jpeg":
        picture.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
    else:
        picture.save(file, "WEBP", quality=quality)
    return file.getvalue()
