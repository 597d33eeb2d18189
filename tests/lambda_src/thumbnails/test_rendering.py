"""Sizes, orientation and determinism of renditions."""

import io
import itertools
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageOps

from lambda_src.thumbnails.profiles import PROFILES, Variant
from lambda_src.thumbnails.rendering import Rendition, render
from tests.lambda_src.thumbnails.images import MAX_PIXELS, difference, encoded, pixel_at, seeds
from tests.lambda_src.thumbnails.limited import limited_workers

EPISODE = PROFILES["episode"]
SMALL = (Variant("small", 64, 64, "inside", 95),)


def open_rendition(rendition: Rendition) -> Image.Image:
    image = Image.open(io.BytesIO(rendition.body))
    image.load()
    return image


def render_one(source: bytes, variants: tuple[Variant, ...] = SMALL) -> Image.Image:
    (rendition,) = render(source, variants, max_pixels=MAX_PIXELS)
    return open_rendition(rendition).convert("RGB")


def asymmetric_picture(size: tuple[int, int] = (384, 256)) -> Image.Image:
    """Return a picture that differs from each of its rotations and reflections."""
    image = Image.new("RGB", size, "#204060")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, size[0] // 2, size[1] // 4), fill="#e0a020")
    draw.rectangle((0, 0, size[0] // 8, size[1]), fill="#20c060")
    return image


class TestSizes:
    @pytest.mark.requirement("ROAD-91", "ROAD-117", "C-01")
    def test_photograph_has_the_three_exact_sizes(self, photograph: bytes) -> None:
        renditions = render(photograph, EPISODE, max_pixels=MAX_PIXELS)
        assert [(each.name, open_rendition(each).size) for each in renditions] == [
            ("primary", (1280, 720)),
            ("medium", (640, 360)),
            ("small", (320, 180)),
        ]
        for each in renditions:
            image = open_rendition(each)
            assert (image.format, image.mode, image.info.get("progressive")) == ("JPEG", "RGB", 1)
            assert (image.width, image.height, each.quality) == (each.width, each.height, 85)

    @pytest.mark.parametrize(
        "size", [(1, 1), (1, 65_535), (65_535, 1), (16_000, 10), (320, 180), (1280, 720), (719, 1281), (3, 2)]
    )
    def test_cover_is_exact_for_every_shape(self, size: tuple[int, int]) -> None:
        renditions = render(encoded(Image.new("L", size, 90), "PNG"), EPISODE, max_pixels=MAX_PIXELS)
        assert [open_rendition(each).size for each in renditions] == [(1280, 720), (640, 360), (320, 180)]

    @pytest.mark.parametrize(
        ("image_format", "longest"), [("JPEG", 65_500), ("GIF", 65_535), ("WEBP", 16_383)], ids=["JPEG", "GIF", "WEBP"]
    )
    @pytest.mark.parametrize("upright", [True, False], ids=["high", "wide"])
    def test_longest_side_of_a_format_is_rendered(self, image_format: str, longest: int, upright: bool) -> None:
        size = (1, longest) if upright else (longest, 1)
        renditions = render(encoded(Image.new("L", size, 90), image_format), EPISODE, max_pixels=MAX_PIXELS)
        pictures = [open_rendition(each) for each in renditions]
        assert [picture.size for picture in pictures] == [(1280, 720), (640, 360), (320, 180)]
        assert difference(pictures[0], Image.new("RGB", (1280, 720), (90, 90, 90))) < 3

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
    def test_inside_keeps_the_shape_and_never_enlarges(self, size: tuple[int, int], expected: Any) -> None:
        variants = (Variant("medium", 600, 600, "inside", 85),)
        assert render_one(encoded(Image.new("L", size, 90), "PNG"), variants).size == expected

    def test_cover_crops_at_center(self) -> None:
        image = Image.new("RGB", (300, 100), "black")
        image.paste("white", (100, 0, 200, 100))
        middle = render_one(encoded(image, "PNG"), (Variant("square", 100, 100, "cover", 95),))
        assert difference(middle, Image.new("RGB", (100, 100), "white")) < 3

    def test_smaller_variants_have_same_framing(self, photograph: bytes) -> None:
        primary, medium, small = (open_rendition(each) for each in render(photograph, EPISODE, max_pixels=MAX_PIXELS))
        for smaller in (medium, small):
            assert difference(primary.resize(smaller.size, Image.Resampling.LANCZOS), smaller) < 4

    def test_variants_of_different_shapes_use_whole_picture(self) -> None:
        image = Image.new("RGB", (400, 200), "black")
        image.paste("white", (0, 0, 20, 200))
        variants = (Variant("cover", 200, 200, "cover", 95), Variant("inside", 100, 100, "inside", 95))
        covered, whole = (
            open_rendition(each) for each in render(encoded(image, "PNG"), variants, max_pixels=MAX_PIXELS)
        )
        assert pixel_at(covered, (0, 100)) < (30, 30, 30)
        assert pixel_at(whole, (1, 25)) > (220, 220, 220)

    def test_scaled_decode_equals_full_decode(self, photograph: bytes) -> None:
        scaled = render(photograph, EPISODE, max_pixels=MAX_PIXELS)[0]
        with Image.open(io.BytesIO(photograph)) as image:
            whole = image.convert("RGB").resize((1280, 720), Image.Resampling.LANCZOS)
        assert difference(open_rendition(scaled), whole) < 4


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
        ("orientation", "image_format"), list(itertools.product(range(1, 9), ("JPEG", "WEBP", "PNG", "MPO")))
    )
    def test_picture_is_upright_for_every_orientation(self, orientation: int, image_format: str) -> None:
        upright, exif = asymmetric_picture(), Image.Exif()
        exif[0x0112] = orientation
        turn = self.TURNS[orientation - 1]
        stored = upright if turn is None else upright.transpose(turn)
        options: dict[str, Any] = {"quality": 95} if image_format != "PNG" else {}
        if image_format == "MPO":
            options |= {"save_all": True, "append_images": [Image.new("RGB", stored.size)]}
        source = encoded(stored, image_format, exif=exif, **options)
        rendered = render_one(source, (Variant("same", 384, 256, "cover", 95),))
        assert difference(rendered, upright) < 3

    @pytest.mark.parametrize("image_format", ["JPEG", "WEBP"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_xmp_orientation_is_applied(self, orientation: int, image_format: str) -> None:
        xmp = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><tiff:Orientation>{orientation}</tiff:Orientation></x:xmpmeta>"
        turn = self.TURNS[orientation - 1]
        stored = asymmetric_picture() if turn is None else asymmetric_picture().transpose(turn)
        source = encoded(stored, image_format, xmp=xmp.encode(), quality=95)
        assert difference(render_one(source, (Variant("same", 384, 256, "cover", 95),)), asymmetric_picture()) < 3

    @pytest.mark.parametrize("orientation", [0, 9, 255, 65_535])
    def test_invalid_orientation_is_ignored(self, orientation: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        source = encoded(asymmetric_picture(), "JPEG", exif=exif, quality=95)
        assert difference(render_one(source, (Variant("same", 384, 256, "cover", 95),)), asymmetric_picture()) < 3

    def test_scaled_decode_of_rotated_image_keeps_detail(self) -> None:
        # Stored as 4,000 x 1,000 pixels, a fifth of the scale would seem to suffice; upright it needs four fifths.
        upright, exif = Image.new("RGB", (1000, 4000), "white"), Image.Exif()
        for x in range(0, 1000, 16):
            upright.paste("black", (x, 0, x + 8, 4000))
        exif[0x0112] = 6
        source = encoded(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)
        rendered = render_one(source, (Variant("wide", 800, 200, "cover", 95),))
        assert difference(rendered, ImageOps.fit(upright, (800, 200), Image.Resampling.LANCZOS)) < 4


class TestDeterminism:
    def test_rendering_is_deterministic_across_processes(self, photograph: bytes, tmp_path: Path) -> None:
        (tmp_path / "photograph").write_bytes(photograph)
        tasks = [{"path": str(tmp_path / "photograph"), "entity_type": kind} for kind in ("episode", "post", "item")]
        for name, content in seeds():
            (tmp_path / name).write_bytes(content)
            tasks.append({"path": str(tmp_path / name), "entity_type": "document"})
        digests = []
        for hash_seed in ("1", "2"):
            with limited_workers(count=1, environment={"PYTHONHASHSEED": hash_seed}) as workers:
                digests.append([each.digest for each in workers.run(tasks)])
        assert digests[0] == digests[1]
        assert None not in digests[0]
        assert len(set(digests[0][:3])) == 3
