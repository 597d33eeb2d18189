"""The shows table. Soft-deleted shows are not there for anyone who does not ask for them by name."""

from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.sql import SQL, Composed
from psycopg.types.json import Jsonb

from runtime.errors import ConflictError
from runtime.features.shows.schemas import Show
from runtime.web import changes
from runtime.web.pagination import EVERY_ROW, JsonPage, Listing, PageRequest
from runtime.web.transaction import Connection

# One list for single rows and for the pages that Postgres writes as JSON, so that both say the same in the same form.
_COLUMNS = SQL("""
    show_id, name, description, status, metadata,
    to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS created_at, created_by,
    to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS updated_at, updated_by,
    to_char(deleted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS deleted_at, deleted_by, deleted_reason,
    to_char(restored_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS restored_at, restored_by,
    '"' || version || '"' AS etag
""")

_INSERT = SQL("""
INSERT INTO shows (name, description, status, metadata, created_by, updated_by)
VALUES (%(name)s, %(description)s, %(status)s, %(metadata)s, %(user_id)s, %(user_id)s)
RETURNING {columns}
""").format(columns=_COLUMNS)

_FIND = SQL("SELECT {columns} FROM shows WHERE show_id = %(show_id)s").format(columns=_COLUMNS)

_FIND_BY_NAME = SQL("SELECT {columns} FROM shows WHERE name = %(name)s AND deleted_at IS NULL FOR SHARE").format(
    columns=_COLUMNS
)

_UPDATE = SQL("""
UPDATE shows SET {assignments}, updated_by = %(user_id)s
WHERE show_id = %(show_id)s AND ROW({names}) IS DISTINCT FROM ROW({values})
RETURNING {columns}
""")

_DELETE = SQL("""
UPDATE shows SET deleted_at = now(), deleted_by = %(user_id)s, deleted_reason = %(reason)s, updated_by = %(user_id)s
WHERE show_id = %(show_id)s RETURNING {columns}
""").format(columns=_COLUMNS)

_RESTORE = SQL("""
UPDATE shows SET deleted_at = NULL, deleted_by = NULL, deleted_reason = NULL,
    restored_at = now(), restored_by = %(user_id)s, updated_by = %(user_id)s
WHERE show_id = %(show_id)s RETURNING {columns}
""").format(columns=_COLUMNS)

_LISTING = Listing(columns=_COLUMNS, source=SQL("shows"), row_id="show_id")


def insert(
    connection: Connection,
    *,
    name: str,
    description: str | None,
    status: str,
    metadata: dict[str, Any],
    user_id: UUID,
) -> Show:
    """The new show. ConflictError when the name is taken, be it by a show that is deleted."""
    values = {
        "name": name,
        "description": description,
        "status": status,
        "metadata": Jsonb(metadata),
        "user_id": user_id,
    }
    try:
        row = connection.execute(_INSERT, values).fetchone()
    except UniqueViolation:
        raise _taken() from None
    return Show.model_validate(row)


def find(connection: Connection, show_id: UUID, *, include_deleted: bool = False) -> Show | None:
    """The show, if it is there."""
    return _visible(_one(connection, _FIND, {"show_id": show_id}), include_deleted)


def find_and_lock(connection: Connection, show_id: UUID, *, include_deleted: bool = False) -> Show | None:
    """The show, if it is there. Until the transaction ends no other can change it, nor make or restore an episode of it."""
    return _visible(_one(connection, _FIND + SQL(" FOR NO KEY UPDATE"), {"show_id": show_id}), include_deleted)


def find_and_keep(connection: Connection, show_id: UUID) -> Show | None:
    """The show, if it is there. Until the transaction ends no other can change or delete it."""
    return _visible(_one(connection, _FIND + SQL(" FOR SHARE"), {"show_id": show_id}), include_deleted=False)


def find_by_name_and_keep(connection: Connection, name: str) -> Show | None:
    """The show of exactly this name, if it is there. Until the transaction ends no other can change or delete it."""
    return _one(connection, _FIND_BY_NAME, {"name": name})


def update(connection: Connection, show_id: UUID, columns: dict[str, Any], *, user_id: UUID) -> Show | None:
    """The show with these values by column, at least one. None when it has them already; ConflictError when the name is
    taken, be it by a show that is deleted."""
    values = columns | ({"metadata": Jsonb(columns["metadata"])} if "metadata" in columns else {})
    statement = changes.statement(_UPDATE, values, columns=_COLUMNS)
    try:
        return _one(connection, statement, values | {"show_id": show_id, "user_id": user_id})
    except UniqueViolation:
        raise _taken() from None


def delete(connection: Connection, show_id: UUID, *, reason: str | None, user_id: UUID) -> Show | None:
    """Marks the show deleted; answers it as it is now, or None when there is none."""
    return _one(connection, _DELETE, {"show_id": show_id, "reason": reason, "user_id": user_id})


def restore(connection: Connection, show_id: UUID, *, user_id: UUID) -> Show | None:
    """Takes the mark away; answers the show as it is now, or None when there is none."""
    return _one(connection, _RESTORE, {"show_id": show_id, "user_id": user_id})


def list_page(connection: Connection, page: PageRequest, *, include_deleted: bool = False) -> JsonPage:
    """Shows, newest first."""
    visible = EVERY_ROW if include_deleted else SQL("deleted_at IS NULL")
    return _LISTING.page(connection, page, visible=visible)


def _one(connection: Connection, statement: Composed, values: dict[str, Any]) -> Show | None:
    row = connection.execute(statement, values).fetchone()
    return Show.model_validate(row) if row else None


def _visible(show: Show | None, include_deleted: bool) -> Show | None:
    return show if show is None or include_deleted or show.deleted_at is None else None


def _taken() -> ConflictError:
    return ConflictError("There is already a show of this name", field="body.name")
