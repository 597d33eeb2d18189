"""SQL on clips, including duplicates: clips with the same file."""

from uuid import UUID

from psycopg.sql import SQL

from runtime.errors import NotFoundError
from runtime.features.clips.schemas import MAX_CLIPS, Clip
from runtime.mechanisms.records.assets import has_tag
from runtime.mechanisms.records.table import Table
from runtime.persistence.pages import JsonPage, Order, PageRequest, Position
from runtime.persistence.timestamps import utc
from runtime.persistence.transactions import Connection

# Postgres converts this text to the transaction's start time when it is assigned to a timestamp.
TRANSACTION_TIME = "now"
DUPLICATES_ORDER = "file_hash"

TABLE = Table(
    name="clips",
    alias="c",
    row_id="clip_id",
    model=Clip,
    columns=SQL("""
        c.clip_id, c.episode_id, c.guest_id, c.title, c.description, c.talent_source, c.quality, c.status,
        c.file_name, c.file_reference, c.file_hash, c.byte_count, c.duration_seconds, c.recorded_on, c.notes,
        c.tags, c.thumbnail_reference, c.metadata,
        {assigned_at} AS assigned_at, c.assigned_by
    """).format(assigned_at=utc("c.assigned_at")),
    constraint_errors={"clips_guest_id_fkey": lambda: NotFoundError("Guest not found", field="body.guest_id")},
    orders={
        "title": Order(by=SQL("lower(c.title)")),
        "updated_at": Order(by=SQL("c.updated_at"), type="timestamptz"),
        # Clips without a duration sort as the longest. The value is one above the largest integer.
        "duration_seconds": Order(by=SQL("coalesce(c.duration_seconds::bigint, 2147483648)"), type="bigint"),
    },
    conditions={
        "tag": has_tag("c"),
        "assigned": SQL("(c.episode_id IS NOT NULL) = %(assigned)s"),
        "duplicate_of": SQL("""c.clip_id <> %(duplicate_of)s
            AND c.file_hash = (SELECT file_hash FROM clips WHERE clip_id = %(duplicate_of)s)"""),
    },
)

_LOCK_HASH = "SELECT pg_advisory_xact_lock(hashtextextended('clips.file_hash ' || %(file_hash)s, 0))"
_FIND_BY_HASH = """
SELECT clip_id FROM clips WHERE file_hash = %(file_hash)s AND deleted_at IS NULL ORDER BY clip_id LIMIT 1
"""
# The index is sorted by hash, so that a page reads no further than its last group.
_DUPLICATES = """
WITH found AS (
    SELECT file_hash, count(*) AS count, (array_agg(clip_id ORDER BY clip_id))[1:%(max_clips)s] AS clip_ids
    FROM clips WHERE deleted_at IS NULL AND file_hash > %(after)s
    GROUP BY file_hash HAVING count(*) > 1 ORDER BY file_hash LIMIT %(limit)s + 1
), page AS (
    SELECT * FROM found ORDER BY file_hash LIMIT %(limit)s
), last AS (
    SELECT file_hash, clip_ids[1] AS clip_id FROM page ORDER BY file_hash DESC LIMIT 1
)
SELECT coalesce((SELECT json_agg(row_to_json(page) ORDER BY file_hash)::text FROM page), '[]') AS items,
       CASE WHEN (SELECT count(*) FROM found) > %(limit)s THEN (SELECT clip_id FROM last) END AS last_id,
       (SELECT file_hash FROM last) AS last_hash
"""


def find_by_hash_with_lock(connection: Connection, file_hash: str) -> UUID | None:
    """Return the oldest clip with this file, or None; serializes callers with the same hash until the transaction ends."""
    # Two statements, so that the second one sees what was committed while the first waited for the lock.
    connection.execute(_LOCK_HASH, {"file_hash": file_hash})
    row = connection.execute(_FIND_BY_HASH, {"file_hash": file_hash}).fetchone()
    return row["clip_id"] if row else None


def list_duplicates(connection: Connection, page: PageRequest) -> JsonPage:
    """List files that several clips share, ordered by hash."""
    after = (page.after.value if page.after else None) or ""
    row = connection.execute(_DUPLICATES, {"after": after, "limit": page.limit, "max_clips": MAX_CLIPS}).fetchone()
    assert row is not None, "an aggregate always returns one row"  # noqa: S101
    last = Position(row["last_id"], row["last_hash"]) if row["last_id"] else None
    return JsonPage(items=row["items"], last=last, order=DUPLICATES_ORDER)
