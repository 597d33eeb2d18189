"""A job's life in the database: who may claim it, who may end it, and what its episode says meanwhile."""

import threading
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from runtime.features.jobs import repository as jobs
from tests.runtime.features.stored_rows import new_episode, new_job


@pytest.fixture
def connection(application_database):
    with application_database.transaction() as opened:
        yield opened


def columns(connection, job_id):
    return connection.execute(
        "SELECT *, lease_until > clock_timestamp() + interval '50 seconds' AS is_held_long, now() AS now"
        " FROM processing_queue WHERE job_id = %s",
        [job_id],
    ).fetchone()


def end_lease(connection, job_id):
    connection.execute(
        "UPDATE processing_queue SET lease_until = clock_timestamp() - interval '1 second' WHERE job_id = %s", [job_id]
    )


def episode_says(connection, episode_id):
    row = connection.execute("SELECT processing_status FROM episodes WHERE episode_id = %s", [episode_id]).fetchone()
    return row["processing_status"]


class TestInsert:
    @pytest.mark.requirement("P1-07", "C-06")
    def test_job_is_pending_and_found(self, connection):
        person = connection.execute("INSERT INTO users (user_id) VALUES (uuidv7()) RETURNING user_id").fetchone()[
            "user_id"
        ]
        job = jobs.insert(
            connection,
            job_type="thumbnail_generation",
            entity_type="post",
            entity_id=(entity_id := uuid4()),
            source_reference="s3://storage/x",
            source_version_id="v1",
            created_by=person,
        )
        assert (job.status, job.retry_count, job.max_retries, job.started_at, job.is_finished) == (
            "pending",
            0,
            3,
            None,
            False,
        )
        assert (job.entity_id, job.source_version_id, job.created_by) == (entity_id, "v1", person)
        assert job.job_id.version == 7
        assert jobs.find(connection, job.job_id) == job

    def test_id_may_be_given(self, connection):
        job_id = connection.execute("SELECT uuidv7() AS id").fetchone()["id"]
        assert new_job(connection, job_id=job_id).job_id == job_id

    @pytest.mark.requirement("ROAD-116")
    def test_message_has_one_job(self, connection):
        episode_id = new_episode(connection)
        first = new_job(connection, episode_id, sqs_message_id="m1")
        assert new_job(connection, episode_id, sqs_message_id="m1") == first
        assert new_job(connection, episode_id, sqs_message_id="m2") != first

    def test_episode_must_exist(self, connection):
        with pytest.raises(psycopg.errors.ForeignKeyViolation), connection.transaction():
            new_job(connection, uuid4())

    def test_nothing_is_found_where_nothing_is(self, connection):
        assert jobs.find(connection, UUID(int=0)) is None

    def test_job_goes_with_its_episode(self, connection):
        job = new_job(connection)
        connection.execute("DELETE FROM episodes WHERE episode_id = %s", [job.entity_id])
        assert jobs.find(connection, job.job_id) is None


class TestClaim:
    def test_pending_job_is_claimed_for_its_lease(self, connection):
        job = new_job(connection)
        claim = jobs.claim(connection, job.job_id, 60)
        row = columns(connection, job.job_id)
        assert (row["status"], row["lease_token"], row["retry_count"]) == ("processing", claim.lease_token, 0)
        assert row["is_held_long"]
        assert row["started_at"] is not None
        assert episode_says(connection, job.entity_id) == "processing"

    def test_held_job_is_not_claimed(self, connection):
        job = new_job(connection)
        assert jobs.claim(connection, job.job_id, 60)
        assert jobs.claim(connection, job.job_id, 60) is None

    def test_lease_that_ended_is_taken_over(self, connection):
        job = new_job(connection)
        first = jobs.claim(connection, job.job_id, 60)
        started_at = jobs.find(connection, job.job_id).started_at
        end_lease(connection, job.job_id)
        second = jobs.claim(connection, job.job_id, 60)
        assert second.lease_token != first.lease_token
        after = jobs.find(connection, job.job_id)
        assert (after.retry_count, after.started_at) == (1, started_at)

    def test_attempts_are_as_many_as_the_queue_delivers(self, connection):
        job = new_job(connection)
        for attempt in range(3):
            assert jobs.claim(connection, job.job_id, 60), attempt
            end_lease(connection, job.job_id)
        assert jobs.claim(connection, job.job_id, 60) is None
        assert jobs.find(connection, job.job_id).retry_count == 2

    @pytest.mark.parametrize(
        "end", [jobs.complete, lambda c, claim: jobs.fail(c, claim, error_code="X", error_message="y")]
    )
    def test_finished_job_is_not_claimed(self, connection, end):
        job = new_job(connection)
        assert end(connection, jobs.claim(connection, job.job_id, 60))
        assert jobs.find(connection, job.job_id).is_finished
        assert jobs.claim(connection, job.job_id, 60) is None

    def test_missing_job_is_not_claimed(self, connection):
        assert jobs.claim(connection, UUID(int=0), 60) is None

    def test_of_many_at_once_one_has_it(self, application_database):
        with application_database.transaction() as connection:
            job = new_job(connection)
        claims = []

        def claim():
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
    def test_completed_job_makes_its_episode_complete(self, connection):
        job = new_job(connection)
        assert jobs.complete(connection, jobs.claim(connection, job.job_id, 60))
        row = columns(connection, job.job_id)
        assert (row["status"], row["lease_token"], row["lease_until"]) == ("completed", None, None)
        assert row["completed_at"] >= row["started_at"]
        assert episode_says(connection, job.entity_id) == "complete"

    @pytest.mark.requirement("NOVA-16", "C-07")
    def test_failed_job_says_why(self, connection):
        job = new_job(connection)
        claim = jobs.claim(connection, job.job_id, 60)
        assert jobs.fail(connection, claim, error_code="CORRUPT_IMAGE", error_message="it is damaged")
        after = jobs.find(connection, job.job_id)
        assert (after.status, after.error_code, after.error_message) == ("failed", "CORRUPT_IMAGE", "it is damaged")
        assert after.completed_at is not None
        assert episode_says(connection, job.entity_id) == "failed"

    def test_released_job_can_be_claimed_at_once_and_keeps_the_reason_until_then(self, connection):
        job = new_job(connection)
        claim = jobs.claim(connection, job.job_id, 60)
        assert jobs.release(connection, claim, error_code="SERVICE_UNAVAILABLE", error_message="away")
        after = jobs.find(connection, job.job_id)
        assert (after.status, after.error_code, after.retry_count) == ("pending", "SERVICE_UNAVAILABLE", 0)
        assert jobs.claim(connection, job.job_id, 60)
        after = jobs.find(connection, job.job_id)
        assert (after.error_code, after.error_message, after.retry_count) == (None, None, 1)

    @pytest.mark.parametrize(
        "end",
        [
            jobs.complete,
            lambda c, claim: jobs.fail(c, claim, error_code="X", error_message="y"),
            lambda c, claim: jobs.release(c, claim, error_code="X", error_message="y"),
        ],
        ids=["complete", "fail", "release"],
    )
    def test_worker_whose_lease_was_taken_over_changes_nothing(self, connection, end):
        job = new_job(connection)
        lost = jobs.claim(connection, job.job_id, 60)
        end_lease(connection, job.job_id)
        jobs.claim(connection, job.job_id, 60)
        before = columns(connection, job.job_id)
        assert end(connection, lost) is False
        assert columns(connection, job.job_id) == before
        assert episode_says(connection, job.entity_id) == "processing"

    def test_lease_that_ended_but_was_not_taken_over_still_counts(self, connection):
        job = new_job(connection)
        claim = jobs.claim(connection, job.job_id, 60)
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
    def test_job_without_attempts_left_is_ended_unless_somebody_works_on_it(self, connection, row, ended):
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


class TestEpisode:
    def test_newest_job_speaks_for_it(self, connection):
        older = new_job(connection)
        newer = new_job(connection, older.entity_id)
        assert jobs.fail(connection, jobs.claim(connection, newer.job_id, 60), error_code="X", error_message="y")
        assert jobs.complete(connection, jobs.claim(connection, older.job_id, 60))
        assert episode_says(connection, older.entity_id) == "failed"

    def test_other_kinds_of_things_have_no_episode(self, connection):
        job = new_job(connection, uuid4(), entity_type="post")
        assert jobs.complete(connection, jobs.claim(connection, job.job_id, 60))

    def test_two_jobs_of_one_episode_end_without_a_deadlock(self, application_database, database):
        """The older one holds the episode while the newer one wants it, whatever either changes."""
        with application_database.transaction() as connection:
            older = new_job(connection)
            newer = new_job(connection, older.entity_id)
            claims = [jobs.claim(connection, job.job_id, 60) for job in (older, newer)]
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
            assert episode_says(connection, older.entity_id) == "complete"

    @staticmethod
    def complete(application_database, claim):
        with application_database.transaction() as connection:
            assert jobs.complete(connection, claim)
