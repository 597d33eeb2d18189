"""SQL on processing_queue for workers (P1-07), including the processing_status of the job's episode.

A job is `pending` until a worker claims it, `processing` while a worker holds its lease, then `completed` or `failed`. A worker
with a transient error releases the job, which is `pending` again; a job that failed for a transient error can be revived by a
later message. Every change after the claim requires the lease token, so that a worker whose lease was taken over changes
nothing.

`retry_count` is the number of attempts after the first. `max_retries` limits all attempts, the first included; it equals the
queue's maxReceiveCount (ROAD-42), so that the job and its message run out of attempts together. Times are the database's own:
workers' clocks may differ.

Each table has its own status values (C-07): a `completed` job makes its episode `complete`; `processing` and `failed` are the
same in both. The newest job of an episode (ids are UUIDv7, which sort by time) decides; an older one that ends later changes
nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from runtime.errors import PlatformError, RateLimitError, UnavailableError
from runtime.features.jobs.error_codes import ATTEMPTS_EXHAUSTED
from runtime.persistence.transactions import Connection

COLUMNS = """job_id, job_type, entity_type, entity_id, status, source_reference, source_version_id, error_code, error_message,
    retry_count, max_retries, created_at, started_at, completed_at, created_by"""

# Errors after which a job can be revived; workers abandon a job with one of the first three. All other codes are final.
TRANSIENT_ERROR_CODES = frozenset({PlatformError.code, RateLimitError.code, UnavailableError.code, ATTEMPTS_EXHAUSTED})


@dataclass(frozen=True)
class Job:
    """A row of processing_queue. `completed_at` is when the job ended, successfully or not."""

    job_id: UUID
    job_type: str
    entity_type: str
    entity_id: UUID
    status: str
    source_reference: str
    source_version_id: str | None
    error_code: str | None
    error_message: str | None
    retry_count: int
    max_retries: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    created_by: UUID | None

    @property
    def is_finished(self) -> bool:
        """Whether the job is completed or failed."""
        return self.status in {"completed", "failed"}

    @property
    def is_abandoned(self) -> bool:
        """Whether the job failed for a transient error, so that it can be revived."""
        return self.status == "failed" and self.error_code in TRANSIENT_ERROR_CODES


@dataclass(frozen=True)
class Claim:
    """A worker's lease on a job. It holds until `lease_until`, and after that until another worker claims the job."""

    job_id: UUID
    lease_token: UUID
    lease_until: datetime


def insert(
    connection: Connection,
    *,
    job_id: UUID | None = None,
    job_type: str,
    entity_type: str,
    entity_id: UUID,
    source_reference: str,
    source_version_id: str | None,
    created_by: UUID | None,
    sqs_message_id: str | None = None,
) -> Job:
    """Insert a pending job, or return the existing one if the message id already has a job.

    Raises:
        psycopg.errors.ForeignKeyViolation: The entity is an episode that does not exist.
    """
    row = connection.execute(
        f"""
        INSERT INTO processing_queue AS job
            (job_id, job_type, entity_type, entity_id, source_reference, source_version_id, created_by, sqs_message_id)
        VALUES
            (coalesce(%(job_id)s, uuidv7()), %(job_type)s, %(entity_type)s, %(entity_id)s, %(source_reference)s,
             %(source_version_id)s, %(created_by)s, %(sqs_message_id)s)
        ON CONFLICT (sqs_message_id) DO UPDATE SET sqs_message_id = job.sqs_message_id
        RETURNING {COLUMNS}
        """,  # noqa: S608  (the column list is a constant)
        {
            "job_id": job_id,
            "job_type": job_type,
            "entity_type": entity_type,
            "entity_id": entity_id,
            "source_reference": source_reference,
            "source_version_id": source_version_id,
            "created_by": created_by,
            "sqs_message_id": sqs_message_id,
        },
    ).fetchone()
    assert row is not None  # noqa: S101  (an upsert always returns its row)
    return Job(**row)


def find(connection: Connection, job_id: UUID) -> Job | None:
    """Return the job, or None if it does not exist."""
    row = connection.execute(
        f"SELECT {COLUMNS} FROM processing_queue WHERE job_id = %(job_id)s",  # noqa: S608  (a constant)
        {"job_id": job_id},
    ).fetchone()
    return None if row is None else Job(**row)


def claim(connection: Connection, job_id: UUID, lease_seconds: int) -> Claim | None:
    """Claim the job for `lease_seconds`.

    Returns:
        None if the job does not exist, is finished, is leased to another worker, or has no attempt left.
    """
    row = connection.execute(
        """
        UPDATE processing_queue
        SET status = 'processing',
            retry_count = CASE WHEN started_at IS NULL THEN 0 ELSE retry_count + 1 END,
            lease_token = gen_random_uuid(),
            lease_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s),
            started_at = coalesce(started_at, clock_timestamp()),
            error_code = NULL,
            error_message = NULL
        WHERE job_id = %(job_id)s
          AND (status = 'pending' OR (status = 'processing' AND lease_until <= clock_timestamp()))
          AND (started_at IS NULL OR retry_count + 1 < max_retries)
        RETURNING job_id, lease_token, lease_until
        """,
        {"job_id": job_id, "lease_seconds": lease_seconds},
    ).fetchone()
    if row is None:
        return None
    _update_episode_status(connection, job_id, "processing")
    return Claim(**row)


def complete(connection: Connection, claim: Claim) -> bool:
    """Mark the job completed. False, without a change, if the caller no longer holds the lease."""
    ended = connection.execute(
        """
        UPDATE processing_queue
        SET status = 'completed', completed_at = clock_timestamp(), lease_token = NULL, lease_until = NULL
        WHERE job_id = %(job_id)s AND lease_token = %(lease_token)s
        """,
        {"job_id": claim.job_id, "lease_token": claim.lease_token},
    ).rowcount
    return _finish(connection, claim.job_id, ended, "complete")


def fail(connection: Connection, claim: Claim, *, error_code: str, error_message: str) -> bool:
    """Mark the job failed with a reason (NOVA-16). False, without a change, if the caller no longer holds the lease."""
    ended = connection.execute(
        """
        UPDATE processing_queue
        SET status = 'failed', completed_at = clock_timestamp(), lease_token = NULL, lease_until = NULL,
            error_code = %(error_code)s, error_message = %(error_message)s
        WHERE job_id = %(job_id)s AND lease_token = %(lease_token)s
        """,
        {
            "job_id": claim.job_id,
            "lease_token": claim.lease_token,
            "error_code": error_code,
            "error_message": error_message,
        },
    ).rowcount
    return _finish(connection, claim.job_id, ended, "failed")


def fail_exhausted(connection: Connection, job_id: UUID, *, error_code: str, error_message: str) -> bool:
    """Mark a job failed that has no attempt left and no valid lease. False for any other job."""
    ended = connection.execute(
        """
        UPDATE processing_queue
        SET status = 'failed', completed_at = clock_timestamp(), lease_token = NULL, lease_until = NULL,
            error_code = %(error_code)s, error_message = %(error_message)s
        WHERE job_id = %(job_id)s AND started_at IS NOT NULL AND retry_count + 1 >= max_retries
          AND (status = 'pending' OR (status = 'processing' AND lease_until <= clock_timestamp()))
        """,
        {"job_id": job_id, "error_code": error_code, "error_message": error_message},
    ).rowcount
    return _finish(connection, job_id, ended, "failed")


def fail_pending(connection: Connection, job_id: UUID, *, error_code: str, error_message: str) -> bool:
    """Mark a job failed that no worker has ever claimed. False for any other job."""
    ended = connection.execute(
        """
        UPDATE processing_queue
        SET status = 'failed', completed_at = clock_timestamp(), error_code = %(error_code)s, error_message = %(error_message)s
        WHERE job_id = %(job_id)s AND status = 'pending' AND started_at IS NULL
        """,
        {"job_id": job_id, "error_code": error_code, "error_message": error_message},
    ).rowcount
    return _finish(connection, job_id, ended, "failed")


def find_exhausted(connection: Connection, *, limit: int) -> list[UUID]:
    """Return jobs whose last attempt ended with an expired lease (the worker died), earliest started first."""
    found = connection.execute(
        """
        SELECT job_id FROM processing_queue
        WHERE status = 'processing' AND lease_until <= clock_timestamp() AND retry_count + 1 >= max_retries
        ORDER BY started_at LIMIT %(limit)s
        """,
        {"limit": limit},
    )
    return [row["job_id"] for row in found]


def release(connection: Connection, claim: Claim, *, error_code: str, error_message: str) -> bool:
    """Make the job pending again and record the error, so that the next delivery can claim it. False as in `fail`."""
    released = connection.execute(
        """
        UPDATE processing_queue
        SET status = 'pending', lease_token = NULL, lease_until = NULL,
            error_code = %(error_code)s, error_message = %(error_message)s
        WHERE job_id = %(job_id)s AND lease_token = %(lease_token)s
        """,
        {
            "job_id": claim.job_id,
            "lease_token": claim.lease_token,
            "error_code": error_code,
            "error_message": error_message,
        },
    ).rowcount
    return released == 1


def revive(connection: Connection, job_id: UUID) -> bool:
    """Make a job pending with all its attempts if it is abandoned, or has no attempt left and no valid lease.

    The episode's processing_status changes when the job is claimed. False for any other job.
    """
    revived = connection.execute(
        """
        UPDATE processing_queue
        SET status = 'pending', retry_count = 0, started_at = NULL, completed_at = NULL, lease_token = NULL, lease_until = NULL
        WHERE job_id = %(job_id)s
          AND ((status = 'failed' AND error_code = ANY(%(transient_error_codes)s))
               OR (started_at IS NOT NULL AND retry_count + 1 >= max_retries
                   AND (status = 'pending' OR (status = 'processing' AND lease_until <= clock_timestamp()))))
        """,
        {"job_id": job_id, "transient_error_codes": sorted(TRANSIENT_ERROR_CODES)},
    ).rowcount
    return revived == 1


def _finish(connection: Connection, job_id: UUID, count: int, episode_status: str) -> bool:
    if count:
        _update_episode_status(connection, job_id, episode_status)
    return count == 1


def _update_episode_status(connection: Connection, job_id: UUID, status: str) -> None:
    # The episode is locked even if it does not change: two jobs of one episode then write its thumbnails one after the other
    # instead of deadlocking on each other's rows.
    connection.execute(
        """
        SELECT FROM episodes JOIN processing_queue AS job USING (episode_id)
        WHERE job.job_id = %(job_id)s FOR NO KEY UPDATE OF episodes
        """,
        {"job_id": job_id},
    )
    connection.execute(
        """
        UPDATE episodes SET processing_status = %(status)s
        FROM processing_queue AS job
        WHERE job.job_id = %(job_id)s AND episodes.episode_id = job.episode_id AND processing_status <> %(status)s
          AND NOT EXISTS (
              SELECT FROM processing_queue AS newer
              WHERE newer.episode_id = job.episode_id AND newer.job_type = job.job_type AND newer.job_id > job.job_id
          )
        """,
        {"job_id": job_id, "status": status},
    )
