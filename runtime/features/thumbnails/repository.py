"""SQL on thumbnails (C-04), including the episode's thumbnail_reference, which is the file of its primary thumbnail."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from runtime.object_keys import reference
from runtime.persistence.transactions import Connection

COLUMNS = """thumbnail_id, entity_type, entity_id, size_variant, file_reference, s3_bucket, s3_key, width, height,
    file_size_bytes, mime_type, format, status, processed_at"""

# The variant that represents the entity (ROAD-91).
PRIMARY = "primary"


@dataclass(frozen=True)
class Thumbnail:
    """A row of thumbnails: the current image of an entity in one size variant. `file_reference` is its s3:// location."""

    thumbnail_id: UUID
    entity_type: str
    entity_id: UUID
    size_variant: str
    file_reference: str
    s3_bucket: str
    s3_key: str
    width: int
    height: int
    file_size_bytes: int
    mime_type: str
    format: str
    status: str
    processed_at: datetime | None


def list_for_entity(connection: Connection, entity_type: str, entity_id: UUID) -> list[Thumbnail]:
    """Return all variants of an entity, largest first."""
    rows = connection.execute(
        f"""
        SELECT {COLUMNS} FROM thumbnails
        WHERE entity_type = %(entity_type)s AND entity_id = %(entity_id)s
        ORDER BY width * height DESC, size_variant
        """,  # noqa: S608  (the column list is a constant)
        {"entity_type": entity_type, "entity_id": entity_id},
    ).fetchall()
    return [Thumbnail(**row) for row in rows]


def find(connection: Connection, thumbnail_id: UUID) -> Thumbnail | None:
    """Return the thumbnail, or None if it does not exist."""
    row = connection.execute(
        f"SELECT {COLUMNS} FROM thumbnails WHERE thumbnail_id = %(thumbnail_id)s",  # noqa: S608  (a constant)
        {"thumbnail_id": thumbnail_id},
    ).fetchone()
    return None if row is None else Thumbnail(**row)


def delete(connection: Connection, thumbnail_id: UUID) -> Thumbnail | None:
    """Delete the thumbnail, and the episode's reference to it; return the deleted row, or None if it does not exist."""
    row = connection.execute(
        f"DELETE FROM thumbnails WHERE thumbnail_id = %(thumbnail_id)s RETURNING {COLUMNS}",  # noqa: S608  (a constant)
        {"thumbnail_id": thumbnail_id},
    ).fetchone()
    if row is None:
        return None
    thumbnail = Thumbnail(**row)
    connection.execute(
        """
        UPDATE episodes SET thumbnail_reference = NULL
        WHERE episode_id = %(entity_id)s AND %(entity_type)s = 'episode' AND thumbnail_reference = %(file_reference)s
        """,
        {
            "entity_id": thumbnail.entity_id,
            "entity_type": thumbnail.entity_type,
            "file_reference": thumbnail.file_reference,
        },
    )
    return thumbnail


def is_in_use(connection: Connection, s3_bucket: str, s3_key: str) -> bool:
    """Return whether any thumbnail uses this object as its file."""
    found = connection.execute(
        "SELECT FROM thumbnails WHERE s3_bucket = %(s3_bucket)s AND s3_key = %(s3_key)s LIMIT 1",
        {"s3_bucket": s3_bucket, "s3_key": s3_key},
    )
    return found.rowcount == 1


def upsert(
    connection: Connection,
    *,
    job_id: UUID,
    entity_type: str,
    entity_id: UUID,
    size_variant: str,
    s3_bucket: str,
    s3_key: str,
    width: int,
    height: int,
    file_size_bytes: int,
    mime_type: str,
    format: str,  # noqa: A002  (the column's name)
) -> Thumbnail | None:
    """Store the variant's current image with status `ready` (ROAD-118), unless a newer job's image is stored already.

    Job ids are UUIDv7, which sort by time. The primary variant also updates the episode's reference.

    Returns:
        None if a newer job's image is kept.
    """
    row = connection.execute(
        f"""
        INSERT INTO thumbnails AS stored
            (job_id, entity_type, entity_id, size_variant, file_reference, s3_bucket, s3_key, width, height,
             file_size_bytes, mime_type, format, status, processed_at)
        VALUES
            (%(job_id)s, %(entity_type)s, %(entity_id)s, %(size_variant)s, %(file_reference)s, %(s3_bucket)s, %(s3_key)s,
             %(width)s, %(height)s, %(file_size_bytes)s, %(mime_type)s, %(format)s, 'ready', clock_timestamp())
        ON CONFLICT (entity_type, entity_id, size_variant) DO UPDATE
        SET job_id = excluded.job_id, file_reference = excluded.file_reference, s3_bucket = excluded.s3_bucket,
            s3_key = excluded.s3_key, width = excluded.width, height = excluded.height,
            file_size_bytes = excluded.file_size_bytes, mime_type = excluded.mime_type, format = excluded.format,
            status = excluded.status, generated_at = excluded.generated_at, processed_at = excluded.processed_at
        WHERE stored.job_id <= excluded.job_id
        RETURNING {COLUMNS}
        """,  # noqa: S608  (the column list is a constant)
        {
            "job_id": job_id,
            "entity_type": entity_type,
            "entity_id": entity_id,
            "size_variant": size_variant,
            "file_reference": reference(s3_bucket, s3_key),
            "s3_bucket": s3_bucket,
            "s3_key": s3_key,
            "width": width,
            "height": height,
            "file_size_bytes": file_size_bytes,
            "mime_type": mime_type,
            "format": format,
        },
    ).fetchone()
    if row is None:
        return None
    thumbnail = Thumbnail(**row)
    if entity_type == "episode" and size_variant == PRIMARY:
        connection.execute(
            "UPDATE episodes SET thumbnail_reference = %(file_reference)s WHERE episode_id = %(episode_id)s",
            {"file_reference": thumbnail.file_reference, "episode_id": entity_id},
        )
    return thumbnail
