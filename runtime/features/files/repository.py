"""Files: the upload sessions with their jobs, as those see them who may."""

from uuid import UUID

from psycopg.sql import SQL

from runtime.features.files.schemas import FileView
from runtime.persistence.pages import EVERY_ROW, JsonPage, ListQuery, PageRequest
from runtime.persistence.timestamps import utc
from runtime.persistence.transactions import Connection

_MINE = SQL("u.user_id = %(visible_to)s")

# Renamed inside, so that filters and pages have the names that clients know.
_LISTING = ListQuery(
    columns=SQL("""
        u.file_id, u.user_id, u.entity_type, u.entity_id, u.file_name, u.content_type AS file_type, u.byte_count,
        u.file_hash AS sha256, u.status, u.job_id, j.status AS job_status, j.error_code,
        j.source_reference AS file_reference,
        {created_at} AS created_at,
        {expires_at} AS expires_at,
        {completed_at} AS completed_at
    """).format(created_at=utc("u.created_at"), expires_at=utc("u.expires_at"), completed_at=utc("u.completed_at")),
    source=SQL("""(
        SELECT upload_id AS file_id, user_id, entity_type, entity_id, file_name, content_type, byte_count, file_hash, job_id,
            created_at, expires_at, completed_at,
            CASE WHEN status = 'pending' AND expires_at <= now() THEN 'expired' ELSE status END AS status
        FROM upload_sessions
    ) u LEFT JOIN processing_queue j USING (job_id)"""),
    row_id="file_id",
    alias="u",
    conditions={"visible_to": _MINE},
)

_FIND = SQL("SELECT {columns} FROM {source} WHERE u.file_id = %(file_id)s AND {mine}")
_FIND_ANY = _FIND.format(columns=_LISTING.columns, source=_LISTING.source, mine=EVERY_ROW)
_FIND_MINE = _FIND.format(columns=_LISTING.columns, source=_LISTING.source, mine=_MINE)

_LOCK = "SELECT FROM upload_sessions WHERE upload_id = %(file_id)s FOR UPDATE"

# A post waits for the upload that was announced with it, and ends with it.
_DELETE_PENDING = """
DELETE FROM upload_sessions
WHERE upload_id = %(file_id)s AND status = 'pending' AND expires_at > now() AND post_id IS NULL
"""


def find(connection: Connection, file_id: UUID, *, visible_to: UUID | None) -> FileView | None:
    """The file, if this user announced it; whoever did, where no user is named."""
    statement = _FIND_ANY if visible_to is None else _FIND_MINE
    row = connection.execute(statement, {"file_id": file_id, "visible_to": visible_to}).fetchone()
    return FileView.model_validate(row) if row else None


def find_for_update(connection: Connection, file_id: UUID, *, visible_to: UUID | None) -> FileView | None:
    """The same. Until the transaction ends no other can complete or end it."""
    connection.execute(_LOCK, {"file_id": file_id})
    return find(connection, file_id, visible_to=visible_to)


def list_page(connection: Connection, page: PageRequest, *, visible_to: UUID | None, **filters: object) -> JsonPage:
    """Files, newest first; each filter that is given narrows them."""
    return _LISTING.page(connection, page, visible=EVERY_ROW, visible_to=visible_to, **filters)


def delete_pending(connection: Connection, file_id: UUID) -> int:
    """Forgets a file that can still be uploaded, and that no post waits for. 1, or 0 for any other."""
    return connection.execute(_DELETE_PENDING, {"file_id": file_id}).rowcount
