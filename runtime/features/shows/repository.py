"""The shows table. Soft-deleted shows are not there for anyone."""

from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.sql import SQL
from psycopg.types.json import Jsonb

from runtime.errors import ConflictError
from runtime.features.shows.schemas import Show
from runtime.web.pagination import JsonPage, PageRequest
from runtime.web.transaction import Connection

# One list for single rows and for the pages that Postgres writes as JSON, so that both say the same in the same form.
_COLUMNS = SQL("""
    show_id, name, description, status, metadata,
    to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS created_at, created_by,
    to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS updated_at, updated_by
""")

_INSERT = SQL("""
INSERT INTO shows (name, description, status, metadata, created_by, updated_by)
VALUES (%(name)s, %(description)s, %(status)s, %(metadata)s, %(user_id)s, %(user_id)s)
RETURNING {columns}
""").format(columns=_COLUMNS)

_FIND = SQL("SELECT {columns} FROM shows WHERE show_id = %(show_id)s AND deleted_at IS NULL").format(columns=_COLUMNS)

_FIND_BY_NAME = SQL("SELECT {columns} FROM shows WHERE name = %(name)s AND deleted_at IS NULL").format(columns=_COLUMNS)

# One row more than asked for tells whether there is a next page.
_LIST_PAGE = SQL("""
WITH found AS (
    SELECT {columns} FROM shows
    WHERE deleted_at IS NULL AND show_id < coalesce(%(after)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    ORDER BY show_id DESC LIMIT %(limit)s + 1
), page AS (
    SELECT * FROM found ORDER BY show_id DESC LIMIT %(limit)s
)
SELECT coalesce((SELECT json_agg(row_to_json(page) ORDER BY show_id DESC)::text FROM page), '[]') AS items,
       CASE WHEN (SELECT count(*) FROM found) > %(limit)s
            THEN (SELECT show_id FROM page ORDER BY show_id LIMIT 1) END AS last_id
""").format(columns=_COLUMNS)


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
        raise ConflictError("There is already a show of this name", field="body.name") from None
    return Show.model_validate(row)


def find(connection: Connection, show_id: UUID) -> Show | None:
    """The show, if it is there."""
    row = connection.execute(_FIND, {"show_id": show_id}).fetchone()
    return Show.model_validate(row) if row else None


def find_by_name(connection: Connection, name: str) -> Show | None:
    """The show of exactly this name, if it is there."""
    row = connection.execute(_FIND_BY_NAME, {"name": name}).fetchone()
    return Show.model_validate(row) if row else None


def list_page(connection: Connection, page: PageRequest) -> JsonPage:
    """Shows, newest first."""
    row = connection.execute(_LIST_PAGE, {"after": page.after, "limit": page.limit}).fetchone()
    assert row is not None, "an aggregate always answers one row"  # noqa: S101
    return JsonPage(items=row["items"], last_id=row["last_id"])
