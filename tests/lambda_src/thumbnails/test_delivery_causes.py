"""What a delivery leads to, by its cause: what is wrong for good is not returned, what passes is, and what was given up for a
passing cause is taken up again by a message that is sent anew.
"""

import json

import pytest

from lambda_src.thumbnails import pipeline
from runtime.errors import ConflictError, ForbiddenError, InvalidInputError, RateLimitError, UnavailableError
from runtime.features.jobs import repository as jobs
from tests.lambda_src.thumbnails.queue_plant import seeded

TRANSIENT_ERROR_CODES = sorted(jobs.TRANSIENT_ERROR_CODES)
FAULTS = [ConflictError, ForbiddenError, InvalidInputError, RateLimitError, UnavailableError, RuntimeError, MemoryError]
KILOBYTES_256 = 256 * 1024
TEST_EVENT = '{"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-21T00:00:00Z", "Bucket": "any"}'
REFUSED = [
    "not JSON",
    '{"Records": [{"eventName": "ObjectCreated:Put"}]}',
    '{"entity_type": "episode", "entity_id": "1"}',
    "é" * (KILOBYTES_256 // 2),
    json.dumps({"padding": "x" * (KILOBYTES_256 - 20)}),
]


def changed(body, **stored):
    """The notification of one object, other in what S3 says of the object."""
    notification = json.loads(body)
    notification["Records"][0]["s3"]["object"] |= stored
    return json.dumps(notification)


def padded(body):
    """The same notification in 256 KB, most of it what nobody reads."""
    notification = json.loads(body) | {"padding": ""}
    notification["padding"] = "x" * (KILOBYTES_256 - len(json.dumps(notification)))
    assert len(json.dumps(notification)) == KILOBYTES_256
    return json.dumps(notification)


def give_up(bench, upload, code):
    bench.rows(
        "UPDATE processing_queue SET status = 'failed', error_code = %s, error_message = 'x', retry_count = 2,"
        " started_at = now(), completed_at = now() WHERE job_id = %s",
        code,
        upload.job_id,
    )


def leave_without_attempts(bench, upload):
    """As a worker leaves it that was killed at the last attempt."""
    bench.rows(
        "UPDATE processing_queue SET status = 'processing', retry_count = 2, started_at = now(), lease_until = now(),"
        " lease_token = gen_random_uuid() WHERE job_id = %s",
        upload.job_id,
    )


def given_up_in_every_way(bench, picture):
    """Uploads whose jobs were given up: one for each code, and one that nobody has ended."""
    uploads = [bench.upload(picture) for _ in range(len(TRANSIENT_ERROR_CODES) + 1)]
    for upload, code in zip(uploads, TRANSIENT_ERROR_CODES, strict=False):
        give_up(bench, upload, code)
    leave_without_attempts(bench, uploads[-1])
    return uploads


class TestCauses:
    @pytest.mark.requirement("NOVA-16", "NOVA-18", "ROAD-119", "ROAD-121")
    def test_of_a_batch_of_all_causes_only_what_passes_is_returned(self, bench, picture):
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
            *REFUSED,
            *map(note, (good, gone, episode, marked)),
            padded(note(large)),
            changed(note(version), versionId=good.version_id),
            returned,
        ]
        seeded().shuffle(bodies)
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
        # An episode that was deleted by a mark may be restored, and has its thumbnails then.
        assert states == {
            "good": ("completed", None),
            "large": ("completed", None),
            "gone": ("failed", "SOURCE_MISSING"),
            "version": ("failed", "SOURCE_MISSING"),
            "marked": ("completed", None),
            "held": ("processing", None),
        }

    def test_event_of_s3s_own_test_is_not_worth_a_word(self, bench, caplog):
        assert bench.deliver(TEST_EVENT) == []
        assert caplog.messages == []

    @pytest.mark.requirement("C-33")
    @pytest.mark.parametrize("written", ["covers/a+b%2B%C3%A9.png", "covers%2Fa+b%2B%C3%A9.png"], ids=["aws", "moto"])
    def test_object_that_is_no_upload_is_refused_by_its_real_name(self, bench, picture, caplog, written):
        body = changed(bench.notification(bench.upload(picture)), key=written)
        assert bench.deliver(body) == []
        (record,) = [record for record in caplog.records if record.message == pipeline.MESSAGE_REJECTED]
        assert record.__dict__["reason"] == "the object 'covers/a b+é.png' is not a completed upload"
        assert bench.thumbnail_keys() == []


@pytest.mark.requirement("P2-24", "NOVA-17")
class TestGivenUp:
    @pytest.mark.parametrize("receive_count", [1, 2])
    def test_message_sent_anew_takes_the_job_up_again(self, bench, picture, receive_count):
        uploads = given_up_in_every_way(bench, picture)
        assert bench.deliver(*map(bench.notification, uploads), receive_count=receive_count) == []
        for upload in uploads:
            job = bench.job(upload.job_id)
            assert (job["status"], job["retry_count"], job["error_code"]) == ("completed", 0, None)
            assert len(bench.thumbnails(upload.entity_id)) == 3
            episode = bench.row("SELECT processing_status FROM episodes WHERE episode_id = %s", upload.entity_id)
            assert episode["processing_status"] == "complete"

    def test_cause_that_is_still_there_has_all_three_attempts_and_gives_it_up_again(self, bench, picture, monkeypatch):
        upload = bench.upload(picture)
        give_up(bench, upload, "SERVICE_UNAVAILABLE")

        def fail(*_, **__):
            raise RuntimeError("still broken")

        monkeypatch.setattr(pipeline, "render", fail)
        for receive_count, status in ((1, "pending"), (2, "pending"), (3, "failed")):
            assert bench.deliver(bench.notification(upload), receive_count=receive_count) == [0]
            job = bench.job(upload.job_id)
            assert (job["status"], job["retry_count"]) == (status, receive_count - 1)
        assert job["error_code"] == "SERVER_ERROR"

    def test_last_delivery_of_another_message_is_kept_for_a_redrive(self, bench, picture):
        uploads = given_up_in_every_way(bench, picture)
        assert bench.deliver(*map(bench.notification, uploads), receive_count=3) == list(range(len(uploads)))
        states = [bench.job(upload.job_id) for upload in uploads]
        assert {job["status"] for job in states} == {"failed"}
        assert [job["error_code"] for job in states] == [*TRANSIENT_ERROR_CODES, "ATTEMPTS_EXHAUSTED"]
        assert bench.thumbnail_keys() == []

    def test_job_whose_image_was_wrong_stays_failed(self, bench, picture):
        for code in ("CORRUPT_IMAGE", "SOURCE_MISSING"):
            upload = bench.upload(picture)
            give_up(bench, upload, code)
            before = bench.job(upload.job_id)
            assert bench.deliver(bench.notification(upload)) == []
            assert bench.job(upload.job_id) == before

    def test_whatever_a_worker_gives_up_for_can_be_taken_up_again(self, bench, picture, monkeypatch):
        uploads = [bench.upload(picture) for _ in FAULTS]
        faults = iter(FAULTS)

        def fail(*_, **__):
            raise next(faults)("nobody foresaw this here")

        bodies = [bench.notification(upload) for upload in uploads]
        with monkeypatch.context() as broken:
            broken.setattr(pipeline, "render", fail)
            assert bench.deliver(*bodies, receive_count=3) == list(range(len(FAULTS)))
        assert {bench.job(upload.job_id)["status"] for upload in uploads} == {"failed"}
        assert bench.deliver(*bodies) == []
        assert {bench.job(upload.job_id)["status"] for upload in uploads} == {"completed"}
