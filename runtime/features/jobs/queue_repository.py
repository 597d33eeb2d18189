"""SQL on processing_queue for the API: queue depth, pages of jobs, retries. The workers' SQL is in `repository`."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.sql import SQL

from runtime.features.jobs.job_types import JobStatus, JobType
from runtime.features.jobs.repository import COLUMNS, TRANSIENT_ERROR_CODES, Job
from runtime.persistence.pages import JsonPage, ListQuery, PageRequest
from runtime.persistence.timestamps import utc
from runtime.persistence.transactions import Connection

# Any fixed number that no other advisory lock of the database uses.
ADVISORY_LOCK = 2_026_112_101

_LISTING = ListQuery(
    columns=SQL("""
        job_id, job_type, entity_type, entity_id, status, source_reference, error_code, error_message,
        retry_count, max_retries,
        {created_at} AS created_at, created_by,
        {started_at} AS started_at,
        {completed_at} AS completed_at
    """).format(created_at=utc("created_at"), started_at=utc("started_at"), completed_at=utc("completed_at")),
    source=SQL("processing_queue"),
    row_id="job_id",
)

_LOCK_DEPTH = "SELECT pg_advisory_xact_lock(%(key)s)"

# Counts no further than the limit, so that the time does not depend on the length of the backlog.
_COUNT_UNFINISHED = """
SELECT count(*) AS jobs FROM (
    SELECT FROM processing_queue WHERE status IN ('pending', 'processing') LIMIT %(at_most)s
) AS unfinished
"""

_COUNT = """
SELECT job_type, status, count(*) AS jobs, extract(epoch FROM now() - min(created_at))::bigint AS oldest_seconds
FROM processing_queue GROUP BY job_type, status
"""

_FIND_LATEST_WITH_ORIGINAL = f"""
SELECT {COLUMNS} FROM processing_queue
WHERE entity_type = %(entity_type)s AND entity_id = %(entity_id)s AND job_type = %(job_type)s
  AND starts_with(source_reference, %(originals)s)
  AND (status <> 'failed' OR error_code = ANY(%(transient_error_codes)s))
ORDER BY job_id DESC LIMIT 1
"""  # noqa: S608  (the column list is a constant)

_LOCK = f"""
SELECT {COLUMNS} FROM processing_queue WHERE job_id = ANY(%(job_ids)s) ORDER BY job_id FOR NO KEY UPDATE
"""  # noqa: S608  (the column list is a constant)

_RETRY = f"""
UPDATE processing_queue
SET status = 'pending', retry_count = 0, started_at = NULL, completed_at = NULL, lease_token = NULL, lease_until = NULL,
    error_code = NULL, error_message = NULL
WHERE job_id = ANY(%(job_ids)s) AND status = 'failed'
RETURNING {COLUMNS}
"""  # noqa: S608  (the column list is a constant)

_HAS_RUNNING_JOB = """
SELECT FROM processing_queue
WHERE entity_type = %(entity_type)s AND entity_id = %(entity_id)s AND status = 'processing' LIMIT 1
"""


@dataclass(frozen=True, kw_only=True)
class JobCount:
    """Number of jobs of one type and status, and the age of the oldest."""

    job_type: str
    status: str
    jobs: int
    oldest_seconds: int


def list_page(
    connection: Connection,
    page: PageRequest,
    *,
    status: JobStatus | None = None,
    job_type: JobType | None = None,
    entity_id: UUID | None = None,
) -> JsonPage:
    """List jobs, newest first, that match the given filters."""
    return _LISTING.page(connection, page, status=status, job_type=job_type, entity_id=entity_id)


def lock_and_count_unfinished(connection: Connection, *, at_most: int) -> int:
    """Count pending and running jobs up to `at_most`; other callers wait until this transaction ends."""
    connection.execute(_LOCK_DEPTH, {"key": ADVISORY_LOCK})
    # A separate statement, so that it sees what was committed while this one waited.
    row = connection.execute(_COUNT_UNFINISHED, {"at_most": at_most}).fetchone()
    assert row is not None, "an aggregate always returns one row"  # noqa: S101
    jobs: int = row["jobs"]
    return jobs


def generate_job_id(connection: Connection) -> UUID:
    """Generate an id for a job whose object key has to be known before its row is inserted."""
    row = connection.execute("SELECT uuidv7() AS job_id").fetchone()
    assert row is not None, "a SELECT without FROM returns one row"  # noqa: S101
    job_id: UUID = row["job_id"]
    return job_id


def count(connection: Connection) -> list[JobCount]:
    """Count all jobs by type and status; combinations without jobs have no entry."""
    return [JobCount(**row) for row in connection.execute(_COUNT)]


def find_latest_with_original(
    connection: Connection, entity_type: str, entity_id: UUID, *, job_type: str, originals: str
) -> Job | None:
    """Return the entity's newest job that did not fail permanently and whose source starts with `originals`."""
    values = {
        "entity_type": entity_type,
        "entity_id": entity_id,
        "job_type": job_type,
        "originals": originals,
        "transient_error_codes": sorted(TRANSIENT_ERROR_CODES),
    }
    row = connection.execute(_FIND_LATEST_WITH_ORIGINAL, values).fetchone()
    return None if row is None else Job(**row)


def find_for_update(connection: Connection, job_ids: Sequence[UUID]) -> dict[UUID, Job]:
    """Return the existing jobs by id, locked until the transaction ends."""
    rows = connection.execute(_LOCK, {"job_ids": list(job_ids)})
    return {row["job_id"]: Job(**row) for row in rows}


def retry(connection: Connection, job_ids: Sequence[UUID]) -> dict[UUID, Job]:
    """Make failed jobs pending again with all their attempts; return those that were failed, by id."""
    rows = connection.execute(_RETRY, {"job_ids": list(job_ids)})
    return {row["job_id"]: Job(**row) for row in rows}


def has_running_job(connection: Connection, entity_type: str, entity_id: UUID) -> bool:
    """Return whether a job of the entity is `processing`, also when its worker died."""
    found = connection.execute(_HAS_RUNNING_JOB, {"entity_type": entity_type, "entity_id": entity_id})
    return found.rowcount == 1
