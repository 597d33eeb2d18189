"""The largest images that are accepted fit into the function's memory (ROAD-120)."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFile

from lambda_src.thumbnails.profiles import PROFILES
from lambda_src.thumbnails.rendering import render
from tests.lambda_src.thumbnails.conftest import Bench
from tests.lambda_src.thumbnails.images import LARGE, flat_png, large
from tests.lambda_src.thumbnails.limited import MAX_MEGABYTES, limited_workers


@pytest.mark.requirement("ROAD-120")
def test_largest_images_fit_into_memory_one_after_another(bench: Bench) -> None:
    uploads = {}
    for name, image, entity_type in large():
        uploads[name] = bench.upload(image, bench.episode(), entity_type)
    # One process renders them all, so that memory which is not freed counts for the next image.
    with limited_workers(count=1, environment=bench.environment) as workers:
        done = workers.run({"event": bench.event(bench.notification(upload))} for upload in uploads.values())
    assert [(each.outcome, each.answer) for each in done] == [("answered", {"batchItemFailures": []})] * len(uploads)
    statuses = {name: bench.job(upload.job_id)["status"] for name, upload in uploads.items()}
    assert statuses == dict.fromkeys(uploads, "completed")
    peaks = {name: each.peak_megabytes for name, each in zip(uploads, done, strict=True)}
    assert max(peaks.values()) <= MAX_MEGABYTES, peaks


def test_out_of_memory_does_not_reject_file(tmp_path: Path) -> None:
    """With more memory, the same file may be rendered."""
    path = tmp_path / "large.png"
    path.write_bytes(flat_png(LARGE, LARGE, b"\x80"))
    outcomes = []
    for megabytes in (200, 1_024):
        with limited_workers(count=1, memory_megabytes=megabytes) as workers:
            outcomes += [each.outcome for each in workers.run([{"path": str(path), "entity_type": "document"}])]
    assert outcomes == ["OUT OF MEMORY", "rendered"]


def test_encoder_error_does_not_reject_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without memory, Pillow's encoders raise OSError or ValueError."""

    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("encoding error 1")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(ValueError, match=r"^encoding error 1$"):
        render(flat_png(40, 30, b"\x80"), PROFILES["episode"], max_pixels=10_000)


def test_decoder_out_of_memory_does_not_reject_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("out of memory error when reading image file")

    source = flat_png(40, 30, b"\x80")
    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    with pytest.raises(MemoryError):
        render(source, PROFILES["episode"], max_pixels=10_000)
