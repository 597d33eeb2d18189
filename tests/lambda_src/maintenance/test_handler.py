"""The maintenance function on a real database and real buckets: each task, and the handling of failures."""

import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import pytest

from lambda_src.maintenance import handler as module
from lambda_src.maintenance.handler import TASKS, MaintenanceFailedError, handler
from runtime.adapters.database import Database
from runtime.features.jobs import repository as jobs
from runtime.features.jobs.messages import TOPIC, OriginalCopy
from runtime.mechanisms.outbox import repository as outbox
from runtime.settings import load_settings
from tests.runtime.features.stored_rows import new_job

GRACE_SECONDS = 1


@pytest.fixture(autouse=True)
def environment(migrated: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PLATFORM_OUTBOX_GRACE_SECONDS", str(GRACE_SECONDS))
    monkeypatch.setenv("PLATFORM_OUTBOX_RETENTION_DAYS", "7")
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@dataclass(frozen=True)
class Platform:
    database: Database
    s3: Any
    temp: str
    storage: str

    def completed_upload(self) -> OriginalCopy:
        """Commit an upload's completion as a process does that dies before the copy."""
        with self.database.transaction() as connection:
            job = new_job(connection)
            key = f"uploads/{job.job_id}"
            version = self.s3.put_object(Bucket=self.temp, Key=key, Body=b"photograph")["VersionId"]
            copy = OriginalCopy(
                job_id=str(job.job_id),
                source_bucket=self.temp,
                source_key=key,
                source_version_id=version,
                target_bucket=self.storage,
                target_key=f"raw/episodes/{job.entity_id}/{job.job_id}",
            )
            outbox.insert(connection, TOPIC, asdict(copy), grace_seconds=0)
        return copy

    def status(self, job_id: UUID) -> tuple[str, str | None]:
        with self.database.transaction() as connection:
            found = jobs.find(connection, job_id)
        assert found
        return found.status, found.error_code

    def stored(self) -> list[str]:
        return [found["Key"] for found in self.s3.list_objects_v2(Bucket=self.storage).get("Contents", [])]


@pytest.fixture
def platform(application_database: Database, account: Any) -> Platform:
    s3, suffix = account.client("s3"), secrets.token_hex(4)
    for purpose in ("temp", "storage"):
        s3.create_bucket(Bucket=f"{purpose}-{suffix}")
        s3.put_bucket_versioning(Bucket=f"{purpose}-{suffix}", VersioningConfiguration={"Status": "Enabled"})
    return Platform(application_database, s3, f"temp-{suffix}", f"storage-{suffix}")


class TestRelayOutbox:
    def test_copies_left_by_a_crash_are_made(self, platform: Platform) -> None:
        copies = [platform.completed_upload() for _ in range(3)]
        answer = handler({"tasks": ["relay_outbox"]}, None)
        assert answer == {"relay_outbox": {"sent": 3, "delayed": 0, "abandoned": 0}}
        assert platform.stored() == sorted(copy.target_key for copy in copies)
        assert handler({"tasks": ["relay_outbox"]}, None)["relay_outbox"]["sent"] == 0

    def test_job_of_missing_upload_fails(self, platform: Platform) -> None:
        copy = platform.completed_upload()
        platform.s3.delete_object(Bucket=platform.temp, Key=copy.source_key, VersionId=copy.source_version_id)
        assert handler({"tasks": ["relay_outbox"]}, None)["relay_outbox"]["abandoned"] == 1
        assert platform.status(UUID(copy.job_id)) == ("failed", "SOURCE_MISSING")


class TestEndAbandonedJobs:
    def attempt(self, platform: Platform, job_id: UUID, *, times: int) -> None:
        """Claim the job like workers that then die."""
        for _ in range(times):
            with platform.database.transaction() as connection:
                assert jobs.claim(connection, job_id, 0)

    def test_job_whose_last_worker_died_fails(self, platform: Platform) -> None:
        with platform.database.transaction() as connection:
            abandoned, tried_twice, untouched = (new_job(connection).job_id for _ in range(3))
        self.attempt(platform, abandoned, times=3)
        self.attempt(platform, tried_twice, times=2)
        assert handler({"tasks": ["end_abandoned_jobs"]}, None) == {"end_abandoned_jobs": {"ended": 1}}
        assert platform.status(abandoned) == ("failed", "ATTEMPTS_EXHAUSTED")
        assert platform.status(tried_twice)[0] == "processing"
        assert platform.status(untouched)[0] == "pending"

    def test_running_job_is_left_alone(self, platform: Platform) -> None:
        with platform.database.transaction() as connection:
            job_id = new_job(connection).job_id
        self.attempt(platform, job_id, times=2)
        with platform.database.transaction() as connection:
            assert jobs.claim(connection, job_id, 60)
        assert handler({"tasks": ["end_abandoned_jobs"]}, None) == {"end_abandoned_jobs": {"ended": 0}}


class TestPurgeSentMessages:
    def test_messages_older_than_retention_are_deleted(self, platform: Platform) -> None:
        for _ in range(2):
            platform.completed_upload()
        handler({"tasks": ["relay_outbox"]}, None)
        with platform.database.transaction() as connection:
            connection.execute(
                "UPDATE outbox SET sent_at = now() - interval '8 days'"
                " WHERE outbox_id = (SELECT outbox_id FROM outbox LIMIT 1)"
            )
        assert handler({"tasks": ["purge_sent_messages"]}, None) == {"purge_sent_messages": {"forgotten": 1}}
        assert handler({"tasks": ["purge_sent_messages"]}, None) == {"purge_sent_messages": {"forgotten": 0}}


class TestPurgeIdleRateLimits:
    @pytest.mark.requirement("G-08")
    def test_full_rate_limits_are_deleted(self, platform: Platform) -> None:
        with platform.database.transaction() as connection:
            connection.execute(
                "INSERT INTO rate_limits SELECT uuidv7(), now() - interval '1 s' FROM generate_series(1, 3)"
            )
            connection.execute("INSERT INTO rate_limits VALUES (uuidv7(), now() + interval '1 hour')")
        assert handler({"tasks": ["purge_idle_rate_limits"]}, None) == {"purge_idle_rate_limits": {"forgotten": 3}}
        assert handler({"tasks": ["purge_idle_rate_limits"]}, None) == {"purge_idle_rate_limits": {"forgotten": 0}}
        with platform.database.transaction() as connection:
            assert len(connection.execute("SELECT FROM rate_limits").fetchall()) == 1


@pytest.mark.requirement("NOVA-29")
class TestCleanupExpiredUploads:
    def session(self, platform: Platform, *, ended: str, status: str = "pending", post_id: UUID | None = None) -> UUID:
        """Insert an upload that expired this long ago."""
        with platform.database.transaction() as connection:
            row = connection.execute(
                """
                WITH someone AS (INSERT INTO users (user_id) VALUES (gen_random_uuid()) RETURNING user_id)
                INSERT INTO upload_sessions (user_id, entity_type, entity_id, file_name, content_type, byte_count,
                    file_hash, temp_key, status, completed_at, post_id, expires_at)
                SELECT user_id, 'episode', uuidv7(), 'x.jpg', 'image/jpeg', 1, repeat('0', 64), uuidv7()::text, %(status)s::text,
                    CASE WHEN %(status)s::text = 'completed' THEN now() END, %(post_id)s, now() - %(ended)s::interval
                FROM someone RETURNING upload_id
                """,
                {"status": status, "ended": ended, "post_id": post_id},
            ).fetchone()
        assert row
        upload_id: UUID = row["upload_id"]
        return upload_id

    def post(self, platform: Platform) -> UUID:
        with platform.database.transaction() as connection:
            row = connection.execute(
                """WITH someone AS (INSERT INTO users (user_id) VALUES (gen_random_uuid()) RETURNING user_id)
                INSERT INTO posts (user_id) SELECT user_id FROM someone RETURNING post_id"""
            ).fetchone()
        assert row
        post_id: UUID = row["post_id"]
        return post_id

    def rows(self, platform: Platform, query: str) -> list[dict[str, Any]]:
        with platform.database.transaction() as connection:
            return connection.execute(query.encode()).fetchall()

    def run(self) -> dict[str, int]:
        return handler({"tasks": ["cleanup_expired_uploads"]}, None)["cleanup_expired_uploads"]

    def test_only_expired_uploads_are_deleted(self, platform: Platform) -> None:
        for _ in range(3):
            self.session(platform, ended="2 hours")
        kept = [
            self.session(platform, ended="2 hours", status="completed"),
            self.session(platform, ended="-1 hour"),
            # A completion that began before the expiry may still be running.
            self.session(platform, ended="59 minutes"),
        ]
        query = "SELECT * FROM upload_sessions ORDER BY upload_id"
        before = [row for row in self.rows(platform, query) if row["upload_id"] in kept]
        assert [self.run(), self.run()] == [{"forgotten": 3}, {"forgotten": 0}]
        assert self.rows(platform, query) == before
        assert [row["upload_id"] for row in before] == kept

    def test_post_of_expired_upload_fails(self, platform: Platform) -> None:
        late, waiting = self.post(platform), self.post(platform)
        self.session(platform, ended="2 hours", post_id=late)
        self.session(platform, ended="-1 hour", post_id=waiting)
        assert self.run() == {"forgotten": 1}
        found = {row["post_id"]: row["status"] for row in self.rows(platform, "SELECT post_id, status FROM posts")}
        assert found == {late: "failed", waiting: "pending"}

    def test_upload_being_completed_is_left_alone(self, platform: Platform) -> None:
        upload_id = self.session(platform, ended="2 hours")
        with platform.database.transaction() as connection:
            connection.execute("SELECT FROM upload_sessions WHERE upload_id = %s FOR UPDATE", [upload_id])
            assert self.run() == {"forgotten": 0}
        assert self.run() == {"forgotten": 1}


class TestHandler:
    def test_failed_task_does_not_stop_others(self, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
        copy = platform.completed_upload()

        def fail(_: Any) -> dict[str, int]:
            raise ValueError("a bug")

        monkeypatch.setattr(module, "TASKS", {"broken": fail, **TASKS})
        with pytest.raises(MaintenanceFailedError, match=r"^broken failed; the log has the cause$"):
            handler({"tasks": ["broken", "relay_outbox"]}, None)
        assert platform.stored() == [copy.target_key]

    def test_unavailable_database_fails_invocation(self, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLATFORM_DATABASE_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:none")
        monkeypatch.setenv("PLATFORM_DATABASE_CONNECT_TIMEOUT_SECONDS", "1")
        load_settings.cache_clear()
        with pytest.raises(MaintenanceFailedError, match="relay_outbox"):
            handler({"tasks": ["relay_outbox"]}, None)

    @pytest.mark.parametrize("event", [{}, {"tasks": []}, {"tasks": "relay_outbox"}, {"tasks": None}])
    def test_event_without_tasks_is_rejected(self, platform: Platform, event: dict[str, Any]) -> None:
        with pytest.raises(MaintenanceFailedError, match=r"^tasks: must be a non-empty list"):
            handler(event, None)

    def test_unknown_task_is_rejected_before_any_runs(self, platform: Platform) -> None:
        platform.completed_upload()
        with pytest.raises(MaintenanceFailedError, match=r"^tasks: tidy_up: must be one of relay_outbox, "):
            handler({"tasks": ["relay_outbox", "tidy_up"]}, None)
        assert platform.stored() == []
