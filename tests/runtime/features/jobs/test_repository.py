"""SQL on jobs: insert, claim, complete, fail, release, and the episode's processing status."""

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from runtime.adapters.database import Database
from runtime.features.jobs import repository as jobs
from runtime.features.jobs.repository import Claim
from runtime.persistence.transactions import Connection
from tests.conftest import DatabaseAddress
from tests.runtime.features.jobs.job_state import claimed, columns, episode_status, stored
from tests.runtime.features.stored_rows import new_episode, new_job

End = Callable[[Connection, Claim], bool]


def fail(connection: Connection, claim: Claim) -> bool:
    return jobs.fail(connection, claim, error_code="X", error_message="y")


def release(connection: Connection, claim: Claim) -> bool:
    return jobs.release(connection, claim, error_code="X", error_message="y")


@pytest.fixture
def connection(application_database: Database) -> Iterator[Connection]:
    with application_database.transaction() as opened:
        yield opened


def end_lease(connection: Connection, job_id: UUID) -> None:
    connection.execute(
        "UPDATE processing_queue SET lease_until = clock_timestamp() - interval '1 second' WHERE job_id = %s", [job_id]
    )


def uuid7(connection: Connection) -> UUID:
    row = connection.execute("SELECT uuidv7() AS id").fetchone()
    assert row
    new_id: UUID = row["id"]
    return new_id


class TestInsert:
    @pytest.mark.requirement("P1-07", "C-06")
    def test_new_job_is_pending_and_found(self, connection: Connection) -> None:
        row = connection.execute("INSERT INTO users (user_id) VALUES (uuidv7()) RETURNING user_id").fetchone()
        assert row
        user_id = row["user_id"]
        job = jobs.insert(
            connection,
            job_type="thumbnail_generation",
            entity_type="post",
            entity_id=(entity_id := uuid4()),
            source_reference="s3://storage/x",
            source_version_id="v1",
            created_by=user_id,
        )
        assert (job.status, job.retry_count, job.max_retries, job.started_at, job.is_finished) == (
            "pending",
            0,
            3,
            None,
            False,
        )
        assert (job.entity_id, job.source_version_id, job.created_by) == (entity_id, "v1", user_id)
        assert job.job_id.version == 7
        assert jobs.find(connection, job.job_id) == job

    def test_given_id_is_used(self, connection: Connection) -> None:
        job_id = uuid7(connection)
        assert new_job(connection, job_id=job_id).job_id == job_id

    @pytest.mark.requirement("ROAD-116")
    def test_same_message_id_returns_the_same_job(self, connection: Connection) -> None:
        episode_id = new_episode(connection)
        first = new_job(connection, episode_id, sqs_message_id="m1")
        assert new_job(connection, episode_id, sqs_message_id="m1") == first
        assert new_job(connection, episode_id, sqs_message_id="m2") != first

    def test_unknown_episode_violates_the_foreign_key(self, connection: Connection) -> None:
        with pytest.raises(psycopg.errors.ForeignKeyViolation), connection.transaction():
            new_job(connection, uuid4())

    def test_unknown_job_is_none(self, connection: Connection) -> None:
        assert jobs.find(connection, UUID(int=0)) is None

    def test_deleting_the_episode_row_deletes_its_jobs(self, connection: Connection) -> None:
        job = new_job(connection)
        connection.execute("DELETE FROM episodes WHERE episode_id = %s", [job.entity_id])
        assert jobs.find(connection, job.job_id) is None


class TestClaim:
    def test_pending_job_is_claimed_with_a_lease(self, connection: Connection) -> None:
        job = new_job(connection)
        claim = claimed(connection, job)
        row = columns(connection, job.job_id)
        assert (row["status"], row["lease_token"], row["retry_count"]) == ("processing", claim.lease_token, 0)
        assert row["is_held_long"]
        assert row["started_at"] is not None
        assert episode_status(connection, job.entity_id) == "processing"

    def test_leased_job_is_not_claimed(self, connection: Connection) -> None:
        job = new_job(connection)
        assert jobs.claim(connection, job.job_id, 60)
        assert jobs.claim(connection, job.job_id, 60) is None

    def test_expired_lease_is_taken_over(self, connection: Connection) -> None:
        job = new_job(connection)
        first = claimed(connection, job)
        started_at = stored(connection, job).started_at
        end_lease(connection, job.job_id)
        second = claimed(connection, job)
        assert second.lease_token != first.lease_token
        after = stored(connection, job)
        assert (after.retry_count, after.started_at) == (1, started_at)

    def test_claims_are_limited_to_max_retries(self, connection: Connection) -> None:
        job = new_job(connection)
        for attempt in range(3):
            assert claimed(connection, job), attempt
            end_lease(connection, job.job_id)
        assert jobs.claim(connection, job.job_id, 60) is None
        assert stored(connection, job).retry_count == 2

    @pytest.mark.parametrize("end", [jobs.complete, fail])
    def test_finished_job_is_not_claimed(self, connection: Connection, end: End) -> None:
        job = new_job(connection)
        assert end(connection, claimed(connection, job))
        assert stored(connection, job).is_finished
        assert jobs.claim(connection, job.job_id, 60) is None

    def test_missing_job_is_not_claimed(self, connection: Connection) -> None:
        assert jobs.claim(connection, UUID(int=0), 60) is None

    def test_only_one_of_many_concurrent_claims_succeeds(self, application_database: Database) -> None:
        with application_database.transaction() as connection:
            job = new_job(connection)
        claims: list[Claim | None] = []

        def claim() -> None:
            with application_database.transaction() as connection:
                claims.append(jobs.claim(connection, job.job_id, 60))

        threads = [threading.Thread(target=claim) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(claims) == 4
        assert len([each for each in claims if each]) == 1


class TestEnd:
    @pytest.mark.requirement("C-07")
    def test_completed_job_makes_its_episode_complete(self, connection: Connection) -> None:
        job = new_job(connection)
        assert jobs.complete(connection, claimed(connection, job))
        row = columns(connection, job.job_id)
        assert (row["status"], row["lease_token"], row["lease_until"]) == ("completed", None, None)
        assert row["completed_at"] >= row["started_at"]
        assert episode_status(connection, job.entity_id) == "complete"

    @pytest.mark.requirement("NOVA-16", "C-07")
    def test_failed_job_has_its_reason(self, connection: Connection) -> None:
        job = new_job(connection)
        claim = claimed(connection, job)
        assert jobs.fail(connection, claim, error_code="CORRUPT_IMAGE", error_message="it is damaged")
        after = stored(connection, job)
        assert (after.status, after.error_code, after.error_message) == ("failed", "CORRUPT_IMAGE", "it is damaged")
        assert after.completed_at is not None
        assert episode_status(connection, job.entity_id) == "failed"

    def test_released_job_keeps_its_reason_until_it_is_claimed(self, connection: Connection) -> None:
        job = new_job(connection)
        claim = claimed(connection, job)
        assert jobs.release(connection, claim, error_code="SERVICE_UNAVAILABLE", error_message="unavailable")
        after = stored(connection, job)
        assert (after.status, after.error_code, after.retry_count) == ("pending", "SERVICE_UNAVAILABLE", 0)
        assert jobs.claim(connection, job.job_id, 60)
        after = stored(connection, job)
        assert (after.error_code, after.error_message, after.retry_count) == (None, None, 1)

    @pytest.mark.parametrize(
        "end",
        [
            jobs.complete,
            fail,
            release,
        ],
        ids=["complete", "fail", "release"],
    )
    def test_lost_lease_changes_nothing(self, connection: Connection, end: End) -> None:
        job = new_job(connection)
        lost = claimed(connection, job)
        end_lease(connection, job.job_id)
        jobs.claim(connection, job.job_id, 60)
        before = columns(connection, job.job_id)
        assert end(connection, lost) is False
        assert columns(connection, job.job_id) == before
        assert episode_status(connection, job.entity_id) == "processing"

    def test_expired_lease_that_was_not_taken_over_is_valid(self, connection: Connection) -> None:
        job = new_job(connection)
        claim = claimed(connection, job)
        end_lease(connection, job.job_id)
        assert jobs.complete(connection, claim)

    @pytest.mark.parametrize(
        ("row", "ended"),
        [
            (("processing", True, 2, "-1 second"), True),
            (("pending", True, 2, None), True),
            (("processing", True, 2, "1 hour"), False),
            (("pending", True, 1, None), False),
            (("completed", True, 2, None), False),
            (("pending", False, 0, None), False),
        ],
    )
    def test_exhausted_job_is_failed_unless_it_is_leased(
        self, connection: Connection, row: tuple[Any, ...], ended: bool
    ) -> None:
        job = new_job(connection)
        connection.execute(
            """
            UPDATE processing_queue
            SET status = %s, started_at = CASE WHEN %s THEN now() END, retry_count = %s, lease_until = now() + %s::interval
            WHERE job_id = %s
            """,
            [*row, job.job_id],
        )
        before = columns(connection, job.job_id)
        assert jobs.fail_exhausted(connection, job.job_id, error_code="X", error_message="y") is ended
        after = columns(connection, job.job_id)
        assert (after["status"] == "failed") if ended else (after == before)


class TestEpisodeStatus:
    def test_newest_job_decides_the_status(self, connection: Connection) -> None:
        older = new_job(connection)
        newer = new_job(connection, older.entity_id)
        assert jobs.fail(connection, claimed(connection, newer), error_code="X", error_message="y")
        assert jobs.complete(connection, claimed(connection, older))
        assert episode_status(connection, older.entity_id) == "failed"

    def test_other_entity_types_update_no_episode(self, connection: Connection) -> None:
        job = new_job(connection, uuid4(), entity_type="post")
        assert jobs.complete(connection, claimed(connection, job))

    def test_two_jobs_of_one_episode_end_without_a_deadlock(
        self, application_database: Database, database: DatabaseAddress
    ) -> None:
        """The older job holds the lock on the episode while the newer one waits for it."""
        with application_database.transaction() as connection:
            older = new_job(connection)
            newer = new_job(connection, older.entity_id)
            claims = [claimed(connection, job) for job in (older, newer)]
        with psycopg.connect(database.conninfo, row_factory=dict_row) as first:
            assert jobs.complete(first, claims[0])
            second = threading.Thread(target=self.complete, args=(application_database, claims[1]))
            second.start()
            with psycopg.connect(database.conninfo, autocommit=True) as watching:
                while not watching.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                ).fetchone():
                    assert second.is_alive(), "the newer job did not wait for the older one"
            first.execute("UPDATE episodes SET thumbnail_reference = 'older' WHERE episode_id = %s", [older.entity_id])
        second.join()
        with application_database.transaction() as connection:
            assert episode_status(connection, older.entity_id) == "complete"

    @staticmethod
    def complete(application_database: Database, claim: Claim) -> None:
        with application_database.transaction() as connection:
            assert jobs.complete(connection, claim)
