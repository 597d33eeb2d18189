"""SQL on processing_queue for those who ask for work: how full the queue is, what can be done again. Workers need none of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from runtime.features.jobs.repository import COLUMNS, TRANSIENT_ERROR_CODES, Job
from runtime.persistence.transactions import Connection

# Any fixed number; it is this table's key among the database's advisory locks.
ADVISORY_LOCK = 2_026_112_101

_LOCK_DEPTH = "SELECT pg_advisory_xact_lock(%(key)s)"

# No further than the limit: a backlog of any length is counted as quickly.
_COUNT_UNFINISHED = """
SELECT count(*) AS jobs FROM (
    SELECT FROM processing_queue WHERE status IN ('pending', 'processing') LIMIT %(at_most)s
) AS unfinished
"""

_COUNT = """
SELECT job_type, status, count(*) AS jobs, extract(epoch FROM now() - min(created_at))::bigint AS oldest_seconds
FROM processing_queue GROUP BY job_type, status
"""

_FIND_ORIGINAL = f"""
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

_IS_WORKED_ON = """
SELECT FROM processing_queue
WHERE entity_type = %(entity_type)s AND entity_id = %(entity_id)s AND status = 'processing' LIMIT 1
"""


@dataclass(frozen=True, kw_only=True)
class JobCount:
    """How many jobs of a type stand where, and how long ago the first of them was made."""

    job_type: str
    status: str
    jobs: int
    oldest_seconds: int


def lock_and_count_unfinished(connection: Connection, *, at_most: int) -> int:
    """How many jobs wait or run, as far as `at_most`. Until the transaction ends nobody else is told."""
    connection.execute(_LOCK_DEPTH, {"key": ADVISORY_LOCK})
    # A statement of its own, so that it sees what was committed while this one waited.
    row = connection.execute(_COUNT_UNFINISHED, {"at_most": at_most}).fetchone()
    assert row is not None, "an aggregate always answers one row"  # noqa: S101
    jobs: int = row["jobs"]
    return jobs


def new_job_id(connection: Connection) -> UUID:
    """An id for a job whose address has to be known before its row is made."""
    row = connection.execute("SELECT uuidv7() AS job_id").fetchone()
    assert row is not None, "a SELECT without FROM answers one row"  # noqa: S101
    job_id: UUID = row["job_id"]
    return job_id


def count(connection: Connection) -> list[JobCount]:
    """All jobs there are, by type and status; no entry where there are none."""
    return [JobCount(**row) for row in connection.execute(_COUNT)]


def find_original(
    connection: Connection, entity_type: str, entity_id: UUID, *, job_type: str, originals: str
) -> Job | None:
    """The newest job of the entity whose source begins with `originals` and was not refused for good, if there is one."""
    values = {
        "entity_type": entity_type,
        "entity_id": entity_id,
        "job_type": job_type,
        "originals": originals,
        "transient_error_codes": sorted(TRANSIENT_ERROR_CODES),
    }
    row = connection.execute(_FIND_ORIGINAL, values).fetchone()
    return None if row is None else Job(**row)


def find_for_update(connection: Connection, job_ids: Sequence[UUID]) -> dict[UUID, Job]:
    """Those of the jobs that there are, by id. Until the transaction ends nobody else changes them."""
    rows = connection.execute(_LOCK, {"job_ids": list(job_ids)})
    return {row["job_id"]: Job(**row) for row in rows}


def retry(connection: Connection, job_ids: Sequence[UUID]) -> dict[UUID, Job]:
    """Those of the jobs that had failed, by id: pending, with all their attempts again."""
    rows = connection.execute(_RETRY, {"job_ids": list(job_ids)})
    return {row["job_id"]: Job(**row) for row in rows}


def has_running_job(connection: Connection, entity_type: str, entity_id: UUID) -> bool:
    """Whether a worker has a job of the entity, or had one and did not come back."""
    found = connection.execute(_IS_WORKED_ON, {"entity_type": entity_type, "entity_id": entity_id})
    return found.rowcount == 1
