"""A file is what it was declared to be, or its job fails and says so."""

import json

import pytest

from lambda_src.thumbnails.profiles import Variant
from lambda_src.thumbnails.rendering import MEDIA_TYPES, render
from runtime.errors import MediaRefusedError
from runtime.features.uploads.limits import ImageType
from tests.lambda_src.thumbnails.images import detailed, encoded, heic, png, segment, zipped

SMALL = (Variant("small", 32, 32, "inside", 85),)
SCRIPT = b"<script>alert(1)</script>"
FURTHER = {"save_all": True, "append_images": [detailed().rotate(180)]}

JPEG, PNG, WEBP, GIF = (encoded(detailed(), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF"))
MPO, APNG = encoded(detailed(), "MPO", **FURTHER), encoded(detailed(), "PNG", **FURTHER)
JPEG_AND_HTML, PNG_AND_ZIP = segment(JPEG, 0xFE, SCRIPT), PNG + zipped(SCRIPT)
GIF_AND_SCRIPT = GIF + b"*/=1;" + SCRIPT

# What was declared, what was sent, and what comes of it.
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


def test_every_type_that_can_be_announced_is_one_that_is_found():
    assert set(MEDIA_TYPES.values()) == set(ImageType)


class TestDeclaredType:
    @pytest.mark.requirement("LX-31", "NOVA-18")
    @pytest.mark.parametrize("name", PAIRS)
    def test_is_the_real_one_or_the_file_is_refused(self, name):
        declared, content, expected = PAIRS[name]
        try:
            renditions = render(content, SMALL, max_pixels=100_000, declared_type=declared)
        except MediaRefusedError as refusal:
            assert refusal.reason == expected
        else:
            assert expected == "rendered"
            assert all(SCRIPT not in rendition.body for rendition in renditions)

    def test_message_says_what_was_declared_and_what_was_found(self):
        with pytest.raises(MediaRefusedError, match="declared as image/png and is image/jpeg"):
            render(JPEG, SMALL, max_pixels=100_000, declared_type="image/png")

    def test_is_compared_before_anything_is_decoded(self):
        # What a lie is about is not worth the memory, nor the finding that it is damaged too.
        broken = png(64, 64, b"no rows at all")
        with pytest.raises(MediaRefusedError) as raised:
            render(broken, SMALL, max_pixels=100_000, declared_type="image/gif")
        assert raised.value.reason == "TYPE_MISMATCH"


class TestStoredType:
    """The type travels with the object: from the announcement through the form and the copy to the worker."""

    @pytest.mark.requirement("NOVA-16")
    def test_other_than_declared_fails_the_job_for_good(self, bench):
        upload = bench.upload(PNG, content_type="image/jpeg")
        assert bench.deliver(bench.notification(upload)) == []
        job = bench.job(upload.job_id)
        assert (job["status"], job["error_code"], job["retry_count"]) == ("failed", "TYPE_MISMATCH", 0)
        assert job["error_message"] == "the file was declared as image/jpeg and is image/png"
        assert bench.thumbnail_keys() == []

    def test_as_declared_is_rendered_and_gets_a_type_of_ours(self, bench):
        upload = bench.upload(GIF_AND_SCRIPT, content_type="image/gif")
        assert bench.deliver(bench.notification(upload)) == []
        keys = bench.thumbnail_keys()
        assert len(keys) == 3
        for key in keys:
            stored = bench.s3.get_object(Bucket=bench.thumbnails_bucket, Key=key)
            assert (stored["ContentType"], SCRIPT in stored["Body"].read()) == ("image/jpeg", False)

    @pytest.mark.requirement("ROAD-116")
    @pytest.mark.parametrize("key", ["cover.png.jpg", "cover.jpg.php", "cover.html", "cover"])
    def test_name_declares_nothing(self, bench, key):
        episode_id = bench.episode()
        bench.s3.put_object(Bucket=bench.storage_bucket, Key=key, Body=WEBP)
        reference = f"s3://{bench.storage_bucket}/{key}"
        body = {"entity_type": "episode", "entity_id": str(episode_id), "source_reference": reference}
        assert bench.deliver(json.dumps(body)) == []
        assert [row["mime_type"] for row in bench.thumbnails(episode_id)] == ["image/jpeg"] * 3

    @pytest.mark.requirement("ROAD-116")
    def test_direct_upload_with_a_type_has_to_be_honest_too(self, bench):
        episode_id = bench.episode()
        bench.s3.put_object(Bucket=bench.storage_bucket, Key="cover.png", Body=WEBP, ContentType="image/png")
        reference = f"s3://{bench.storage_bucket}/cover.png"
        body = {"entity_type": "episode", "entity_id": str(episode_id), "source_reference": reference}
        assert bench.deliver(json.dumps(body)) == []
        job = bench.row("SELECT * FROM processing_queue WHERE entity_id = %s", episode_id)
        assert (job["status"], job["error_code"]) == ("failed", "TYPE_MISMATCH")
