"""Pages of jobs, as Postgres writes them for the API. Workers need none of it."""

from uuid import UUID

from psycopg.sql import SQL

from runtime.features.jobs.schemas import JobStatus, JobType
from runtime.persistence.pages import JsonPage, Listing, PageRequest
from runtime.persistence.transactions import Connection

_LISTING = Listing(
    columns=SQL("""
        job_id, job_type, entity_type, entity_id, status, source_reference, error_code, error_message,
        retry_count, max_retries,
        to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS created_at, created_by,
        to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS started_at,
        to_char(completed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS completed_at
    """),
    source=SQL("processing_queue"),
    row_id="job_id",
)


def list_page(
    connection: Connection,
    page: PageRequest,
    *,
    status: JobStatus | None = None,
    job_type: JobType | None = None,
    entity_id: UUID | None = None,
) -> JsonPage:
    """Jobs, newest first; each filter that is given narrows them."""
    return _LISTING.page(connection, page, status=status, job_type=job_type, entity_id=entity_id)
