"""Effects of a delivery by cause: permanent failures are not returned, transient ones are, and redriven messages revive jobs."""

import json
from typing import Any

import pytest

from lambda_src.thumbnails import pipeline
from runtime.errors import ConflictError, ForbiddenError, InvalidInputError, RateLimitError, UnavailableError
from runtime.features.jobs import repository as jobs
from tests.lambda_src.thumbnails.conftest import Bench, Upload
from tests.lambda_src.thumbnails.deployed_worker import seeded_random

TRANSIENT_ERROR_CODES = sorted(jobs.TRANSIENT_ERROR_CODES)
FAULTS = [ConflictError, ForbiddenError, InvalidInputError, RateLimitError, UnavailableError, RuntimeError, MemoryError]
KILOBYTES_256 = 256 * 1024
TEST_EVENT = '{"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-21T00:00:00Z", "Bucket": "any"}'
REJECTED = [
    "not JSON",
    '{"Records": [{"eventName": "ObjectCreated:Put"}]}',
    '{"entity_type": "episode", "entity_id": "1"}',
    "é" * (KILOBYTES_256 // 2),
    json.dumps({"padding": "x" * (KILOBYTES_256 - 20)}),
]


def changed(body: str, **stored: Any) -> str:
    """Return the notification of one object with other values of the object."""
    notification = json.loads(body)
    notification["Records"][0]["s3"]["object"] |= stored
    return json.dumps(notification)


def padded(body: str) -> str:
    """Return the notification padded to 256 KB."""
    notification = json.loads(body) | {"padding": ""}
    notification["padding"] = "x" * (KILOBYTES_256 - len(json.dumps(notification)))
    assert len(json.dumps(notification)) == KILOBYTES_256
    return json.dumps(notification)


def abandon(bench: Bench, upload: Upload, code: str) -> None:
    bench.rows(
        "UPDATE processing_queue SET status = 'failed', error_code = %s, error_message = 'x', retry_count = 2,"
        " started_at = now(), completed_at = now() WHERE job_id = %s",
        code,
        upload.job_id,
    )


def exhaust_attempts(bench: Bench, upload: Upload) -> None:
    """Leave the job like a worker that was killed at the last attempt."""
    bench.rows(
        "UPDATE processing_queue SET status = 'processing', retry_count = 2, started_at = now(), lease_until = now(),"
        " lease_token = gen_random_uuid() WHERE job_id = %s",
        upload.job_id,
    )


def upload_abandoned_jobs(bench: Bench, picture: bytes) -> list[Upload]:
    """Return uploads with abandoned jobs: one for each error code, and one whose last worker died."""
    uploads = [bench.upload(picture) for _ in range(len(TRANSIENT_ERROR_CODES) + 1)]
    for upload, code in zip(uploads, TRANSIENT_ERROR_CODES, strict=False):
        abandon(bench, upload, code)
    exhaust_attempts(bench, uploads[-1])
    return uploads


class TestCauses:
    @pytest.mark.requirement("NOVA-16", "NOVA-18", "ROAD-119", "ROAD-121")
    def test_batch_with_all_causes_returns_only_transient_failures(self, bench: Bench, picture: bytes) -> None:
        good, large, gone, version, episode, marked, held = (bench.upload(picture) for _ in range(7))
        bench.s3.delete_object(Bucket=bench.storage_bucket, Key=gone.key, VersionId=gone.version_id)
        bench.rows("DELETE FROM episodes WHERE episode_id = %s", episode.entity_id)
        bench.rows(
            "UPDATE episodes SET deleted_at = now(), deleted_reason = 'x' WHERE episode_id = %s", marked.entity_id
        )
        bench.rows(
            "UPDATE processing_queue SET status = 'processing', lease_token = gen_random_uuid(),"
            " lease_until = now() + interval '1 hour', started_at = now() WHERE job_id = %s",
            held.job_id,
        )
        note = bench.notification
        returned = note(held)
        bodies = [
            TEST_EVENT,
            *REJECTED,
            *map(note, (good, gone, episode, marked)),
            padded(note(large)),
            changed(note(version), versionId=good.version_id),
            returned,
        ]
        seeded_random().shuffle(bodies)
        assert bench.deliver(*bodies) == [bodies.index(returned)]
        states = {
            name: (job["status"], job["error_code"])
            for name, job in (
                (name, bench.job(upload.job_id))
                for name, upload in {
                    "good": good, "large": large, "gone": gone, "version": version, "marked": marked, "held": held
                }.items()
            )
        }  # fmt: skip
        # A soft-deleted episode may be restored, so its thumbnails are rendered.
        assert states == {
            "good": ("completed", None),
            "large": ("completed", None),
            "gone": ("failed", "SOURCE_MISSING"),
            "version": ("failed", "SOURCE_MISSING"),
            "marked": ("completed", None),
            "held": ("processing", None),
        }

    def test_s3_test_event_logs_nothing(self, bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
        assert bench.deliver(TEST_EVENT) == []
        assert caplog.messages == []

    @pytest.mark.requirement("C-33")
    @pytest.mark.parametrize("written", ["covers/a+b%2B%C3%A9.png", "covers%2Fa+b%2B%C3%A9.png"], ids=["aws", "moto"])
    def test_object_that_is_not_an_upload_is_rejected_with_decoded_key(
        self, bench: Bench, picture: bytes, caplog: pytest.LogCaptureFixture, written: str
    ) -> None:
        body = changed(bench.notification(bench.upload(picture)), key=written)
        assert bench.deliver(body) == []
        (record,) = [record for record in caplog.records if record.message == pipeline.MESSAGE_REJECTED]
        assert record.__dict__["reason"] == "the object 'covers/a b+é.png' is not a completed upload"
        assert bench.thumbnail_keys() == []


@pytest.mark.requirement("P2-24", "NOVA-17")
class TestAbandonedJob:
    @pytest.mark.parametrize("receive_count", [1, 2])
    def test_redriven_message_revives_job(self, bench: Bench, picture: bytes, receive_count: int) -> None:
        uploads = upload_abandoned_jobs(bench, picture)
        assert bench.deliver(*map(bench.notification, uploads), receive_count=receive_count) == []
        for upload in uploads:
            job = bench.job(upload.job_id)
            assert (job["status"], job["retry_count"], job["error_code"]) == ("completed", 0, None)
            assert len(bench.thumbnails(upload.entity_id)) == 3
            episode = bench.row("SELECT processing_status FROM episodes WHERE episode_id = %s", upload.entity_id)
            assert episode["processing_status"] == "complete"

    def test_persistent_failure_uses_three_attempts_and_abandons_job_again(
        self, bench: Bench, picture: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upload = bench.upload(picture)
        abandon(bench, upload, "SERVICE_UNAVAILABLE")

        def fail(*_: Any, **__: Any) -> None:
            raise RuntimeError("still broken")

        monkeypatch.setattr(pipeline, "render", fail)
        for receive_count, status in ((1, "pending"), (2, "pending"), (3, "failed")):
            assert bench.deliver(bench.notification(upload), receive_count=receive_count) == [0]
            job = bench.job(upload.job_id)
            assert (job["status"], job["retry_count"]) == (status, receive_count - 1)
        assert job["error_code"] == "SERVER_ERROR"

    def test_last_delivery_of_abandoned_job_is_returned(self, bench: Bench, picture: bytes) -> None:
        uploads = upload_abandoned_jobs(bench, picture)
        assert bench.deliver(*map(bench.notification, uploads), receive_count=3) == list(range(len(uploads)))
        states = [bench.job(upload.job_id) for upload in uploads]
        assert {job["status"] for job in states} == {"failed"}
        assert [job["error_code"] for job in states] == [*TRANSIENT_ERROR_CODES, "ATTEMPTS_EXHAUSTED"]
        assert bench.thumbnail_keys() == []

    def test_job_failed_by_its_image_stays_failed(self, bench: Bench, picture: bytes) -> None:
        for code in ("CORRUPT_IMAGE", "SOURCE_MISSING"):
            upload = bench.upload(picture)
            abandon(bench, upload, code)
            before = bench.job(upload.job_id)
            assert bench.deliver(bench.notification(upload)) == []
            assert bench.job(upload.job_id) == before

    def test_job_abandoned_for_any_error_can_be_revived(
        self, bench: Bench, picture: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        uploads = [bench.upload(picture) for _ in FAULTS]
        faults = iter(FAULTS)

        def fail(*_: Any, **__: Any) -> None:
            raise next(faults)("unexpected here")

        bodies = [bench.notification(upload) for upload in uploads]
        with monkeypatch.context() as broken:
            broken.setattr(pipeline, "render", fail)
            assert bench.deliver(*bodies, receive_count=3) == list(range(len(FAULTS)))
        assert {bench.job(upload.job_id)["status"] for upload in uploads} == {"failed"}
        assert bench.deliver(*bodies) == []
        assert {bench.job(upload.job_id)["status"] for upload in uploads} == {"completed"}
