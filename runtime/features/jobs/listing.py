"""Pages of jobs, as Postgres writes them for the API. Workers need none of it."""

from uuid import UUID

from psycopg.sql import SQL

from runtime.features.jobs.schemas import JobStatus
from runtime.web.pagination import JsonPage, PageRequest
from runtime.web.transaction import Connection

# One row more than asked for tells whether there is a next page.
_LIST_PAGE = SQL("""
WITH found AS (
    SELECT job_id, job_type, entity_type, entity_id, status, source_reference, error_code, error_message,
           retry_count, max_retries,
           to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS created_at, created_by,
           to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS started_at,
           to_char(completed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS completed_at
    FROM processing_queue
    WHERE job_id < coalesce(%(after)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      AND (%(status)s::text IS NULL OR status = %(status)s)
      AND (%(entity_id)s::uuid IS NULL OR entity_id = %(entity_id)s)
    ORDER BY job_id DESC LIMIT %(limit)s + 1
), page AS (
    SELECT * FROM found ORDER BY job_id DESC LIMIT %(limit)s
)
SELECT coalesce((SELECT json_agg(row_to_json(page) ORDER BY job_id DESC)::text FROM page), '[]') AS items,
       CASE WHEN (SELECT count(*) FROM found) > %(limit)s
            THEN (SELECT job_id FROM page ORDER BY job_id LIMIT 1) END AS last_id
""")


def list_page(
    connection: Connection, page: PageRequest, *, status: JobStatus | None = None, entity_id: UUID | None = None
) -> JsonPage:
    """Jobs, newest first; each filter that is given narrows them."""
    values = {"after": page.after, "limit": page.limit, "status": status, "entity_id": entity_id}
    row = connection.execute(_LIST_PAGE, values).fetchone()
    assert row is not None, "an aggregate always answers one row"  # noqa: S101
    return JsonPage(items=row["items"], last_id=row["last_id"])
