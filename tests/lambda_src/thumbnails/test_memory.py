"""The largest images that are accepted fit into the function's memory (ROAD-120)."""

import pytest

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
