"""A file whose type differs from the declared one fails its job."""

import json

import pytest

from lambda_src.thumbnails.profiles import Variant
from lambda_src.thumbnails.rendering import MEDIA_TYPES, render
from runtime.errors import MediaRefusedError
from runtime.features.uploads.limits import ImageType
from tests.lambda_src.thumbnails.conftest import Bench
from tests.lambda_src.thumbnails.images import detailed, encoded, heic, png, segment, zipped

SMALL = (Variant("small", 32, 32, "inside", 85),)
SCRIPT = b"<script>alert(1)</script>"
FURTHER = {"save_all": True, "append_images": [detailed().rotate(180)]}

JPEG, PNG, WEBP, GIF = (encoded(detailed(), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF"))
MPO, APNG = encoded(detailed(), "MPO", **FURTHER), encoded(detailed(), "PNG", **FURTHER)
JPEG_AND_HTML, PNG_AND_ZIP = segment(JPEG, 0xFE, SCRIPT), PNG + zipped(SCRIPT)
GIF_AND_SCRIPT = GIF + b"*/=1;" + SCRIPT

# Declared type, content, and expected outcome.
PAIRS = {
    "jpeg, honest": ("image/jpeg", JPEG, "rendered"),
    "png, honest": ("image/png", PNG, "rendered"),
    "webp, honest": ("image/webp", WEBP, "rendered"),
    "gif, honest": ("image/gif", GIF, "rendered"),
    "a phone's jpeg of several frames": ("image/jpeg", MPO, "rendered"),
    "an animated png": ("image/png", APNG, "rendered"),
    "another spelling": ("Image/JPEG; charset=binary", JPEG, "rendered"),
    "nothing declared": (None, PNG, "rendered"),
    "png as jpeg": ("image/jpeg", PNG, "TYPE_MISMATCH"),
    "webp as jpeg": ("image/jpeg", WEBP, "TYPE_MISMATCH"),
    "gif as jpeg": ("image/jpeg", GIF, "TYPE_MISMATCH"),
    "jpeg as png": ("image/png", JPEG, "TYPE_MISMATCH"),
    "webp as png": ("image/png", WEBP, "TYPE_MISMATCH"),
    "gif as png": ("image/png", GIF, "TYPE_MISMATCH"),
    "jpeg as webp": ("image/webp", JPEG, "TYPE_MISMATCH"),
    "png as gif": ("image/gif", PNG, "TYPE_MISMATCH"),
    "jpeg as html": ("text/html", JPEG, "TYPE_MISMATCH"),
    "png as svg": ("image/svg+xml", PNG, "TYPE_MISMATCH"),
    "jpeg as any image": ("image/*", JPEG, "TYPE_MISMATCH"),
    "jpeg as no type at all": ("jpeg", JPEG, "TYPE_MISMATCH"),
    "an empty type": ("", JPEG, "TYPE_MISMATCH"),
    "jpeg and html, as the jpeg that it is": ("image/jpeg", JPEG_AND_HTML, "rendered"),
    "jpeg and html, as the html that it is too": ("text/html", JPEG_AND_HTML, "TYPE_MISMATCH"),
    "png and zip, as the png that it is": ("image/png", PNG_AND_ZIP, "rendered"),
    "png and zip, as the zip that it is too": ("application/zip", PNG_AND_ZIP, "TYPE_MISMATCH"),
    "gif and script, as the gif that it is": ("image/gif", GIF_AND_SCRIPT, "rendered"),
    "gif and script, as the script that it is too": ("text/javascript", GIF_AND_SCRIPT, "TYPE_MISMATCH"),
    "svg as png": ("image/png", b"<svg/>", "UNSUPPORTED_FORMAT"),
    "svg, honest": ("image/svg+xml", b"<svg/>", "UNSUPPORTED_FORMAT"),
    "heic as jpeg": ("image/jpeg", heic(b"heic"), "UNSUPPORTED_FORMAT"),
    "html as gif": ("image/gif", b"<!doctype html>" + SCRIPT, "UNSUPPORTED_FORMAT"),
    "zip before a png": ("image/png", zipped(SCRIPT) + PNG, "UNSUPPORTED_FORMAT"),
}


def test_every_announceable_type_is_detected() -> None:
    assert set(MEDIA_TYPES.values()) == set(ImageType)


class TestDeclaredType:
    @pytest.mark.requirement("LX-31", "NOVA-18")
    @pytest.mark.parametrize("name", PAIRS)
    def test_declared_type_must_match_content(self, name: str) -> None:
        declared, content, expected = PAIRS[name]
        try:
            renditions = render(content, SMALL, max_pixels=100_000, declared_type=declared)
        except MediaRefusedError as error:
            assert error.reason == expected
        else:
            assert expected == "rendered"
            assert all(SCRIPT not in rendition.body for rendition in renditions)

    def test_message_has_declared_and_actual_type(self) -> None:
        with pytest.raises(MediaRefusedError, match="declared as image/png and is image/jpeg"):
            render(JPEG, SMALL, max_pixels=100_000, declared_type="image/png")

    def test_type_is_compared_before_decoding(self) -> None:
        # A mismatch is reported before memory is spent on decoding, although the file is also damaged.
        broken = png(64, 64, b"no rows at all")
        with pytest.raises(MediaRefusedError) as raised:
            render(broken, SMALL, max_pixels=100_000, declared_type="image/gif")
        assert raised.value.reason == "TYPE_MISMATCH"


class TestStoredType:
    """The declared type is stored with the object: from the announcement through form and copy to the worker."""

    @pytest.mark.requirement("NOVA-16")
    def test_mismatch_fails_job_permanently(self, bench: Bench) -> None:
        upload = bench.upload(PNG, content_type="image/jpeg")
        assert bench.deliver(bench.notification(upload)) == []
        job = bench.job(upload.job_id)
        assert (job["status"], job["error_code"], job["retry_count"]) == ("failed", "TYPE_MISMATCH", 0)
        assert job["error_message"] == "the file was declared as image/jpeg and is image/png"
        assert bench.thumbnail_keys() == []

    def test_match_is_rendered_with_content_type_of_variant(self, bench: Bench) -> None:
        upload = bench.upload(GIF_AND_SCRIPT, content_type="image/gif")
        assert bench.deliver(bench.notification(upload)) == []
        keys = bench.thumbnail_keys()
        assert len(keys) == 3
        for key in keys:
            stored = bench.s3.get_object(Bucket=bench.thumbnails_bucket, Key=key)
            assert (stored["ContentType"], SCRIPT in stored["Body"].read()) == ("image/jpeg", False)

    @pytest.mark.requirement("ROAD-116")
    @pytest.mark.parametrize("key", ["cover.png.jpg", "cover.jpg.php", "cover.html", "cover"])
    def test_file_name_is_ignored(self, bench: Bench, key: str) -> None:
        episode_id = bench.episode()
        bench.s3.put_object(Bucket=bench.storage_bucket, Key=key, Body=WEBP)
        reference = f"s3://{bench.storage_bucket}/{key}"
        body = {"entity_type": "episode", "entity_id": str(episode_id), "source_reference": reference}
        assert bench.deliver(json.dumps(body)) == []
        assert [row["mime_type"] for row in bench.thumbnails(episode_id)] == ["image/jpeg"] * 3

    @pytest.mark.requirement("ROAD-116")
    def test_direct_upload_with_wrong_type_fails(self, bench: Bench) -> None:
        episode_id = bench.episode()
        bench.s3.put_object(Bucket=bench.storage_bucket, Key="cover.png", Body=WEBP, ContentType="image/png")
        reference = f"s3://{bench.storage_bucket}/cover.png"
        body = {"entity_type": "episode", "entity_id": str(episode_id), "source_reference": reference}
        assert bench.deliver(json.dumps(body)) == []
        job = bench.row("SELECT * FROM processing_queue WHERE entity_id = %s", episode_id)
        assert (job["status"], job["error_code"]) == ("failed", "TYPE_MISMATCH")
