"""Colours of renditions: CMYK, other bit depths, transparency and other colour spaces."""

import io
import itertools
import math
import struct
from typing import Any

import pytest
from PIL import Image, ImageCms

from lambda_src.thumbnails.profiles import Variant
from lambda_src.thumbnails.rendering import render
from tests.lambda_src.thumbnails.images import (
    GREY,
    GREY_ALPHA,
    PALETTE,
    RGB,
    RGB_ALPHA,
    detailed,
    difference,
    encoded,
    flat_png,
    pixel_at,
    srgb_profile,
)

SMALL = (Variant("small", 64, 64, "inside", 95),)


def render_one(source: bytes) -> Image.Image:
    (rendition,) = render(source, SMALL, max_pixels=100_000)
    return Image.open(io.BytesIO(rendition.body)).convert("RGB")


def lab(picture: Image.Image) -> list[tuple[float, float, float]]:
    """Return L* (0 to 100), a* and b* of each pixel."""
    space = ImageCms.profileToProfile(
        picture.convert("RGB"), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert space is not None
    lightness, a, b = (band.tobytes() for band in space.split())
    return [(x * 100 / 255, y - 128, z - 128) for x, y, z in zip(lightness, a, b, strict=True)]


def delta_e(one: Image.Image, other: Image.Image) -> float:
    """Return the mean colour difference (CIE 1976); below 2.3 it is not noticeable."""
    assert one.size == other.size
    pairs = list(zip(lab(one), lab(other), strict=True))
    return sum(math.dist(*pair) for pair in pairs) / len(pairs)


class TestColours:
    def flat(self, colour: Any) -> Image.Image:
        return Image.new("RGB", (64, 64), colour)

    def test_adobe_cmyk_jpeg_is_not_inverted(self) -> None:
        inks = Image.new("CMYK", (64, 64), (0, 255, 255, 0))
        assert difference(render_one(encoded(inks, "JPEG", quality=95)), self.flat((255, 0, 0))) < 3

    def test_sixteen_bit_greyscale_is_scaled_not_clipped(self) -> None:
        levels = Image.new("I;16", (64, 64))
        for x, y in itertools.product(range(64), repeat=2):
            levels.putpixel((x, y), x * 1040)
        rendered = render_one(encoded(levels, "PNG"))
        for x in (8, 24, 40, 56):
            assert abs(pixel_at(rendered, (x, 32))[0] - x * 1040 / 257) < 3

    @pytest.mark.parametrize(
        ("mode", "colour", "expected"),
        [
            ("RGBA", (200, 20, 20, 0), (255, 255, 255)),
            ("RGBA", (200, 20, 20, 255), (200, 20, 20)),
            ("RGBA", (0, 0, 0, 128), (127, 127, 127)),
            ("LA", (0, 0), (255, 255, 255)),
            ("LA", (90, 255), (90, 90, 90)),
            ("L", 90, (90, 90, 90)),
            ("1", 1, (255, 255, 255)),
        ],
        ids=str,
    )
    def test_transparency_becomes_white(self, mode: str, colour: Any, expected: Any) -> None:
        rendered = render_one(encoded(Image.new(mode, (64, 64), colour), "PNG"))
        assert difference(rendered, self.flat(expected)) < 3

    @pytest.mark.parametrize("image_format", ["PNG", "GIF"])
    def test_transparent_palette_colour_becomes_white(self, image_format: str) -> None:
        image = Image.new("P", (64, 64), 1)
        image.putpalette([10, 20, 30, 0, 160, 0])
        image.paste(0, (0, 0, 32, 64))
        rendered = render_one(encoded(image, image_format, transparency=0))
        assert difference(rendered.crop((4, 4, 28, 60)), Image.new("RGB", (24, 56), "white")) < 3
        assert difference(rendered.crop((36, 4, 60, 60)), Image.new("RGB", (24, 56), (0, 160, 0))) < 4

    @pytest.mark.parametrize(("mode", "transparent", "expected"), [("L", 7, 255), ("RGB", (1, 2, 3), 255)])
    def test_transparent_colour_becomes_white(self, mode: str, transparent: Any, expected: Any) -> None:
        source = encoded(Image.new(mode, (64, 64), transparent), "PNG", transparency=transparent)
        assert pixel_at(render_one(source), (32, 32)) == (expected,) * 3

    def test_colours_of_a_profile_become_srgb(self) -> None:
        # The sRGB profile with red and green exchanged, so that red is displayed as green.
        exchanged = srgb_profile().replace(b"rXYZ", b"?XYZ").replace(b"gXYZ", b"rXYZ").replace(b"?XYZ", b"gXYZ")
        for image_format in ("PNG", "JPEG", "WEBP"):
            source = encoded(self.flat((220, 30, 40)), image_format, icc_profile=exchanged)
            assert difference(render_one(source), self.flat((30, 220, 40))) < 4

    @pytest.mark.parametrize("profile", [b"no profile at all", b""], ids=["unreadable", "empty"])
    def test_invalid_profile_is_ignored(self, profile: str) -> None:
        source = encoded(self.flat((10, 200, 30)), "JPEG", icc_profile=profile, quality=95)
        assert difference(render_one(source), self.flat((10, 200, 30))) < 3

    def test_profile_for_other_colour_space_is_ignored(self) -> None:
        source = encoded(Image.new("L", (64, 64), 90), "PNG", icc_profile=srgb_profile())
        assert difference(render_one(source), self.flat((90, 90, 90))) < 3


class TestDeepColours:
    """PNGs with bit depths other than eight, and with a transparent colour."""

    @pytest.mark.parametrize(
        ("pixel", "depth", "colours", "transparent", "expected"),
        [
            (b"\xaa", 2, GREY, None, (170, 170, 170)),
            (b"\xaa", 2, GREY, b"\0\2", (255, 255, 255)),
            (b"\xaa", 2, GREY, b"\0\1", (170, 170, 170)),
            (b"\x77", 4, GREY, None, (119, 119, 119)),
            (b"\x77", 4, GREY, b"\0\7", (255, 255, 255)),
            (b"\0", 1, GREY, None, (0, 0, 0)),
            (b"\0", 1, GREY, b"\0\0", (255, 255, 255)),
            (b"\x80\x40", 16, GREY, None, (128, 128, 128)),
            (b"\x80\x40", 16, GREY, b"\x80\x40", (255, 255, 255)),
            (b"\x80\x40", 16, GREY, b"\x80\x41", (128, 128, 128)),
            (b"\x80\x40\xff\xff", 16, GREY_ALPHA, None, (128, 128, 128)),
            (b"\x80\x40\0\0", 16, GREY_ALPHA, None, (255, 255, 255)),
            (b"\xc8\x10\x32\x20\x0a\x30", 16, RGB, None, (200, 50, 10)),
            (b"\xc8\x10\x32\x20\x0a\x30", 16, RGB, b"\xc8\x10\x32\x20\x0a\x30", (255, 255, 255)),
            (b"\xc8\x10\x32\x20\x0a\x30", 16, RGB, b"\xc8\x10\x32\x20\x0b\x30", (200, 50, 10)),
            (b"\xc8\x10\x32\x20\x0a\x30\x80\0", 16, RGB_ALPHA, None, (227, 152, 132)),
            (b"\1", 8, PALETTE, b"\xff\x80", (127, 207, 127)),
            (b"\x55", 1, PALETTE, b"\0\0", (255, 255, 255)),
        ],
        ids=str,
    )
    def test_samples_are_scaled_and_transparency_becomes_white(
        self, pixel: bytes, depth: int, colours: int, transparent: Any, expected: Any
    ) -> None:
        chunks = [(b"PLTE", bytes([10, 20, 30, 0, 160, 0]))] if colours == PALETTE else []
        chunks += [(b"tRNS", transparent)] if transparent is not None else []
        source = flat_png(64, 64, pixel, *chunks, depth=depth, colours=colours)
        assert difference(render_one(source), Image.new("RGB", (64, 64), expected)) < 3


class TestCmyk:
    """CMYK JPEGs store inverted values, as introduced by Adobe and assumed by browsers."""

    def test_cmyk_roundtrip_keeps_colours(self) -> None:
        picture = detailed((64, 48))
        source = encoded(picture.convert("CMYK"), "JPEG", quality=95)
        assert source.count(b"Adobe") == 1
        assert delta_e(render_one(source), picture) < 4

    def test_cmyk_without_adobe_marker_is_the_same(self) -> None:
        marked = encoded(detailed((64, 48)).convert("CMYK"), "JPEG", quality=95)
        at = marked.index(b"\xff\xee")
        length = int.from_bytes(marked[at + 2 : at + 4], "big") + 2
        assert difference(render_one(marked[:at] + marked[at + length :]), render_one(marked)) < 1

    def test_adobe_marker_for_ycck_is_applied(self) -> None:
        # Transform 2: the first three channels are YCbCr.
        source = bytearray(encoded(Image.new("CMYK", (64, 64), (127, 127, 127, 0)), "JPEG", quality=95))
        source[source.index(b"Adobe") + 11] = 2
        # The middle of each YCbCr channel is grey; the fourth channel has no ink.
        assert delta_e(render_one(bytes(source)), Image.new("RGB", (64, 64), (127, 127, 127))) < 4

    def test_cmyk_is_not_inverted(self) -> None:
        for inks, expected in (
            ((0, 0, 0, 0), (255,) * 3),
            ((0, 0, 0, 255), (0,) * 3),
            ((255, 255, 255, 255), (0,) * 3),
        ):
            source = encoded(Image.new("CMYK", (64, 64), inks), "JPEG", quality=95)
            assert difference(render_one(source), Image.new("RGB", (64, 64), expected)) < 4


# The primaries of Adobe RGB (1998) as in its profile: XYZ for white point D50.
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
ADOBE_GAMMA = 563 / 256
# From XYZ for white point D50 to linear sRGB (Bradford).
TO_SRGB = ((3.1338561, -1.6168667, -0.4906146), (-0.9787684, 1.9161415, 0.0334540), (0.0719453, -0.2289914, 1.4052427))


def adobe_rgb_profile() -> bytes:
    """Return a hand-written matrix profile of Adobe RGB, independent of littleCMS."""

    def number(value: float) -> bytes:
        return struct.pack(">i", round(value * 65_536))

    def text(value: str) -> bytes:
        return (
            b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, len(value) * 2, 28) + value.encode("utf-16-be")
        )

    curve = b"curv" + struct.pack(">IIH", 0, 1, 563) + bytes(2)
    tags = {
        b"desc": text("wide"),
        b"cprt": text("none"),
        b"wtpt": b"XYZ " + bytes(4) + b"".join(map(number, (0.9642, 1, 0.8249))),
    }
    for name, primary in zip((b"rXYZ", b"gXYZ", b"bXYZ"), ADOBE_RGB, strict=True):
        tags[name] = b"XYZ " + bytes(4) + b"".join(map(number, primary))
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(
        ">I4sI4s4s4s12s4s", start + len(body), b"none", 0x02400000, b"mntr", b"RGB ", b"XYZ ", bytes(12), b"acsp"
    )
    header += bytes(68 - len(header)) + b"".join(map(number, (0.9642, 1, 0.8249)))
    return header + bytes(128 - len(header)) + table + body


def from_adobe_rgb(colour: tuple[int, int, int]) -> tuple[int, ...]:
    """Return the colour converted to sRGB by computation."""
    linear = [(level / 255) ** ADOBE_GAMMA for level in colour]
    xyz = [sum(linear[i] * ADOBE_RGB[i][axis] for i in range(3)) for axis in range(3)]
    levels = [min(1, max(0, sum(row[axis] * xyz[axis] for axis in range(3)))) for row in TO_SRGB]
    return tuple(round(255 * (12.92 * x if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055)) for x in levels)


class TestWideGamut:
    @pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
    def test_adobe_rgb_colours_match_computed_srgb(self, image_format: str) -> None:
        source, expected = Image.new("RGB", (64, 64)), Image.new("RGB", (64, 64))
        for x, y in itertools.product(range(0, 64, 16), repeat=2):
            colour = (60 + 3 * x, 60 + 3 * y, 190 - 2 * x)
            source.paste(colour, (x, y, x + 16, y + 16))
            expected.paste(from_adobe_rgb(colour), (x, y, x + 16, y + 16))
        assert delta_e(source, expected) > 6, "the profile matters"
        options = {} if image_format == "PNG" else {"quality": 95}
        assert (
            delta_e(render_one(encoded(source, image_format, icc_profile=adobe_rgb_profile(), **options)), expected) < 4
        )

    def test_adobe_rgb_transparency_becomes_white(self) -> None:
        source = encoded(Image.new("RGBA", (64, 64), (100, 200, 50, 0)), "PNG", icc_profile=adobe_rgb_profile())
        assert difference(render_one(source), Image.new("RGB", (64, 64), "white")) < 3

    def test_adobe_rgb_palette_is_converted(self) -> None:
        image = Image.new("P", (64, 64), 1)
        image.putpalette([0, 0, 0, 100, 200, 50])
        expected = Image.new("RGB", (64, 64), from_adobe_rgb((100, 200, 50)))
        assert delta_e(render_one(encoded(image, "PNG", icc_profile=adobe_rgb_profile())), expected) < 4
