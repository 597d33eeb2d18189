"""Jobs read and claimed directly through the repository."""

from typing import Any
from uuid import UUID

from runtime.features.jobs import repository as jobs
from runtime.features.jobs.repository import Claim, Job
from runtime.persistence.transactions import Connection


def claimed(connection: Connection, job: Job) -> Claim:
    """Claim the job for a minute."""
    claim = jobs.claim(connection, job.job_id, 60)
    assert claim
    return claim


def stored(connection: Connection, job: Job) -> Job:
    """Return the job as it is stored."""
    found = jobs.find(connection, job.job_id)
    assert found
    return found


def columns(connection: Connection, job_id: UUID) -> dict[str, Any]:
    """Return all columns of the job, and whether its lease holds for another 50 seconds."""
    row = connection.execute(
        "SELECT *, lease_until > clock_timestamp() + interval '50 seconds' AS is_held_long"
        " FROM processing_queue WHERE job_id = %s",
        [job_id],
    ).fetchone()
    assert row
    return row


def episode_status(connection: Connection, episode_id: UUID) -> str:
    """Return the episode's processing status."""
    row = connection.execute("SELECT processing_status FROM episodes WHERE episode_id = %s", [episode_id]).fetchone()
    assert row
    return str(row["processing_status"])
