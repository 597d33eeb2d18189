"""SQL on upload_sessions. A session belongs to one user and is invisible to everyone else."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from runtime.object_keys import UPLOADS_PREFIX
from runtime.persistence.transactions import Connection


@dataclass(frozen=True, kw_only=True)
class UploadSession:
    """A row of upload_sessions. `is_expired` is computed with the database's clock."""

    upload_id: UUID
    user_id: UUID
    entity_type: str
    entity_id: UUID
    file_name: str
    content_type: str
    byte_count: int
    file_hash: str
    temp_key: str
    status: str
    version_id: str | None
    job_id: UUID | None
    expires_at: datetime
    is_expired: bool


# The key contains the id, so both are generated in one statement.
_INSERT = """
WITH new AS (SELECT uuidv7() AS upload_id)
INSERT INTO upload_sessions (
    upload_id, user_id, entity_type, entity_id, file_name, content_type, byte_count, file_hash, temp_key, expires_at
) SELECT
    upload_id, %(user_id)s, %(entity_type)s, %(entity_id)s, %(file_name)s, %(content_type)s, %(byte_count)s,
    %(file_hash)s, %(uploads_prefix)s || upload_id, now() + make_interval(secs => %(expiry_seconds)s)
FROM new
RETURNING upload_id, user_id, entity_type, entity_id, file_name, content_type, byte_count, file_hash, temp_key, status,
    version_id, job_id, expires_at, expires_at <= now() AS is_expired
"""

_LOCK = """
SELECT upload_id, user_id, entity_type, entity_id, file_name, content_type, byte_count, file_hash, temp_key, status,
    version_id, job_id, expires_at, expires_at <= now() AS is_expired
FROM upload_sessions WHERE upload_id = %(upload_id)s AND user_id = %(user_id)s FOR UPDATE
"""

_COMPLETE = """
UPDATE upload_sessions SET status = 'completed', completed_at = now(), version_id = %(version_id)s, job_id = %(job_id)s
WHERE upload_id = %(upload_id)s AND status = 'pending'
"""

_CLEANUP_EXPIRED = "SELECT cleanup_expired_uploads(%(limit)s) AS deleted"


def insert(connection: Connection, **values: Any) -> UploadSession:
    """Insert a pending session.

    Args:
        connection: A connection with an open transaction.
        **values: user_id, entity_type, entity_id, file_name, content_type, byte_count, file_hash (hex) and expiry_seconds.
    """
    row = connection.execute(_INSERT, values | {"uploads_prefix": UPLOADS_PREFIX}).fetchone()
    assert row is not None, "RETURNING returns the row"  # noqa: S101
    return UploadSession(**row)


def find_for_update(connection: Connection, upload_id: UUID, user_id: UUID) -> UploadSession | None:
    """Return the user's session, locked until the transaction ends, or None."""
    row = connection.execute(_LOCK, {"upload_id": upload_id, "user_id": user_id}).fetchone()
    return UploadSession(**row) if row else None


def complete(connection: Connection, upload_id: UUID, *, job_id: UUID, version_id: str | None) -> int:
    """Mark a pending session completed with its job and object version; return the number of updated rows."""
    values = {"upload_id": upload_id, "job_id": job_id, "version_id": version_id}
    return connection.execute(_COMPLETE, values).rowcount


def cleanup_expired(connection: Connection, *, limit: int) -> int:
    """Delete sessions that were never completed and expired more than an hour ago (NOVA-29); return their number."""
    row = connection.execute(_CLEANUP_EXPIRED, {"limit": limit}).fetchone()
    assert row is not None, "a SELECT without FROM returns one row"  # noqa: S101
    deleted: int = row["deleted"]
    return deleted
