"""Images generated at run time, including hostile ones, so that the repository has no large files; and their comparison."""

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from PIL import Image, ImageChops, ImageCms, ImageStat, PngImagePlugin

from lambda_src.thumbnails.rendering import PIXEL_SHARES
from runtime.features.uploads.limits import ImageType

Chunk = tuple[bytes, bytes]
MAX_PIXELS = 50_000_000
LARGE = 7_000  # pixels on each side: 49 million, just within the limit

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # a PNG's colour types
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}


def encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def deflated(piece: bytes, count: int) -> bytes:
    """Return the zlib stream of `count` equal pieces quickly: the piece is compressed only once."""
    compressor = zlib.compressobj(9)
    first = compressor.compress(piece) + compressor.flush(zlib.Z_FULL_FLUSH)
    again = compressor.compress(piece) + compressor.flush(zlib.Z_FULL_FLUSH)
    checksum = 1
    for _ in range(count):
        checksum = zlib.adler32(piece, checksum)
    return first + again * (count - 1) + b"\x03\x00" + struct.pack(">I", checksum)


def png(width: int, height: int, rows: bytes, *chunks: Chunk, depth: int = 8, colours: int = GREY) -> bytes:
    """Return a PNG with these compressed rows, and these chunks before them."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    every = ((b"IHDR", header), *chunks, (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in every)


def flat_png(width: int, height: int, pixel: bytes, *chunks: Chunk, depth: int = 8, colours: int = GREY) -> bytes:
    """Return a PNG of one colour. `pixel` has whole bytes; below 8 bits of depth it holds several pixels."""
    row_bytes = (width * depth * SAMPLES[colours] + 7) // 8
    row = b"\0" + (pixel * -(-row_bytes // len(pixel)))[:row_bytes]
    return png(width, height, deflated(row, height), *chunks, depth=depth, colours=colours)


def flat_webp(side: int) -> bytes:
    """Return a square, half transparent WebP of one colour.

    Its pixels take no bits, so the size in the header (14 bits for each side, minus one) can be replaced.
    """
    source = encoded(Image.new("RGBA", (16, 16), (200, 100, 50, 128)), "WEBP", lossless=True)
    at = source.index(b"VP8L") + 9
    sizes = int.from_bytes(source[at : at + 4], "little") >> 28 << 28 | (side - 1) << 14 | (side - 1)
    return source[:at] + sizes.to_bytes(4, "little") + source[at + 4 :]


def segment(source: bytes, marker: int, body: bytes) -> bytes:
    """Return the JPEG with one more segment before all others."""
    return source[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + source[2:]


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("payload.html", content)
    return file.getvalue()


def heic(brand: bytes) -> bytes:
    """Return the beginning of a HEIC or AVIF file."""
    brands = brand + struct.pack(">I", 0) + b"mif1" + brand
    return struct.pack(">I", len(brands) + 8) + b"ftyp" + brands + bytes(200)


def detailed(size: tuple[int, int] = (96, 72), mode: str = "RGB") -> Image.Image:
    """Return a picture in which every pixel is different."""
    across = Image.linear_gradient("L").resize(size)
    bands = (across, across.transpose(Image.Transpose.ROTATE_90).resize(size), Image.radial_gradient("L").resize(size))
    return Image.merge("RGB", bands).convert(mode)


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean absolute difference (0 to 255) of the channel in which two pictures differ most."""
    assert one.size == other.size
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


def pixel_at(image: Image.Image, position: tuple[int, int]) -> tuple[int, ...]:
    """Return the channel values of one pixel of a picture with several channels."""
    values = image.getpixel(position)
    assert isinstance(values, tuple)
    return values


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def large() -> Iterator[tuple[str, bytes, str]]:
    """Yield name, content and entity type of the images that need the most memory: the largest accepted of each kind.

    An episode's variants are small; a document's has 16 megapixels, for which a JPEG is decoded at full scale.
    """
    for name, entity_type, pixel, depth, colours, chunks in (
        ("RGBA", "document", b"\xc8\x64\x32\x80", 8, RGB_ALPHA, ()),
        ("RGB with a transparent colour", "episode", b"\1\2\3", 8, RGB, ((b"tRNS", b"\0\1\0\2\0\3"),)),
        ("grey of 16 bits", "episode", b"\x80\x40", 16, GREY, ()),
    ):
        yield f"PNG, {name}", flat_png(LARGE, LARGE, pixel, *chunks, depth=depth, colours=colours), entity_type
    yield "GIF", encoded(Image.new("P", (LARGE, LARGE), 3), "GIF", transparency=3), "episode"
    # A progressive JPEG is held in memory until its last scan, here with four channels.
    inks = Image.new("CMYK", (LARGE, LARGE), (20, 100, 50, 0))
    yield "JPEG, progressive, CMYK", encoded(inks, "JPEG", progressive=True), "document"
    side = math.isqrt(int(MAX_PIXELS * PIXEL_SHARES.get(ImageType.WEBP, 1)))
    yield "WebP", flat_webp(side), "document"


def hostile() -> Iterator[tuple[str, bytes, str]]:
    """Yield name, content and expected outcome (`rendered` or the reason of the rejection) of malicious files."""
    whole = {kind: encoded(Image.effect_noise((200, 150), 100).convert("RGB"), kind) for kind in ("PNG", "WEBP", "GIF")}
    whole |= {
        "JPEG": encoded(detailed((400, 300)), "JPEG"),
        "JPEG, progressive": encoded(detailed(), "JPEG", progressive=True),
    }
    small, pixel = encoded(detailed(), "JPEG"), zlib.compress(b"\0\0")
    bomb, script = deflated(bytes(1 << 16), 3_200), b"<script>alert(1)</script>"

    yield "zTXt bomb", png(1, 1, pixel, (b"zTXt", b"Comment\0\0" + bomb)), "CORRUPT_IMAGE"
    yield "iTXt bomb", png(1, 1, pixel, (b"iTXt", b"Comment\0\1\0\0\0" + bomb)), "CORRUPT_IMAGE"
    yield "iCCP bomb", png(1, 1, pixel, (b"iCCP", b"icc\0\0" + bomb)), "CORRUPT_IMAGE"
    yield "225 MP of one bit", flat_png(15_000, 15_000, b"\xff", depth=1), "TOO_MANY_PIXELS"
    yield "65,000 x 65,000 in the header", png(65_000, 65_000, pixel, depth=1), "TOO_MANY_PIXELS"
    canvas, frame = b"GIF89a\xff\xff\xff\xff\0\0\0", b",\0\0\0\0\xff\xff\xff\xff\0\2\0\0;"
    yield "GIF of 65,535 x 65,535", canvas + frame, "TOO_MANY_PIXELS"
    yield "JPEG of 65,500 x 65,500", _resized_jpeg(small, 65_500), "TOO_MANY_PIXELS"
    yield "WebP of 16,383 x 16,383", flat_webp(16_383), "TOO_MANY_PIXELS"
    frames = [Image.new("P", (64, 64), number % 256) for number in range(300)]
    yield "GIF of 300 frames", encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), "rendered"

    yield "PNG and ZIP", whole["PNG"] + zipped(script), "rendered"
    yield "ZIP and PNG", zipped(script) + whole["PNG"], "UNSUPPORTED_FORMAT"
    yield "JPEG and HTML in a comment", segment(small, 0xFE, script), "rendered"
    yield "JPEG and HTML behind it", small + script, "rendered"
    yield "GIF that is JavaScript", b"GIF89a/*" + whole["GIF"][8:] + b"*/=1;alert(1)", "rendered"
    yield "PNG and PHP in a text", png(1, 1, pixel, (b"tEXt", b"Comment\0<?php system(1);")), "rendered"

    for name, content in (
        ("empty.png", b""),
        ("three-bytes.gif", b"GIF"),
        ("svg.png", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"),
        ("eps.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
        ("gzip.png", b"\x1f\x8b\x08" + bytes(30)),
        ("pdf.webp", b"%PDF-1.7\n"),
        ("heic.jpg", heic(b"heic")),
    ):
        yield name, content, "UNSUPPORTED_FORMAT"

    for kind, source in whole.items():
        for share in range(5, 100, 5):
            # The first bytes determine the format; decoding then fails.
            yield f"{share} % of a {kind}", source[: len(source) * share // 100], "CORRUPT_IMAGE"


def _resized_jpeg(source: bytes, side: int) -> bytes:
    """Return the JPEG with another size in its frame header."""
    at = source.index(b"\xff\xc0") + 5
    return source[:at] + struct.pack(">HH", side, side) + source[at + 4 :]


def seeds() -> Iterator[tuple[str, bytes]]:
    """Yield 40 small valid images that cover the variants of the accepted formats."""
    size = (24, 18)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "seeds"
    profile, text = srgb_profile(), PngImagePlugin.PngInfo()
    text.add_text("Comment", "seeds", zip=True)
    text.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>")
    further = [detailed(size).rotate(90 * turns) for turns in (1, 2, 3)]
    kinds: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("JPEG", "L", {}),
        ("JPEG", "RGB", {}),
        ("JPEG", "RGB", {"subsampling": 0}),
        ("JPEG", "RGB", {"progressive": True}),
        ("JPEG", "RGB", {"restart_marker_rows": 1}),
        ("JPEG", "RGB", {"exif": exif}),
        ("JPEG", "RGB", {"icc_profile": profile}),
        ("JPEG", "RGB", {"comment": b"seeds", "dpi": (300, 300)}),
        ("JPEG", "CMYK", {}),
        ("JPEG", "CMYK", {"progressive": True}),
        ("MPO", "RGB", {"save_all": True, "append_images": further}),
        ("PNG", "1", {}),
        ("PNG", "L", {}),
        ("PNG", "L", {"transparency": 7}),
        ("PNG", "LA", {}),
        ("PNG", "I;16", {}),
        ("PNG", "P", {}),
        ("PNG", "P", {"bits": 4, "transparency": b"\0\x80"}),
        ("PNG", "RGB", {}),
        ("PNG", "RGB", {"transparency": (1, 2, 3)}),
        ("PNG", "RGB", {"exif": exif, "pnginfo": text}),
        ("PNG", "RGB", {"icc_profile": profile}),
        ("PNG", "RGBA", {}),
        ("PNG", "RGBA", {"save_all": True, "append_images": further}),
        ("GIF", "L", {}),
        ("GIF", "P", {}),
        ("GIF", "P", {"interlace": 0}),
        ("GIF", "P", {"transparency": 3, "comment": b"seeds"}),
        ("GIF", "P", {"save_all": True, "append_images": further, "loop": 0, "disposal": 2}),
        ("WEBP", "RGB", {}),
        ("WEBP", "RGB", {"quality": 10, "method": 6}),
        ("WEBP", "RGB", {"lossless": True}),
        ("WEBP", "RGB", {"exif": exif, "xmp": b"<x:xmpmeta/>"}),
        ("WEBP", "RGB", {"icc_profile": profile}),
        ("WEBP", "RGBA", {}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("WEBP", "RGBA", {"save_all": True, "append_images": further}),
    )
    for number, (kind, mode, options) in enumerate(kinds):
        yield f"{number}-{mode}.{kind.lower()}", encoded(detailed(size, mode), kind, **options)
    yield "rgb-16.png", flat_png(*size, b"\xc8\x10\x64\x10\x32\x10", depth=16, colours=RGB)
    yield "grey-2-transparent.png", flat_png(*size, b"\xaa", (b"tRNS", b"\0\2"), depth=2)
    yield "iptc.jpg", segment(encoded(detailed(size), "JPEG"), 0xED, b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\0\2\x1c\2")
