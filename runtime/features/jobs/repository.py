"""All SQL on processing_queue (P1-07), and the episode's processing_status that follows from it.

A job's life: `pending` until a worker claims it, `processing` while a worker holds its lease, then `completed` or `failed`
for good. A worker whose fault passes releases the job, which is `pending` again; one that was given up for such a fault can
be revived by a later message. Every change after the claim carries the lease's token, so that a worker whose lease was taken
over changes nothing.

`retry_count` is the number of attempts after the first: 0 for a job that went well at once. `max_retries` bounds all
attempts, the first included; it equals the queue's maxReceiveCount (ROAD-42), so that the job and its message give up
together. Times are the database's own: workers' clocks may disagree.

Each table has its own words (C-07). A job that is `completed` makes its episode `complete`; `processing` and `failed` are
the same word in both. The newest job of an episode speaks for it (ids are UUIDv7, which sort by time): a late older one does
not change what is said.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from runtime.errors import PlatformError, RateLimitError, UnavailableError
from runtime.features.jobs.error_codes import ATTEMPTS_EXHAUSTED
from runtime.persistence.transactions import Connection

COLUMNS = """job_id, job_type, entity_type, entity_id, status, source_reference, source_version_id, error_code, error_message,
    retry_count, max_retries, created_at, started_at, completed_at, created_by"""

# The codes of causes that pass; with the first three a worker gives a job up. All others are final.
TRANSIENT_ERROR_CODES = frozenset({PlatformError.code, RateLimitError.code, UnavailableError.code, ATTEMPTS_EXHAUSTED})


@dataclass(frozen=True)
class Job:
    """One row. `completed_at` is when it ended, well or not."""

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
        """Whether nothing is left to do, because it is done or because it was given up."""
        return self.status in {"completed", "failed"}

    @property
    def is_abandoned(self) -> bool:
        """Whether it failed for a cause that passes, so that it can be revived."""
        return self.status == "failed" and self.error_code in TRANSIENT_ERROR_CODES


@dataclass(frozen=True)
class Claim:
    """The right to work on a job until `lease_until`, or until it is claimed again after that."""

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
    """A new pending job. A message id that already has a job answers that job. Raises psycopg's ForeignKeyViolation when the
    entity is an episode that does not exist.
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
    """The job, or None."""
    row = connection.execute(
        f"SELECT {COLUMNS} FROM processing_queue WHERE job_id = %(job_id)s",  # noqa: S608  (a constant)
        {"job_id": job_id},
    ).fetchone()
    return None if row is None else Job(**row)


def claim(connection: Connection, job_id: UUID, lease_seconds: int) -> Claim | None:
    """Takes the job for `lease_seconds`. None when there is no such job, it is finished, another worker's lease on it has not
    ended, or it has no attempt left.
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
    _tell_episode(connection, job_id, "processing")
    return Claim(**row)


def complete(connection: Connection, claim: Claim) -> bool:
    """Ends the job well. False when the lease is no longer the caller's: nothing was changed, and nothing may be."""
    ended = connection.execute(
        """
        UPDATE processing_queue
        SET status = 'completed', completed_at = clock_timestamp(), lease_token = NULL, lease_until = NULL
        WHERE job_id = %(job_id)s AND lease_token = %(lease_token)s
        """,
        {"job_id": claim.job_id, "lease_token": claim.lease_token},
    ).rowcount
    return _ended(connection, claim.job_id, ended, "complete")


def fail(connection: Connection, claim: Claim, *, error_code: str, error_message: str) -> bool:
    """Ends the job with a reason (NOVA-16). False when the lease is no longer the caller's."""
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
    return _ended(connection, claim.job_id, ended, "failed")


def fail_exhausted(connection: Connection, job_id: UUID, *, error_code: str, error_message: str) -> bool:
    """Ends a job that has no attempt left and that nobody works on. False when it is no such job."""
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
    return _ended(connection, job_id, ended, "failed")


def fail_pending(connection: Connection, job_id: UUID, *, error_code: str, error_message: str) -> bool:
    """Ends a job that no worker was ever told of. False when it is no such job."""
    ended = connection.execute(
        """
        UPDATE processing_queue
        SET status = 'failed', completed_at = clock_timestamp(), error_code = %(error_code)s, error_message = %(error_message)s
        WHERE job_id = %(job_id)s AND status = 'pending' AND started_at IS NULL
        """,
        {"job_id": job_id, "error_code": error_code, "error_message": error_message},
    ).rowcount
    return _ended(connection, job_id, ended, "failed")


def find_abandoned(connection: Connection, *, limit: int) -> list[UUID]:
    """Jobs that have no attempt left and that nobody works on: their workers died. The longest started first."""
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
    """Gives the job back, so that the next delivery may claim it at once; why stays with it. False as in `fail`."""
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
    """Makes a job pending that was given up for a cause that passes, or that has no attempt left while nobody works on it.

    It has all its attempts again; what its episode says changes when it is claimed. False when it is no such job.
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


def _ended(connection: Connection, job_id: UUID, count: int, episode_status: str) -> bool:
    if count:
        _tell_episode(connection, job_id, episode_status)
    return count == 1


def _tell_episode(connection: Connection, job_id: UUID, status: str) -> None:
    # The episode is locked whether or not it changes: two jobs of one episode then write its thumbnails one after the other,
    # where each would otherwise come to wait for a row that the other holds.
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
