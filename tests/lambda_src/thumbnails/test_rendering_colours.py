"""Colours come out as they were meant: inks, deep and declared transparent ones, and those of other colour spaces."""

import io
import itertools
import math
import struct

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
    srgb_profile,
)

SMALL = (Variant("small", 64, 64, "inside", 95),)


def only(source):
    (rendition,) = render(source, SMALL, max_pixels=100_000)
    return Image.open(io.BytesIO(rendition.body)).convert("RGB")


def lab(picture):
    """L* of 0 to 100, a* and b*, for each pixel."""
    space = ImageCms.profileToProfile(
        picture.convert("RGB"), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    lightness, a, b = (band.get_flattened_data() for band in space.split())
    return [(x * 100 / 255, y - 128, z - 128) for x, y, z in zip(lightness, a, b, strict=True)]


def delta_e(one, other):
    """The mean distance of colours as people see it (CIE 1976). Below 2.3 nobody does."""
    assert one.size == other.size
    pairs = list(zip(lab(one), lab(other), strict=True))
    return sum(math.dist(*pair) for pair in pairs) / len(pairs)


class TestColours:
    def flat(self, colour):
        return Image.new("RGB", (64, 64), colour)

    def test_inks_of_an_adobe_jpeg_are_not_inverted(self):
        inks = Image.new("CMYK", (64, 64), (0, 255, 255, 0))
        assert difference(only(encoded(inks, "JPEG", quality=95)), self.flat((255, 0, 0))) < 3

    def test_sixteen_bits_of_grey_are_scaled_and_not_cut_off(self):
        levels = Image.new("I;16", (64, 64))
        for x, y in itertools.product(range(64), repeat=2):
            levels.putpixel((x, y), x * 1040)
        rendered = only(encoded(levels, "PNG"))
        for x in (8, 24, 40, 56):
            assert abs(rendered.getpixel((x, 32))[0] - x * 1040 / 257) < 3

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
    def test_transparency_is_laid_on_white(self, mode, colour, expected):
        rendered = only(encoded(Image.new(mode, (64, 64), colour), "PNG"))
        assert difference(rendered, self.flat(expected)) < 3

    @pytest.mark.parametrize("image_format", ["PNG", "GIF"])
    def test_palette_with_a_transparent_colour(self, image_format):
        image = Image.new("P", (64, 64), 1)
        image.putpalette([10, 20, 30, 0, 160, 0])
        image.paste(0, (0, 0, 32, 64))
        rendered = only(encoded(image, image_format, transparency=0))
        assert difference(rendered.crop((4, 4, 28, 60)), Image.new("RGB", (24, 56), "white")) < 3
        assert difference(rendered.crop((36, 4, 60, 60)), Image.new("RGB", (24, 56), (0, 160, 0))) < 4

    @pytest.mark.parametrize(("mode", "transparent", "expected"), [("L", 7, 255), ("RGB", (1, 2, 3), 255)])
    def test_one_colour_declared_transparent(self, mode, transparent, expected):
        source = encoded(Image.new(mode, (64, 64), transparent), "PNG", transparency=transparent)
        assert only(source).getpixel((32, 32)) == (expected,) * 3

    def test_colours_of_a_profile_become_srgb(self):
        # sRGB's own profile with its red and green exchanged: what it calls red is seen as green.
        exchanged = srgb_profile().replace(b"rXYZ", b"?XYZ").replace(b"gXYZ", b"rXYZ").replace(b"?XYZ", b"gXYZ")
        for image_format in ("PNG", "JPEG", "WEBP"):
            source = encoded(self.flat((220, 30, 40)), image_format, icc_profile=exchanged)
            assert difference(only(source), self.flat((30, 220, 40))) < 4

    @pytest.mark.parametrize("profile", [b"no profile at all", b""], ids=["unreadable", "empty"])
    def test_profile_that_cannot_be_read_is_passed_over(self, profile):
        source = encoded(self.flat((10, 200, 30)), "JPEG", icc_profile=profile, quality=95)
        assert difference(only(source), self.flat((10, 200, 30))) < 3

    def test_profile_of_other_colours_is_passed_over(self):
        source = encoded(Image.new("L", (64, 64), 90), "PNG", icc_profile=srgb_profile())
        assert difference(only(source), self.flat((90, 90, 90))) < 3


class TestDeepColours:
    """PNGs of other depths than eight bits, and with a colour that they declare transparent."""

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
    def test_are_scaled_and_laid_on_white(self, pixel, depth, colours, transparent, expected):
        chunks = [(b"PLTE", bytes([10, 20, 30, 0, 160, 0]))] if colours == PALETTE else []
        chunks += [(b"tRNS", transparent)] if transparent is not None else []
        source = flat_png(64, 64, pixel, *chunks, depth=depth, colours=colours)
        assert difference(only(source), Image.new("RGB", (64, 64), expected)) < 3


class TestInks:
    """A CMYK JPEG's inks are stored as their absence, as Adobe began it, and as browsers take all of them."""

    def test_become_the_colours_that_they_were_made_from(self):
        picture = detailed((64, 48))
        source = encoded(picture.convert("CMYK"), "JPEG", quality=95)
        assert source.count(b"Adobe") == 1
        assert delta_e(only(source), picture) < 4

    def test_without_adobes_mark_are_the_same(self):
        marked = encoded(detailed((64, 48)).convert("CMYK"), "JPEG", quality=95)
        at = marked.index(b"\xff\xee")
        length = int.from_bytes(marked[at + 2 : at + 4], "big") + 2
        assert difference(only(marked[:at] + marked[at + length :]), only(marked)) < 1

    def test_with_adobes_mark_of_another_colour_model_are_read_by_it(self):
        # Transform 2: the first three channels are a luminance and two differences of colours.
        source = bytearray(encoded(Image.new("CMYK", (64, 64), (127, 127, 127, 0)), "JPEG", quality=95))
        source[source.index(b"Adobe") + 11] = 2
        # Half of each, as YCbCr, is grey; and a fourth channel without ink.
        assert delta_e(only(bytes(source)), Image.new("RGB", (64, 64), (127, 127, 127))) < 4

    def test_bright_stays_bright_and_dark_dark(self):
        for inks, expected in (
            ((0, 0, 0, 0), (255,) * 3),
            ((0, 0, 0, 255), (0,) * 3),
            ((255, 255, 255, 255), (0,) * 3),
        ):
            source = encoded(Image.new("CMYK", (64, 64), inks), "JPEG", quality=95)
            assert difference(only(source), Image.new("RGB", (64, 64), expected)) < 4


# The primaries and the white of Adobe RGB (1998), as its profile has them: XYZ for the white of D50.
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
ADOBE_GAMMA = 563 / 256
# From XYZ for the white of D50 to linear sRGB (Bradford).
TO_SRGB = ((3.1338561, -1.6168667, -0.4906146), (-0.9787684, 1.9161415, 0.0334540), (0.0719453, -0.2289914, 1.4052427))


def adobe_rgb_profile():
    """A profile of matrix and gamma, written by hand: sRGB's is not this, and what a test computes is not littleCMS's own."""

    def number(value):
        return struct.pack(">i", round(value * 65_536))

    def text(value):
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


def from_adobe_rgb(colour):
    """The same colour in sRGB, by arithmetic."""
    linear = [(level / 255) ** ADOBE_GAMMA for level in colour]
    xyz = [sum(linear[i] * ADOBE_RGB[i][axis] for i in range(3)) for axis in range(3)]
    levels = [min(1, max(0, sum(row[axis] * xyz[axis] for axis in range(3)))) for row in TO_SRGB]
    return tuple(round(255 * (12.92 * x if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055)) for x in levels)


class TestWideGamut:
    @pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
    def test_colours_are_those_that_arithmetic_gives(self, image_format):
        source, expected = Image.new("RGB", (64, 64)), Image.new("RGB", (64, 64))
        for x, y in itertools.product(range(0, 64, 16), repeat=2):
            colour = (60 + 3 * x, 60 + 3 * y, 190 - 2 * x)
            source.paste(colour, (x, y, x + 16, y + 16))
            expected.paste(from_adobe_rgb(colour), (x, y, x + 16, y + 16))
        assert delta_e(source, expected) > 6, "the profile matters"
        options = {} if image_format == "PNG" else {"quality": 95}
        assert delta_e(only(encoded(source, image_format, icc_profile=adobe_rgb_profile(), **options)), expected) < 4

    def test_transparency_is_laid_on_white_in_their_own_space(self):
        source = encoded(Image.new("RGBA", (64, 64), (100, 200, 50, 0)), "PNG", icc_profile=adobe_rgb_profile())
        assert difference(only(source), Image.new("RGB", (64, 64), "white")) < 3

    def test_palette_of_them(self):
        image = Image.new("P", (64, 64), 1)
        image.putpalette([0, 0, 0, 100, 200, 50])
        expected = Image.new("RGB", (64, 64), from_adobe_rgb((100, 200, 50)))
        assert delta_e(only(encoded(image, "PNG", icc_profile=adobe_rgb_profile())), expected) < 4
