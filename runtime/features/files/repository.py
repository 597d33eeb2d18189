"""SQL on files: upload sessions joined with their jobs."""

from uuid import UUID

from psycopg.sql import SQL

from runtime.features.files.schemas import FileView
from runtime.persistence.pages import EVERY_ROW, JsonPage, ListQuery, PageRequest
from runtime.persistence.timestamps import utc
from runtime.persistence.transactions import Connection

_OWNED = SQL("u.user_id = %(visible_to)s")

# Columns are renamed in the subquery, so that filters and pages use the names that clients know.
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
    conditions={"visible_to": _OWNED},
)

_FIND = SQL("SELECT {columns} FROM {source} WHERE u.file_id = %(file_id)s AND {visible}")
_FIND_ANY = _FIND.format(columns=_LISTING.columns, source=_LISTING.source, visible=EVERY_ROW)
_FIND_OWNED = _FIND.format(columns=_LISTING.columns, source=_LISTING.source, visible=_OWNED)

_LOCK = "SELECT FROM upload_sessions WHERE upload_id = %(file_id)s FOR UPDATE"

# An upload that was created with a post is deleted with the post.
_DELETE_PENDING = """
DELETE FROM upload_sessions
WHERE upload_id = %(file_id)s AND status = 'pending' AND expires_at > now() AND post_id IS NULL
"""


def find(connection: Connection, file_id: UUID, *, visible_to: UUID | None) -> FileView | None:
    """Return the file, or None; with `visible_to`, only a file of this user."""
    statement = _FIND_ANY if visible_to is None else _FIND_OWNED
    row = connection.execute(statement, {"file_id": file_id, "visible_to": visible_to}).fetchone()
    return FileView.model_validate(row) if row else None


def find_for_update(connection: Connection, file_id: UUID, *, visible_to: UUID | None) -> FileView | None:
    """Return the file as `find` does, locked until the transaction ends."""
    connection.execute(_LOCK, {"file_id": file_id})
    return find(connection, file_id, visible_to=visible_to)


def list_page(connection: Connection, page: PageRequest, *, visible_to: UUID | None, **filters: object) -> JsonPage:
    """List files, newest first, that match the given filters; with `visible_to`, only those of this user."""
    return _LISTING.page(connection, page, visible=EVERY_ROW, visible_to=visible_to, **filters)


def delete_pending(connection: Connection, file_id: UUID) -> int:
    """Delete a pending, unexpired upload that belongs to no post; return the number of deleted rows."""
    return connection.execute(_DELETE_PENDING, {"file_id": file_id}).rowcount
