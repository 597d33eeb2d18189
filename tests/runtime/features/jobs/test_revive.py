"""Which jobs that were given up are taken up again, and which stay as they are."""

import pytest

from runtime.errors import PlatformError
from runtime.features.jobs import repository as jobs
from tests.runtime.features.stored_rows import new_job


@pytest.fixture
def connection(application_database):
    with application_database.transaction() as opened:
        yield opened


@pytest.fixture
def job(connection):
    return new_job(connection)


def columns(connection, job_id):
    return connection.execute("SELECT * FROM processing_queue WHERE job_id = %s", [job_id]).fetchone()


def fail(connection, job, error_code):
    claim = jobs.claim(connection, job.job_id, 60)
    assert jobs.fail(connection, claim, error_code=error_code, error_message="y")


def set_row(connection, job, **values):
    for column, value in values.items():
        connection.execute(
            f"UPDATE processing_queue SET {column} = {value} WHERE job_id = %s",  # noqa: S608
            [job.job_id],
        )


class TestRevive:
    @pytest.mark.requirement("P2-24")
    @pytest.mark.parametrize("error_code", sorted(jobs.TRANSIENT_ERROR_CODES))
    def test_job_given_up_for_a_passing_cause_has_all_its_attempts_again(self, connection, job, error_code):
        for attempt in range(job.max_retries):
            set_row(connection, job, lease_until="now() - interval '1 second'")
            claim = jobs.claim(connection, job.job_id, 60)
            assert claim, attempt
        assert jobs.fail(connection, claim, error_code=error_code, error_message="y")
        assert jobs.find(connection, job.job_id).is_abandoned

        assert jobs.revive(connection, job.job_id) is True
        row = columns(connection, job.job_id)
        assert (row["status"], row["retry_count"], row["lease_token"]) == ("pending", 0, None)
        assert (row["started_at"], row["completed_at"]) == (None, None)
        for attempt in range(job.max_retries):
            assert jobs.claim(connection, job.job_id, 60), attempt
            assert jobs.find(connection, job.job_id).retry_count == attempt
            set_row(connection, job, lease_until="now() - interval '1 second'")
        assert jobs.claim(connection, job.job_id, 60) is None

    def test_its_episode_follows_with_the_claim(self, connection, job):
        says = "SELECT processing_status FROM episodes WHERE episode_id = %s"
        fail(connection, job, "SERVICE_UNAVAILABLE")
        jobs.revive(connection, job.job_id)
        assert connection.execute(says, [job.entity_id]).fetchone()["processing_status"] == "failed"
        assert jobs.complete(connection, jobs.claim(connection, job.job_id, 60))
        assert connection.execute(says, [job.entity_id]).fetchone()["processing_status"] == "complete"

    @pytest.mark.parametrize("error_code", ["CORRUPT_IMAGE", "SOURCE_MISSING", "TOO_MANY_BYTES", "NOT_FOUND"])
    def test_job_that_failed_because_of_its_image_stays_failed(self, connection, job, error_code):
        fail(connection, job, error_code)
        assert not jobs.find(connection, job.job_id).is_abandoned
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
    def test_job_without_attempts_left_is_revived_unless_somebody_works_on_it(self, connection, job, values, revived):
        set_row(connection, job, started_at="now()")
        set_row(connection, job, **values)
        before = columns(connection, job.job_id)
        assert jobs.revive(connection, job.job_id) is revived
        assert (columns(connection, job.job_id) == before) is not revived

    def test_revived_one_is_not_revived_twice(self, connection, job):
        fail(connection, job, PlatformError.code)
        assert [jobs.revive(connection, job.job_id) for _ in range(2)] == [True, False]

    def test_missing_job_is_not_revived(self, connection, job):
        assert jobs.revive(connection, job.entity_id) is False
