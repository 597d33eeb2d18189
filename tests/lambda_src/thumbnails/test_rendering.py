"""Exact sizes, upright pictures, true colours, the same bytes every time."""

import io
import itertools

import pytest
from PIL import Image, ImageChops, ImageCms, ImageDraw, ImageOps, ImageStat

from lambda_src.thumbnails.profiles import PROFILES, Variant
from lambda_src.thumbnails.rendering import render

MAX_PIXELS = 50_000_000
EPISODE = PROFILES["episode"]
SMALL = (Variant("small", 64, 64, "inside", 95),)


def encoded(image, image_format, **options):
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def opened(rendition):
    image = Image.open(io.BytesIO(rendition.body))
    image.load()
    return image


def only(source, variants=SMALL):
    (rendition,) = render(source, variants, max_pixels=MAX_PIXELS)
    return opened(rendition).convert("RGB")


def difference(one, other):
    """The mean absolute difference of two pictures, per channel, in levels of 255."""
    assert one.size == other.size
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


def arrow(size=(384, 256)):
    """A picture that is another one whichever way it is turned or mirrored."""
    image = Image.new("RGB", size, "#204060")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, size[0] // 2, size[1] // 4), fill="#e0a020")
    draw.rectangle((0, 0, size[0] // 8, size[1]), fill="#20c060")
    return image


class TestSizes:
    @pytest.mark.requirement("ROAD-91", "ROAD-117", "C-01")
    def test_photograph_has_the_three_exact_sizes(self, photograph):
        renditions = render(photograph, EPISODE, max_pixels=MAX_PIXELS)
        assert [(each.name, opened(each).size) for each in renditions] == [
            ("primary", (1280, 720)),
            ("medium", (640, 360)),
            ("small", (320, 180)),
        ]
        for each in renditions:
            image = opened(each)
            assert (image.format, image.mode, image.info.get("progressive")) == ("JPEG", "RGB", 1)
            assert (image.width, image.height, each.quality) == (each.width, each.height, 85)

    @pytest.mark.parametrize(
        "size", [(1, 1), (1, 65_535), (65_535, 1), (16_000, 10), (320, 180), (1280, 720), (719, 1281), (3, 2)]
    )
    def test_cover_is_exact_for_every_shape(self, size):
        renditions = render(encoded(Image.new("L", size, 90), "PNG"), EPISODE, max_pixels=MAX_PIXELS)
        assert [opened(each).size for each in renditions] == [(1280, 720), (640, 360), (320, 180)]

    @pytest.mark.requirement("NOVA-09", "C-37")
    @pytest.mark.parametrize(
        ("size", "expected"),
        [
            ((1, 1), (1, 1)),
            ((600, 600), (600, 600)),
            ((300, 200), (300, 200)),
            ((1200, 800), (600, 400)),
            ((800, 1200), (400, 600)),
            ((1, 65_535), (1, 600)),
            ((16_000, 10), (600, 1)),
        ],
    )
    def test_inside_keeps_the_shape_and_never_enlarges(self, size, expected):
        variants = (Variant("medium", 600, 600, "inside", 85),)
        assert only(encoded(Image.new("L", size, 90), "PNG"), variants).size == expected

    def test_cover_cuts_off_evenly(self):
        image = Image.new("RGB", (300, 100), "black")
        image.paste("white", (100, 0, 200, 100))
        middle = only(encoded(image, "PNG"), (Variant("square", 100, 100, "cover", 95),))
        assert difference(middle, Image.new("RGB", (100, 100), "white")) < 3

    def test_smaller_variants_show_the_same_part(self, photograph):
        primary, medium, small = (opened(each) for each in render(photograph, EPISODE, max_pixels=MAX_PIXELS))
        for smaller in (medium, small):
            assert difference(primary.resize(smaller.size, Image.Resampling.LANCZOS), smaller) < 4

    def test_variants_of_different_shapes_are_each_cut_from_the_whole(self):
        image = Image.new("RGB", (400, 200), "black")
        image.paste("white", (0, 0, 20, 200))
        variants = (Variant("cover", 200, 200, "cover", 95), Variant("inside", 100, 100, "inside", 95))
        covered, whole = (opened(each) for each in render(encoded(image, "PNG"), variants, max_pixels=MAX_PIXELS))
        assert covered.getpixel((0, 100)) < (30, 30, 30)
        assert whole.getpixel((1, 25)) > (220, 220, 220)

    def test_scaled_decode_shows_what_a_full_one_does(self, photograph):
        scaled = render(photograph, EPISODE, max_pixels=MAX_PIXELS)[0]
        with Image.open(io.BytesIO(photograph)) as image:
            whole = image.convert("RGB").resize((1280, 720), Image.Resampling.LANCZOS)
        assert difference(opened(scaled), whole) < 4


class TestOrientation:
    TURNS = (
        None,
        Image.Transpose.FLIP_LEFT_RIGHT,
        Image.Transpose.ROTATE_180,
        Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.TRANSPOSE,
        Image.Transpose.ROTATE_90,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_270,
    )

    @pytest.mark.parametrize(
        ("orientation", "image_format"), list(itertools.product(range(1, 9), ("JPEG", "WEBP", "PNG")))
    )
    def test_picture_is_upright_whichever_way_the_camera_was_held(self, orientation, image_format):
        upright, exif = arrow(), Image.Exif()
        exif[0x0112] = orientation
        turn = self.TURNS[orientation - 1]
        stored = upright if turn is None else upright.transpose(turn)
        options = {"quality": 95} if image_format != "PNG" else {}
        source = encoded(stored, image_format, exif=exif, **options)
        rendered = only(source, (Variant("same", 384, 256, "cover", 95),))
        assert difference(rendered, upright) < 3

    def test_camera_held_sideways_loses_no_detail_to_the_scaled_decode(self):
        # Stored 4,000 wide and 1,000 high, it looks as if a fifth of its scale sufficed; upright it needs four fifths.
        upright, exif = Image.new("RGB", (1000, 4000), "white"), Image.Exif()
        for x in range(0, 1000, 16):
            upright.paste("black", (x, 0, x + 8, 4000))
        exif[0x0112] = 6
        source = encoded(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)
        rendered = only(source, (Variant("wide", 800, 200, "cover", 95),))
        assert difference(rendered, ImageOps.fit(upright, (800, 200), Image.Resampling.LANCZOS)) < 4


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
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        exchanged = srgb.replace(b"rXYZ", b"?XYZ").replace(b"gXYZ", b"rXYZ").replace(b"?XYZ", b"gXYZ")
        for image_format in ("PNG", "JPEG", "WEBP"):
            source = encoded(self.flat((220, 30, 40)), image_format, icc_profile=exchanged)
            assert difference(only(source), self.flat((30, 220, 40))) < 4

    @pytest.mark.parametrize("profile", [b"no profile at all", b""], ids=["unreadable", "empty"])
    def test_profile_that_cannot_be_read_is_passed_over(self, profile):
        source = encoded(self.flat((10, 200, 30)), "JPEG", icc_profile=profile, quality=95)
        assert difference(only(source), self.flat((10, 200, 30))) < 3

    def test_profile_of_other_colours_is_passed_over(self):
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        source = encoded(Image.new("L", (64, 64), 90), "PNG", icc_profile=srgb)
        assert difference(only(source), self.flat((90, 90, 90))) < 3


class TestDeterminism:
    @pytest.mark.parametrize("profile", ["episode", "post", "item"])
    def test_same_bytes_in_same_bytes_out(self, photograph, profile):
        first, second = (render(photograph, PROFILES[profile], max_pixels=MAX_PIXELS) for _ in range(2))
        assert [each.body for each in first] == [each.body for each in second]
