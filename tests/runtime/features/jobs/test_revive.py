"""Reviving jobs: abandoned and exhausted jobs become pending, all others do not change."""

from collections.abc import Iterator

import pytest

from runtime.adapters.database import Database
from runtime.errors import PlatformError
from runtime.features.jobs import repository as jobs
from runtime.features.jobs.repository import Job
from runtime.persistence.transactions import Connection
from tests.runtime.features.jobs.job_state import claimed, columns, episode_status, stored
from tests.runtime.features.stored_rows import new_job


@pytest.fixture
def connection(application_database: Database) -> Iterator[Connection]:
    with application_database.transaction() as opened:
        yield opened


@pytest.fixture
def job(connection: Connection) -> Job:
    return new_job(connection)


def fail(connection: Connection, job: Job, error_code: str) -> None:
    assert jobs.fail(connection, claimed(connection, job), error_code=error_code, error_message="y")


def set_row(connection: Connection, job: Job, **values: str) -> None:
    for column, value in values.items():
        connection.execute(
            f"UPDATE processing_queue SET {column} = {value} WHERE job_id = %s".encode(),  # noqa: S608
            [job.job_id],
        )


class TestRevive:
    @pytest.mark.requirement("P2-24")
    @pytest.mark.parametrize("error_code", sorted(jobs.TRANSIENT_ERROR_CODES))
    def test_job_abandoned_for_a_transient_error_gets_all_attempts_again(
        self, connection: Connection, job: Job, error_code: str
    ) -> None:
        for attempt in range(job.max_retries):
            set_row(connection, job, lease_until="now() - interval '1 second'")
            claim = jobs.claim(connection, job.job_id, 60)
            assert claim, attempt
        assert claim
        assert jobs.fail(connection, claim, error_code=error_code, error_message="y")
        assert stored(connection, job).is_abandoned

        assert jobs.revive(connection, job.job_id) is True
        row = columns(connection, job.job_id)
        assert (row["status"], row["retry_count"], row["lease_token"]) == ("pending", 0, None)
        assert (row["started_at"], row["completed_at"]) == (None, None)
        for attempt in range(job.max_retries):
            assert jobs.claim(connection, job.job_id, 60), attempt
            assert stored(connection, job).retry_count == attempt
            set_row(connection, job, lease_until="now() - interval '1 second'")
        assert jobs.claim(connection, job.job_id, 60) is None

    def test_episode_status_changes_with_the_next_claim(self, connection: Connection, job: Job) -> None:
        fail(connection, job, "SERVICE_UNAVAILABLE")
        jobs.revive(connection, job.job_id)
        assert episode_status(connection, job.entity_id) == "failed"
        assert jobs.complete(connection, claimed(connection, job))
        assert episode_status(connection, job.entity_id) == "complete"

    @pytest.mark.parametrize("error_code", ["CORRUPT_IMAGE", "SOURCE_MISSING", "TOO_MANY_BYTES", "NOT_FOUND"])
    def test_permanently_failed_job_is_not_revived(self, connection: Connection, job: Job, error_code: str) -> None:
        fail(connection, job, error_code)
        assert not stored(connection, job).is_abandoned
        before = columns(connection, job.job_id)
        assert jobs.revive(connection, job.job_id) is False
        assert columns(connection, job.job_id) == before

    @pytest.mark.parametrize(
        ("values", "revived"),
        [
            ({"status": "'processing'", "retry_count": "2", "lease_until": "now() - interval '1 second'"}, True),
            ({"status": "'pending'", "retry_count": "2"}, True),
            ({"status": "'processing'", "retry_count": "2", "lease_until": "now() + interval '1 hour'"}, False),
            ({"status": "'processing'", "retry_count": "1", "lease_until": "now() - interval '1 second'"}, False),
            ({"status": "'pending'", "retry_count": "1"}, False),
            ({"status": "'completed'", "retry_count": "2", "error_code": "'SERVER_ERROR'"}, False),
            ({"status": "'pending'", "started_at": "NULL", "retry_count": "2"}, False),
        ],
        ids=str,
    )
    def test_exhausted_job_is_revived_unless_it_is_leased(
        self, connection: Connection, job: Job, values: dict[str, str], revived: bool
    ) -> None:
        set_row(connection, job, started_at="now()")
        set_row(connection, job, **values)
        before = columns(connection, job.job_id)
        assert jobs.revive(connection, job.job_id) is revived
        assert (columns(connection, job.job_id) == before) is not revived

    def test_revived_job_is_not_revived_again(self, connection: Connection, job: Job) -> None:
        fail(connection, job, PlatformError.code)
        assert [jobs.revive(connection, job.job_id) for _ in range(2)] == [True, False]

    def test_missing_job_is_not_revived(self, connection: Connection, job: Job) -> None:
        assert jobs.revive(connection, job.entity_id) is False
