"""Pages of jobs, as Postgres writes them for the API. Workers need none of it."""

from uuid import UUID

from psycopg.sql import SQL

from runtime.features.jobs.job_types import JobStatus, JobType
from runtime.persistence.pages import JsonPage, ListQuery, PageRequest
from runtime.persistence.timestamps import utc
from runtime.persistence.transactions import Connection

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
