"""Files that are not images, damaged or too large are rejected with a reason; metadata is removed."""

import io
import warnings
import zlib
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from lambda_src.thumbnails.profiles import PROFILES, Variant
from lambda_src.thumbnails.rendering import render
from runtime.errors import MediaRefusedError
from tests.lambda_src.thumbnails.images import (
    MAX_PIXELS,
    deflated,
    detailed,
    encoded,
    flat_png,
    flat_webp,
    heic,
    pixel_at,
    png,
    segment,
    srgb_profile,
)

EPISODE = PROFILES["episode"]
MARK = b"MARKED-BY-THE-TEST"


def rejection_reason(
    source: bytes, variants: tuple[Variant, ...] = EPISODE, max_pixels: int = MAX_PIXELS
) -> str | None:
    with pytest.raises(MediaRefusedError) as raised:
        render(source, variants, max_pixels=max_pixels)
    assert raised.value.message
    return raised.value.reason


class TestNotAnImage:
    @pytest.mark.requirement("LX-31", "NOVA-18")
    @pytest.mark.parametrize(
        "source",
        [
            b"",
            b"GIF",
            b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
            b"<!doctype html><script>alert(1)</script>",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            b"%PDF-1.7\n",
            b"PK\x03\x04" + b"\0" * 30,
            b"\x1f\x8b\x08" + b"\0" * 30,
            bytes(range(256)) * 64,
        ],
        ids=["empty", "three bytes", "svg", "html", "eps", "pdf", "zip", "gzip", "noise"],
    )
    def test_other_file_type_is_rejected(self, source: bytes) -> None:
        assert rejection_reason(source) == "UNSUPPORTED_FORMAT"

    @pytest.mark.parametrize("image_format", ["BMP", "TIFF", "ICO", "PPM", "TGA", "JPEG2000", "AVIF", "PCX", "SGI"])
    def test_other_image_format_is_rejected(self, image_format: str) -> None:
        assert rejection_reason(encoded(Image.new("RGB", (64, 64)), image_format)) == "UNSUPPORTED_FORMAT"

    @pytest.mark.parametrize(
        ("source", "kind"),
        [
            (heic(b"heic"), "HEIC"),
            (heic(b"heix"), "HEIC"),
            (heic(b"hevc"), "HEIC"),
            (heic(b"mif1"), "HEIF"),
            (heic(b"avis"), "AVIF"),
            (encoded(detailed(), "AVIF"), "AVIF"),
        ],
        ids=["heic", "heic of ten bits", "heic of several", "heif", "avif of several", "avif"],
    )
    def test_heic_and_avif_are_rejected_by_name(self, source: bytes, kind: str) -> None:
        with pytest.raises(MediaRefusedError, match=f"^{kind} images are not accepted, only JPEG, PNG, WebP and GIF$"):
            render(source, EPISODE, max_pixels=MAX_PIXELS)
        assert rejection_reason(source) == "UNSUPPORTED_FORMAT"

    def test_no_other_decoder_is_tried(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tried = []

        def decode(*_: Any) -> None:
            tried.append("decoder")
            raise SyntaxError

        Image.init()  # load all of Pillow's decoders before adding another
        monkeypatch.setitem(Image.OPEN, "SPY", (decode, None))
        monkeypatch.setattr(Image, "ID", [*Image.ID, "SPY"])
        assert rejection_reason(b"%!PS-Adobe-3.0 EPSF-3.0") == "UNSUPPORTED_FORMAT"
        assert tried == []
        with pytest.raises(UnidentifiedImageError):
            Image.open(io.BytesIO(b"%!PS"))
        assert tried == ["decoder"], "Pillow would try the decoder of this test"


class TestLimits:
    def test_pixel_limit_is_exact(self) -> None:
        variants = (Variant("small", 10, 10, "inside", 80),)
        assert render(encoded(Image.new("L", (100, 50)), "PNG"), variants, max_pixels=5_000)
        assert (
            rejection_reason(encoded(Image.new("L", (100, 51)), "PNG"), variants, max_pixels=5_000) == "TOO_MANY_PIXELS"
        )

    def test_fifty_megapixels_pass_and_one_pixel_more_is_rejected(self) -> None:
        small = (Variant("small", 10, 10, "inside", 80),)
        assert render(flat_png(10_000, 5_000, b"\xff", depth=1), small, max_pixels=MAX_PIXELS)
        assert MAX_PIXELS + 1 == 3 * 16_666_667
        assert rejection_reason(flat_png(16_666_667, 3, b"\xff", depth=1), small) == "TOO_MANY_PIXELS"

    def test_webp_has_three_fifths_of_the_limit(self) -> None:
        small = (Variant("small", 10, 10, "inside", 80),)
        assert render(flat_webp(300), small, max_pixels=150_000)
        with pytest.raises(
            MediaRefusedError, match="301 x 301 pixels; image/webp images may have at most 90000 in total"
        ):
            render(flat_webp(301), small, max_pixels=150_000)

    @pytest.mark.parametrize("size", [(15_000, 15_000), (65_000, 65_000), (2_147_483_647, 2_147_483_647)], ids=str)
    def test_decompression_bomb_is_rejected_by_header(self, size: tuple[int, int]) -> None:
        assert rejection_reason(png(*size, zlib.compress(b"\0" * 1_000), depth=1)) == "TOO_MANY_PIXELS"

    @pytest.mark.parametrize("name", [b"zTXt", b"iCCP"])
    def test_decompression_bomb_in_metadata_is_rejected(self, name: bytes) -> None:
        bomb = b"Comment\0\0" + deflated(bytes(1 << 16), 3_200)  # of 200 MB
        assert rejection_reason(png(8, 8, zlib.compress(bytes(16)), (name, bomb), depth=1)) == "CORRUPT_IMAGE"

    def test_byte_budget_below_minimum_quality_is_rejected(self) -> None:
        noise = encoded(Image.effect_noise((600, 600), 100), "PNG")
        assert rejection_reason(noise, (Variant("medium", 600, 600, "inside", 85, 1_000),)) == "OVER_BYTE_BUDGET"


class TestDamaged:
    @pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF"])
    @pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
    def test_truncated_file_is_rejected(self, image_format: str, share: float) -> None:
        whole = encoded(Image.effect_noise((400, 300), 100).convert("RGB"), image_format)
        assert rejection_reason(whole[: int(len(whole) * share)]) in {"CORRUPT_IMAGE", "UNSUPPORTED_FORMAT"}

    @pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF"])
    def test_flipped_bytes_are_rendered_or_rejected(self, image_format: str) -> None:
        whole = encoded(Image.effect_noise((60, 40), 100).convert("RGB"), image_format)
        outcomes = set()
        for position in range(0, len(whole), max(1, len(whole) // 300)):
            broken = whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :]
            try:
                render(broken, (Variant("small", 16, 16, "inside", 80),), max_pixels=MAX_PIXELS)
                outcomes.add("rendered")
            except MediaRefusedError as error:
                outcomes.add(error.reason)
        assert len(outcomes) > 1

    def test_decoder_warning_rejects_file(self) -> None:
        # The file announces a directory of more frames that it does not contain.
        source = segment(encoded(detailed(), "JPEG"), 0xE2, b"MPF\0II*\0\x08\0\0\0\x01\0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as outside of tests, where warnings are not errors
            assert rejection_reason(source) == "SUSPICIOUS_IMAGE"


class TestSeveralPictures:
    @pytest.mark.parametrize("image_format", ["GIF", "WEBP", "PNG", "MPO"])
    def test_first_picture_is_rendered(self, image_format: str) -> None:
        first, *further = (Image.new("RGB", (64, 64), colour) for colour in ("#c80000", "#0000c8", "#00c800"))
        source = encoded(first, image_format, save_all=True, append_images=further)
        with Image.open(io.BytesIO(source)) as image:
            assert (image.format, getattr(image, "n_frames", 1)) == (image_format, 3)
        (rendition,) = render(source, (Variant("small", 32, 32, "cover", 90),), max_pixels=MAX_PIXELS)
        pixel = pixel_at(Image.open(io.BytesIO(rendition.body)).convert("RGB"), (16, 16))
        assert pixel[0] > 180
        assert pixel[2] < 20


class TestBudget:
    @pytest.mark.requirement("NOVA-06", "NOVA-07", "NOVA-08")
    def test_quality_is_lowered_just_enough_for_byte_budget(self) -> None:
        detailed = encoded(Image.effect_noise((1200, 1200), 60).convert("RGB"), "PNG")
        original, medium, thumbnail = render(detailed, PROFILES["post"], max_pixels=MAX_PIXELS)
        assert len(original.body) <= 2_000_000
        assert len(medium.body) <= 100_000
        assert len(thumbnail.body) <= 30_000
        assert 30 <= medium.quality < 85
        unbounded = (Variant("medium", 600, 600, "inside", medium.quality + 5),)
        better = render(encoded(Image.open(io.BytesIO(detailed)), "PNG"), unbounded, max_pixels=MAX_PIXELS)
        assert len(better[0].body) > 100_000 * 0.95


def marked(image_format: str, **options: Any) -> bytes:
    return encoded(Image.new("RGB", (64, 64), "#123456"), image_format, **options)


def marked_exif(tag: int = 0x010E) -> Image.Exif:
    exif = Image.Exif()
    exif[tag] = MARK.decode()
    return exif


def marked_gps() -> Image.Exif:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[29] = MARK.decode()
    return exif


def marked_text(name: str = "Comment", **options: Any) -> PngImagePlugin.PngInfo:
    text = PngImagePlugin.PngInfo()
    text.add_text(name, MARK.decode(), **options)
    return text


def marked_profile() -> bytes:
    """Return a valid profile followed by the mark."""
    return srgb_profile() + MARK


def marked_frame() -> bytes:
    """Return a JPEG with a second frame that has the mark in its comment."""
    source = marked("MPO", save_all=True, append_images=[Image.new("RGB", (64, 64))])
    further = source.rindex(b"\xff\xd8\xff")
    return source[:further] + segment(source[further:], 0xFE, MARK)


XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + MARK + b"</x:xmpmeta>"


class TestMetadata:
    SOURCES: ClassVar[dict[str, Callable[[], bytes]]] = {
        "jpeg exif": lambda: marked("JPEG", exif=marked_exif()),
        "jpeg gps": lambda: marked("JPEG", exif=marked_gps()),
        "jpeg comment": lambda: marked("JPEG", comment=MARK),
        "jpeg xmp": lambda: marked("JPEG", xmp=XMP),
        "jpeg profile": lambda: marked("JPEG", icc_profile=MARK),
        "jpeg profile in use": lambda: marked("JPEG", icc_profile=marked_profile()),
        "jpeg further frame": marked_frame,
        "jpeg iptc": lambda: segment(marked("JPEG"), 0xED, b"Photoshop 3.0\0" + MARK),
        "png exif": lambda: marked("PNG", exif=marked_exif()),
        "png text": lambda: marked("PNG", pnginfo=marked_text()),
        "png compressed text": lambda: marked("PNG", pnginfo=marked_text(zip=True)),
        "png xmp": lambda: marked("PNG", pnginfo=marked_text(name="XML:com.adobe.xmp")),
        "webp profile in use": lambda: marked("WEBP", icc_profile=marked_profile()),
        "webp exif": lambda: marked("WEBP", exif=marked_exif()),
        "webp xmp": lambda: marked("WEBP", xmp=XMP),
        "gif comment": lambda: marked("GIF", comment=MARK),
    }

    @pytest.mark.requirement("LX-33")
    @pytest.mark.parametrize("name", SOURCES)
    def test_metadata_is_removed(self, name: str) -> None:
        source = self.SOURCES[name]()
        if name != "png compressed text":
            assert MARK in source
        for rendition in render(source, (*EPISODE, PROFILES["profile"][1]), max_pixels=MAX_PIXELS):
            assert MARK not in rendition.body
            for name_of_field in ("exif", "xmp", "comment", "icc_profile", "photoshop"):
                assert name_of_field not in Image.open(io.BytesIO(rendition.body)).info

    def test_trailing_data_is_removed(self) -> None:
        for rendition in render(marked("PNG") + MARK, EPISODE, max_pixels=MAX_PIXELS):
            assert MARK not in rendition.body
