"""The largest images that are accepted fit into the function's memory (ROAD-120)."""

import pytest
from PIL import Image, ImageFile

from lambda_src.thumbnails.profiles import PROFILES
from lambda_src.thumbnails.rendering import render
from tests.lambda_src.thumbnails.images import LARGE, flat_png, large
from tests.lambda_src.thumbnails.limited import MOST_MEGABYTES, limited_workers


@pytest.mark.requirement("ROAD-120")
def test_largest_of_each_kind_one_after_another(bench):
    uploads = {}
    for name, image, entity_type in large():
        uploads[name] = bench.upload(image, bench.episode(), entity_type)
    # One function takes them all, and what one leaves behind counts for the next.
    with limited_workers(count=1, environment=bench.environment) as workers:
        done = workers.run({"event": bench.event(bench.notification(upload))} for upload in uploads.values())
    assert [(each.outcome, each.answer) for each in done] == [("answered", {"batchItemFailures": []})] * len(uploads)
    statuses = {name: bench.job(upload.job_id)["status"] for name, upload in uploads.items()}
    assert statuses == dict.fromkeys(uploads, "completed")
    peaks = {name: each.peak_megabytes for name, each in zip(uploads, done, strict=True)}
    assert max(peaks.values()) <= MOST_MEGABYTES, peaks


def test_lack_of_memory_says_nothing_about_the_file(tmp_path):
    """It is no refusal: with more of it, the same file may be rendered."""
    path = tmp_path / "large.png"
    path.write_bytes(flat_png(LARGE, LARGE, b"\x80"))
    outcomes = []
    for megabytes in (200, 1_024):
        with limited_workers(count=1, memory_megabytes=megabytes) as workers:
            outcomes += [each.outcome for each in workers.run([{"path": str(path), "entity_type": "document"}])]
    assert outcomes == ["OUT OF MEMORY", "rendered"]


def test_encoder_that_fails_says_nothing_about_the_file(monkeypatch):
    """Without memory Pillow's encoders raise OSError or ValueError as they please."""

    def fail(*_, **__):
        raise ValueError("encoding error 1")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(ValueError, match=r"^encoding error 1$"):
        render(flat_png(40, 30, b"\x80"), PROFILES["episode"], max_pixels=10_000)


def test_decoder_that_lacks_memory_says_nothing_about_the_file(monkeypatch):
    def fail(*_, **__):
        raise OSError("out of memory error when reading image file")

    source = flat_png(40, 30, b"\x80")
    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    with pytest.raises(MemoryError):
        render(source, PROFILES["episode"], max_pixels=10_000)
