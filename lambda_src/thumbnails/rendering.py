"""Renders the variants of an image: a pure function of the source bytes, without network, files or clock.

The source is untrusted. Only the decoders of the formats below are tried, warnings count as errors, and every error of a decoder
rejects the file. A declared type that differs from the actual one rejects it, too.

One decode serves all variants: a JPEG is decoded at the smallest sufficient scale, and each variant is made from the next larger
one with the same framing.

Of a file with several pictures (an animation, or a JPEG with more frames, which many phones write), the first one is used. The
orientation is applied, colours are converted to sRGB, transparent pixels become white, and all metadata is removed.
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
# The formats that `Image.open` reports for those decoders: MPO is a JPEG with several frames.
MEDIA_TYPES: Mapping[str | None, ImageType] = MappingProxyType(
    {
        "JPEG": ImageType.JPEG,
        "MPO": ImageType.JPEG,
        "PNG": ImageType.PNG,
        "WEBP": ImageType.WEBP,
        "GIF": ImageType.GIF,
    }
)
# Unsupported formats that phones write, by the brand in the file's first box (ISO/IEC 14496-12, `ftyp`).
UNSUPPORTED_BRANDS: Mapping[bytes, str] = MappingProxyType(
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

# The share of the pixel limit for types that need more memory. Pillow decodes a WebP with three extra copies, which takes 16
# bytes per pixel; no other type takes more than 12 (a progressive CMYK JPEG).
PIXEL_SHARES: Mapping[ImageType, Fraction] = MappingProxyType({ImageType.WEBP: Fraction(3, 5)})

# Pillow scales the samples of a PNG to 8 bits by these factors, by their layout in the file, but not its transparent colour.
SAMPLE_SCALES: Mapping[str, Fraction] = MappingProxyType(
    {"L;2": Fraction(85), "L;4": Fraction(17), "RGB;16B": Fraction(1, 256)}
)

# To meet a byte budget, the quality is lowered in these steps, but not below the minimum, where block artifacts are visible.
QUALITY_STEP = 5
MIN_QUALITY = 30

WHITE = "#ffffff"
TRANSPOSED_ORIENTATIONS = frozenset({5, 6, 7, 8})  # the EXIF orientations that exchange width and height

# The file is not a JPEG, PNG, WebP or GIF image.
UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
# The file is an image of another type than the one that was declared for it.
TYPE_MISMATCH = "TYPE_MISMATCH"
# The image has more pixels than the platform decodes; the message says how many it takes.
TOO_MANY_PIXELS = "TOO_MANY_PIXELS"
# The image is damaged and cannot be read.
CORRUPT_IMAGE = "CORRUPT_IMAGE"
# The decoder reports a warning for the image: its content is not valid.
SUSPICIOUS_IMAGE = "SUSPICIOUS_IMAGE"
# A variant with a byte limit exceeds it even at the lowest acceptable quality.
OVER_BYTE_BUDGET = "OVER_BYTE_BUDGET"


@dataclass(frozen=True)
class Rendition:
    """One encoded variant in one format. Width and height are in pixels."""

    name: str
    format: Format
    body: bytes
    width: int
    height: int
    quality: int


def render(
    source: bytes, variants: Sequence[Variant], *, max_pixels: int, declared_type: str | None = None
) -> list[Rendition]:
    """Render every variant in each of its formats, the largest first.

    Args:
        source: The bytes of the image file.
        variants: The variants to render.
        max_pixels: The pixel limit; some types may have only a share of it, see PIXEL_SHARES.
        declared_type: The media type that was declared for the file, if any.

    Raises:
        MediaRefusedError: The file is not an acceptable image; `reason` is one of the constants above.
        MemoryError: There is not enough memory. This error, and errors of encoders, do not mean that the file is invalid.
    """
    with _rejecting_invalid_images(source), Image.open(io.BytesIO(source), formats=DECODERS) as image:
        media_type = MEDIA_TYPES.get(image.format)
        if media_type is None:
            raise MediaRefusedError(f"{image.format} images are not accepted", reason=UNSUPPORTED_FORMAT)
        if declared_type is not None and _essence(declared_type) != media_type:
            raise MediaRefusedError(
                f"the file was declared as {_essence(declared_type)} and is {media_type}", reason=TYPE_MISMATCH
            )
        limit = int(max_pixels * PIXEL_SHARES.get(media_type, 1))
        if image.width * image.height > limit:
            raise MediaRefusedError(
                f"the image has {image.width} x {image.height} pixels; {media_type} images may have at most {limit} in total",
                reason=TOO_MANY_PIXELS,
            )
        upright, profile = _decode(image, variants)
        pictures = list(_make_pictures(upright, profile, variants))
        upright.close()
    # Errors from here on are not caused by the file: without enough memory, encoders raise various exceptions.
    return [
        _encode(picture, variant, image_format) for variant, picture in pictures for image_format in variant.formats
    ]


def _essence(media_type: str) -> str:
    """Return the media type without parameters, in lower case."""
    return media_type.partition(";")[0].strip().lower()


@contextmanager
def _rejecting_invalid_images(source: bytes) -> Iterator[None]:
    """Convert errors and warnings of decoders to MediaRefusedError."""
    try:
        with warnings.catch_warnings():
            # Other categories, such as DeprecationWarning, are not about the file.
            warnings.simplefilter("error", UserWarning)
            warnings.simplefilter("error", RuntimeWarning)
            yield
    except (MediaRefusedError, MemoryError):
        raise  # another attempt may have enough memory
    except UnidentifiedImageError as error:
        brand = UNSUPPORTED_BRANDS.get(source[8:12]) if source[4:8] == b"ftyp" else None
        message = (
            f"{brand} images are not accepted, only JPEG, PNG, WebP and GIF"
            if brand
            else "the file is not a JPEG, PNG, WebP or GIF image"
        )
        raise MediaRefusedError(message, reason=UNSUPPORTED_FORMAT) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MediaRefusedError("the image has too many pixels", reason=TOO_MANY_PIXELS) from error
    except Warning as error:
        raise MediaRefusedError(f"the image is invalid: {error}", reason=SUSPICIOUS_IMAGE) from error
    except Exception as error:
        if "out of memory" in str(error):
            raise MemoryError(str(error)) from error
        # Decoders raise OSError, SyntaxError, ValueError, struct.error and more for broken files.
        raise MediaRefusedError("the image is damaged and cannot be read", reason=CORRUPT_IMAGE) from error


def _decode(image: ImageFile.ImageFile, variants: Sequence[Variant]) -> tuple[Image.Image, bytes | None]:
    """Return the upright picture without transparency, large enough for all variants, and its colour profile."""
    _scale_transparent_colour(image)
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    profile: bytes | None = image.info.get("icc_profile")
    size = image.size[::-1] if orientation in TRANSPOSED_ORIENTATIONS else image.size
    scale = max(_scale_factor(size, variant) for variant in variants)
    if scale < 1:
        # Only a JPEG can be decoded at a smaller scale; for the other formats this has no effect.
        image.draft(None, (math.ceil(image.width * scale), math.ceil(image.height * scale)))
    ImageOps.exif_transpose(image, in_place=True)
    return _make_opaque(image), profile


def _scale_transparent_colour(image: ImageFile.ImageFile) -> None:
    # The layout of the samples is available only until the picture is loaded.
    scale = SAMPLE_SCALES.get(str(image.tile[0].args)) if image.format == "PNG" and image.tile else None
    match image.info.get("transparency"):
        case int(level) if scale:
            image.info["transparency"] = int(level * scale)
        case (*levels,) if scale:
            image.info["transparency"] = tuple(int(level * scale) for level in levels)


def _make_opaque(image: Image.Image) -> Image.Image:
    """Return the picture in mode L, RGB or CMYK on a white background. The argument is closed unless it is returned."""
    if image.mode.startswith("I"):
        # 16-bit greyscale. Pillow's conversion clips at 255 instead of scaling; 65,535 is 257 times 255.
        transparent = image.info.get("transparency")
        levels = [255 if level == transparent else round(level / 257) for level in range(65_536)]
        return _convert_and_close(image, "I").point(levels, "L")
    if image.has_transparency_data:
        mode = "L" if image.mode in {"1", "L", "LA"} else "RGB"
        layer = image if image.mode == f"{mode}A" else _convert_and_close(image, f"{mode}A")
        background = Image.new(mode, image.size, WHITE)
        background.paste(layer, mask=layer)
        layer.close()
        return background
    if image.mode in {"L", "RGB", "CMYK"}:
        return image
    return _convert_and_close(image, "L" if image.mode == "1" else "RGB")


def _convert_and_close(image: Image.Image, mode: str) -> Image.Image:
    """Return the picture in another mode and free the argument's memory: a copy of the largest picture has 200 MB."""
    converted = image.convert(mode)
    image.close()
    return converted


def _make_pictures(
    upright: Image.Image, profile: bytes | None, variants: Sequence[Variant]
) -> Iterator[tuple[Variant, Image.Image]]:
    """Yield each variant's picture in sRGB, the largest first."""
    by_framing: dict[tuple[str, Fraction], Image.Image] = {}
    for variant in sorted(variants, key=lambda each: each.width * each.height, reverse=True):
        framing = (variant.fit, Fraction(variant.width, variant.height))
        larger = by_framing.get(framing)
        picture = _resize(larger, variant) if larger else _to_srgb(_resize(upright, variant), profile)
        by_framing[framing] = picture
        yield variant, picture


def _scale_factor(size: tuple[int, int], variant: Variant) -> float:
    """Return the factor by which a picture of this size is scaled for the variant."""
    width, height = variant.width / size[0], variant.height / size[1]
    return max(width, height) if variant.fit == "cover" else min(1.0, width, height)


def _resize(picture: Image.Image, variant: Variant) -> Image.Image:
    if variant.fit == "cover":
        return ImageOps.fit(picture, (variant.width, variant.height), Image.Resampling.LANCZOS)
    scale = _scale_factor(picture.size, variant)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture in mode L or RGB. An invalid profile, or one for another colour space, is ignored, as in browsers."""
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
        bodies[quality] = _encode_at(picture, image_format, quality)
        return variant.max_bytes is None or len(bodies[quality]) <= variant.max_bytes

    quality = variant.quality
    if not fits(quality):
        # The size decreases with the quality, so a binary search finds the best quality that fits.
        lower = range(quality - QUALITY_STEP, MIN_QUALITY - 1, -QUALITY_STEP)
        found = bisect_left(lower, True, key=fits)
        if found == len(lower):
            raise MediaRefusedError(
                f"the image has too much detail: its variant {variant.name} exceeds {variant.max_bytes} bytes",
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


def _encode_at(picture: Image.Image, image_format: Format, quality: int) -> bytes:
    # By default, Pillow writes metadata in `info`, such as the source's comment.
    picture.info = {}
    file = io.BytesIO()
    if image_format == "jpeg":
        picture.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
    else:
        picture.save(file, "WEBP", quality=quality)
    return file.getvalue()
