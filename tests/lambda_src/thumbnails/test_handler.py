"""The worker with real images, rows and objects: the effects of each kind of message."""

import hashlib
import json
from uuid import UUID, uuid4

import pytest
from PIL import Image

from lambda_src.thumbnails.handler import handler
from tests.lambda_src.thumbnails.conftest import Bench
from tests.lambda_src.thumbnails.images import detailed, encoded, flat_webp, heic, segment


@pytest.fixture(autouse=True)
def _environment(bench: Bench) -> Bench:
    return bench


class TestUploadedImage:
    @pytest.mark.requirement("ROAD-91", "ROAD-117", "ROAD-118", "ROAD-121", "C-33")
    def test_photograph_has_three_thumbnails(self, bench: Bench, photograph: bytes) -> None:
        upload = bench.upload(photograph)
        assert bench.deliver(bench.notification(upload)) == []

        rows = bench.thumbnails(upload.entity_id)
        assert [(row["size_variant"], row["width"], row["height"]) for row in rows] == [
            ("primary", 1280, 720),
            ("medium", 640, 360),
            ("small", 320, 180),
        ]
        for row in rows:
            assert (row["status"], row["mime_type"], row["format"]) == ("ready", "image/jpeg", "jpeg")
            assert row["job_id"] == upload.job_id
            assert row["file_reference"] == f"s3://{bench.thumbnails_bucket}/{row['s3_key']}"
            stored = bench.s3.get_object(Bucket=bench.thumbnails_bucket, Key=row["s3_key"])
            body = stored["Body"].read()
            digest = hashlib.sha256(body).hexdigest()
            assert row["s3_key"] == f"episodes/{upload.entity_id}/{row['size_variant']}/{digest}.jpg"
            assert len(body) == row["file_size_bytes"]
            assert stored["ContentType"] == "image/jpeg"
            assert "immutable" in stored["CacheControl"]
            assert stored["Metadata"] == {"job-id": str(upload.job_id), "variant": row["size_variant"]}
            assert bench.image(row["s3_key"]).size == (row["width"], row["height"])

    @pytest.mark.requirement("P1-07", "C-07")
    def test_job_and_episode_are_completed(self, bench: Bench, picture: bytes) -> None:
        upload = bench.upload(picture)
        bench.deliver(bench.notification(upload))
        job = bench.job(upload.job_id)
        assert (job["status"], job["retry_count"], job["error_code"]) == ("completed", 0, None)
        assert (job["lease_token"], job["lease_until"]) == (None, None)
        assert job["started_at"] <= job["completed_at"]
        episode = bench.row("SELECT * FROM episodes WHERE episode_id = %s", upload.entity_id)
        assert episode["processing_status"] == "complete"
        assert episode["thumbnail_reference"] == bench.thumbnails(upload.entity_id)[0]["file_reference"]

    def test_version_in_event_is_rendered(self, bench: Bench, picture: bytes) -> None:
        upload = bench.upload(picture)
        bench.s3.put_object(Bucket=bench.storage_bucket, Key=upload.key, Body=b"put there afterwards")
        assert bench.deliver(bench.notification(upload)) == []
        assert bench.job(upload.job_id)["status"] == "completed"

    def test_all_records_of_one_body_are_processed(self, bench: Bench, picture: bytes) -> None:
        uploads = [bench.upload(picture) for _ in range(3)]
        assert bench.deliver(bench.notification(*uploads)) == []
        assert {bench.job(upload.job_id)["status"] for upload in uploads} == {"completed"}

    def test_post_has_its_own_variants(self, bench: Bench, photograph: bytes) -> None:
        upload = bench.upload(photograph, uuid4(), "post")
        assert bench.deliver(bench.notification(upload)) == []
        rows = bench.thumbnails(upload.entity_id)
        assert [row["size_variant"] for row in rows] == ["original", "medium", "thumbnail"]
        assert rows[0]["s3_key"].startswith(f"posts/{upload.entity_id}/original/")

    def test_repeated_delivery_changes_nothing(self, bench: Bench, picture: bytes) -> None:
        upload = bench.upload(picture)
        bench.deliver(bench.notification(upload))
        before = bench.thumbnails(upload.entity_id), bench.job(upload.job_id)
        assert bench.deliver(bench.notification(upload), receive_count=2) == []
        assert (bench.thumbnails(upload.entity_id), bench.job(upload.job_id)) == before

    def test_older_upload_delivered_late_does_not_replace_newer(
        self, bench: Bench, picture: bytes, photograph: bytes
    ) -> None:
        older = bench.upload(picture)
        newer = bench.upload(photograph, older.entity_id)
        bench.deliver(bench.notification(newer))
        episode = bench.row("SELECT thumbnail_reference FROM episodes WHERE episode_id = %s", older.entity_id)
        assert bench.deliver(bench.notification(older)) == []
        assert bench.job(older.job_id)["status"] == "completed"
        assert {row["job_id"] for row in bench.thumbnails(older.entity_id)} == {newer.job_id}
        assert bench.row("SELECT thumbnail_reference FROM episodes WHERE episode_id = %s", older.entity_id) == episode


class TestRequestedImage:
    @pytest.mark.requirement("ROAD-116")
    def test_request_body_creates_job(self, bench: Bench, picture: bytes) -> None:
        episode_id = bench.episode()
        bench.s3.put_object(Bucket=bench.storage_bucket, Key="covers/a b+é.jpg", Body=picture)
        body = json.dumps(
            {
                "entity_type": "episode",
                "entity_id": str(episode_id),
                "source_reference": f"s3://{bench.storage_bucket}/covers/a b+é.jpg",
            }
        )
        assert bench.deliver(body) == []
        assert len(bench.thumbnails(episode_id)) == 3
        job = bench.row("SELECT * FROM processing_queue WHERE entity_id = %s", episode_id)
        assert (job["status"], job["job_type"]) == ("completed", "thumbnail_generation")

    @pytest.mark.requirement("ROAD-116")
    def test_repeated_request_has_one_job(self, bench: Bench, picture: bytes) -> None:
        episode_id = bench.episode()
        bench.s3.put_object(Bucket=bench.storage_bucket, Key="cover", Body=picture)
        body = {
            "entity_type": "episode",
            "entity_id": str(episode_id),
            "source_reference": f"s3://{bench.storage_bucket}/cover",
        }
        event = bench.event(json.dumps(body))
        assert [handler(event, None), handler(event, None)] == [{"batchItemFailures": []}] * 2
        assert len(bench.rows("SELECT 1 FROM processing_queue WHERE entity_id = %s", episode_id)) == 1


class TestRejectedMessage:
    @pytest.mark.parametrize(
        "body",
        [
            "",
            "not JSON",
            "[]",
            "{}",
            "null",
            '{"Records": []}',
            '{"Records": [{"s3": {}}]}',
            "[" * 100_000,
            "x" * 256_000,
        ],
        ids=["empty", "text", "list", "object", "null", "no records", "no event", "deep", "large"],
    )
    def test_invalid_message_is_dropped(self, bench: Bench, body: str) -> None:
        assert bench.deliver(body) == []

    def test_s3_test_event_is_dropped(self, bench: Bench) -> None:
        assert bench.deliver('{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "any"}') == []

    def test_object_in_other_bucket_is_dropped_and_job_stays_pending(self, bench: Bench, picture: bytes) -> None:
        upload = bench.upload(picture)
        body = bench.notification(upload).replace(bench.storage_bucket, "another-bucket")
        assert bench.deliver(body) == []
        assert bench.job(upload.job_id)["status"] == "pending"

    def test_key_of_other_entity_is_dropped_and_job_stays_pending(self, bench: Bench, picture: bytes) -> None:
        upload = bench.upload(picture)
        body = bench.notification(upload).replace(str(upload.entity_id), str(bench.episode()))
        assert bench.deliver(body) == []
        assert bench.job(upload.job_id)["status"] == "pending"

    def test_message_of_a_deleted_episode_is_dropped(self, bench: Bench, picture: bytes) -> None:
        upload = bench.upload(picture)
        bench.rows("DELETE FROM episodes WHERE episode_id = %s", upload.entity_id)
        assert bench.deliver(bench.notification(upload)) == []
        assert bench.thumbnail_keys() == []

    def test_request_for_unknown_episode_is_dropped(self, bench: Bench) -> None:
        body = {
            "entity_type": "episode",
            "entity_id": str(UUID(int=0)),
            "source_reference": f"s3://{bench.storage_bucket}/x",
        }
        assert bench.deliver(json.dumps(body)) == []
        assert bench.rows("SELECT 1 FROM processing_queue") == []

    def test_entity_type_without_profile_is_dropped(self, bench: Bench, picture: bytes) -> None:
        upload = bench.upload(picture, uuid4(), "spaceship")
        assert bench.deliver(bench.notification(upload)) == []
        assert bench.job(upload.job_id)["status"] == "pending"


class TestRejectedImage:
    @pytest.mark.requirement("NOVA-16", "NOVA-18")
    @pytest.mark.parametrize(
        ("image", "declared", "code"),
        [
            (b"<svg/>", "image/png", "UNSUPPORTED_FORMAT"),
            (b"", "image/png", "UNSUPPORTED_FORMAT"),
            (heic(b"heic"), "image/jpeg", "UNSUPPORTED_FORMAT"),
            (encoded(detailed(), "AVIF"), "image/jpeg", "UNSUPPORTED_FORMAT"),
            (b"\xff\xd8\xff\xe0 a JPEG's first bytes", "image/jpeg", "CORRUPT_IMAGE"),
            (encoded(detailed(), "PNG")[:-40], "image/png", "CORRUPT_IMAGE"),
            (
                segment(encoded(detailed(), "JPEG"), 0xE2, b"MPF\0II*\0\x08\0\0\0\x01\0"),
                "image/jpeg",
                "SUSPICIOUS_IMAGE",
            ),
            (flat_webp(16_383), "image/webp", "TOO_MANY_PIXELS"),
            (encoded(detailed(), "PNG"), "image/gif", "TYPE_MISMATCH"),
        ],
        ids=["svg", "empty", "heic", "avif", "damaged", "cut short", "suspicious", "pixels", "type"],
    )
    def test_job_fails_with_reason_and_is_not_retried(
        self, bench: Bench, image: bytes, declared: str, code: str
    ) -> None:
        upload = bench.upload(image, content_type=declared)
        assert bench.deliver(bench.notification(upload)) == []
        job = bench.job(upload.job_id)
        assert (job["status"], job["error_code"], job["retry_count"]) == ("failed", code, 0)
        assert job["error_message"]
        assert job["completed_at"] is not None
        episode = bench.row("SELECT processing_status FROM episodes WHERE episode_id = %s", upload.entity_id)
        assert episode["processing_status"] == "failed"
        assert bench.thumbnail_keys() == []
        assert bench.deliver(bench.notification(upload), receive_count=2) == []
        assert bench.job(upload.job_id) == job

    def test_variant_over_byte_budget_at_every_quality_fails_job(self, bench: Bench) -> None:
        noise = Image.merge("RGB", [Image.effect_noise((600, 600), 120) for _ in range(3)])
        upload = bench.upload(encoded(noise, "PNG"), uuid4(), "post")
        assert bench.deliver(bench.notification(upload)) == []
        job = bench.job(upload.job_id)
        assert (job["status"], job["error_code"], job["retry_count"]) == ("failed", "OVER_BYTE_BUDGET", 0)

    def test_file_above_the_byte_limit_is_not_read(self, bench: Bench) -> None:
        upload = bench.upload(b"\0" * 20_000_001)
        assert bench.deliver(bench.notification(upload)) == []
        assert bench.job(upload.job_id)["error_code"] == "TOO_MANY_BYTES"

    def test_missing_file_fails_job(self, bench: Bench, picture: bytes) -> None:
        upload = bench.upload(picture)
        bench.s3.delete_object(Bucket=bench.storage_bucket, Key=upload.key, VersionId=upload.version_id)
        assert bench.deliver(bench.notification(upload)) == []
        assert bench.job(upload.job_id)["error_code"] == "SOURCE_MISSING"
