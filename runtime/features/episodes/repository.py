"""The episodes table. Soft-deleted episodes, and episodes of soft-deleted shows, are not there for anyone who does not ask
for them by name."""

from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.sql import SQL
from psycopg.types.json import Jsonb

from runtime.errors import ConflictError
from runtime.features.episodes.schemas import Episode, EpisodeStatus
from runtime.web import changes
from runtime.web.pagination import EVERY_ROW, JsonPage, Listing, PageRequest
from runtime.web.transaction import Connection

# What a list shows of an episode `e` of a show `s`, in the very form in which it is sent. The search shows the same.
SUMMARY_COLUMNS = SQL("""
    e.episode_id, e.show_id, s.name AS show_name,
    e.title, e.title AS episode_title, e.episode_number, e.season_number, e.status,
    e.description, e.description AS plot_summary,
    e.duration_seconds, e.duration_seconds / 60 AS duration_minutes,
    e.filming_date, e.edit_deadline, e.publish_date, e.air_date, e.processing_status, e.approval_status,
    e.thumbnail_reference, e.tags, e.category, e.genre, e.director, e.writer, e.rating, e.language, e.copyright, e.metadata,
    to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS created_at, e.created_by,
    to_char(e.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS updated_at, e.updated_by,
    to_char(e.deleted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS deleted_at, e.deleted_by, e.deleted_reason,
    to_char(e.restored_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS restored_at, e.restored_by,
    -- The show's version too: an episode is answered with its show's name.
    '"' || e.version || '-' || s.version || '"' AS etag
""")

LIVE = SQL("e.deleted_at IS NULL AND s.deleted_at IS NULL")

_INSERT = """
INSERT INTO episodes (
    show_id, title, episode_number, season_number, status, description, duration_seconds, filming_date, edit_deadline,
    publish_date, air_date, script_text, tags, category, genre, director, writer, rating, language, copyright, metadata,
    created_by, updated_by
) VALUES (
    %(show_id)s, %(title)s, %(episode_number)s, %(season_number)s, %(status)s, %(description)s, %(duration_seconds)s,
    %(filming_date)s, %(edit_deadline)s, %(publish_date)s, %(air_date)s, %(script_text)s, %(tags)s, %(category)s,
    %(genre)s, %(director)s, %(writer)s, %(rating)s, %(language)s, %(copyright)s, %(metadata)s,
    %(user_id)s, %(user_id)s
) RETURNING episode_id
"""

_FIND = SQL("""
SELECT {columns}, e.script_text FROM episodes e JOIN shows s USING (show_id)
WHERE e.episode_id = %(episode_id)s AND {visible}
""")
FIND_LIVE = _FIND.format(columns=SUMMARY_COLUMNS, visible=LIVE)
_FIND_ANY = _FIND.format(columns=SUMMARY_COLUMNS, visible=EVERY_ROW)

_EXISTS = SQL("""
SELECT 1 FROM episodes e JOIN shows s USING (show_id) WHERE e.episode_id = %(episode_id)s AND {visible}
""").format(visible=LIVE)

_LOCK = "SELECT FROM episodes WHERE episode_id = %(episode_id)s FOR NO KEY UPDATE"

_COUNT_OF_SHOW = "SELECT count(*) AS episodes FROM episodes WHERE show_id = %(show_id)s AND deleted_at IS NULL"

_UPDATE = SQL("""
UPDATE episodes SET {assignments}, updated_by = %(user_id)s
WHERE episode_id = %(episode_id)s AND ROW({names}) IS DISTINCT FROM ROW({values})
""")

_DELETE = """
UPDATE episodes SET deleted_at = now(), deleted_by = %(user_id)s, deleted_reason = %(reason)s, updated_by = %(user_id)s
WHERE episode_id = %(episode_id)s
"""

_RESTORE = """
UPDATE episodes SET deleted_at = NULL, deleted_by = NULL, deleted_reason = NULL,
    restored_at = now(), restored_by = %(user_id)s, updated_by = %(user_id)s
WHERE episode_id = %(episode_id)s
"""

LISTING = Listing(
    columns=SUMMARY_COLUMNS, source=SQL("episodes e JOIN shows s USING (show_id)"), row_id="episode_id", alias="e"
)


def insert(connection: Connection, *, show_id: UUID, columns: dict[str, Any], user_id: UUID) -> Episode:
    """The new episode. ConflictError when its number is taken in that season, be it by an episode that is deleted."""
    values = {**columns, "metadata": Jsonb(columns["metadata"]), "show_id": show_id, "user_id": user_id}
    try:
        row = connection.execute(_INSERT, values).fetchone()
    except UniqueViolation:
        raise _taken() from None
    assert row is not None, "RETURNING answers the row"  # noqa: S101
    inserted = find(connection, row["episode_id"])
    assert inserted is not None, "the transaction sees its own row"  # noqa: S101
    return inserted


def find(connection: Connection, episode_id: UUID, *, include_deleted: bool = False) -> Episode | None:
    """The episode with its script, if it is there."""
    statement = _FIND_ANY if include_deleted else FIND_LIVE
    row = connection.execute(statement, {"episode_id": episode_id}).fetchone()
    return Episode.model_validate(row) if row else None


def find_and_lock(connection: Connection, episode_id: UUID, *, include_deleted: bool = False) -> Episode | None:
    """The episode, if it is there. Until the transaction ends no other can change it."""
    # Locked first and read then: what is read with the lock would join the row as it is now with the show as it was
    # before the wait.
    connection.execute(_LOCK, {"episode_id": episode_id})
    return find(connection, episode_id, include_deleted=include_deleted)


def count_of_show(connection: Connection, show_id: UUID) -> int:
    """How many episodes of the show are not deleted."""
    row = connection.execute(_COUNT_OF_SHOW, {"show_id": show_id}).fetchone()
    assert row is not None, "an aggregate always answers one row"  # noqa: S101
    count: int = row["episodes"]
    return count


def update(connection: Connection, episode_id: UUID, columns: dict[str, Any], *, user_id: UUID) -> int:
    """Stores these values by column, at least one. 1, or 0 when the episode has them already; ConflictError when its
    number is taken in that season."""
    values = columns | ({"metadata": Jsonb(columns["metadata"])} if "metadata" in columns else {})
    statement = changes.statement(_UPDATE, values)
    try:
        return connection.execute(statement, values | {"episode_id": episode_id, "user_id": user_id}).rowcount
    except UniqueViolation:
        raise _taken() from None


def delete(connection: Connection, episode_id: UUID, *, reason: str | None, user_id: UUID) -> int:
    """Marks the episode deleted; the number of rows that were."""
    values = {"episode_id": episode_id, "reason": reason, "user_id": user_id}
    return connection.execute(_DELETE, values).rowcount


def restore(connection: Connection, episode_id: UUID, *, user_id: UUID) -> int:
    """Takes the mark away; the number of rows that were."""
    return connection.execute(_RESTORE, {"episode_id": episode_id, "user_id": user_id}).rowcount


def exists(connection: Connection, episode_id: UUID) -> bool:
    """Whether the episode is there."""
    return connection.execute(_EXISTS, {"episode_id": episode_id}).fetchone() is not None


def list_page(
    connection: Connection,
    page: PageRequest,
    *,
    show_id: UUID | None = None,
    status: EpisodeStatus | None = None,
    season_number: int | None = None,
    include_deleted: bool = False,
) -> JsonPage:
    """Episodes, newest first; each filter that is given narrows them."""
    return LISTING.page(
        connection,
        page,
        visible=EVERY_ROW if include_deleted else LIVE,
        show_id=show_id,
        status=status,
        season_number=season_number,
    )


def _taken() -> ConflictError:
    return ConflictError("The show already has an episode of this number in this season", field="body.episode_number")
