"""The upload_sessions table. A session belongs to one user and is not there for anyone else."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from runtime.object_keys import UPLOADS_PREFIX
from runtime.persistence.transactions import Connection


@dataclass(frozen=True, kw_only=True)
class UploadSession:
    """An upload that was announced. `is_expired` is the database's judgement, by its clock."""

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


# The id is in the key, so both are made in one statement.
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

_CLEANUP_EXPIRED = "SELECT cleanup_expired_uploads(%(limit)s) AS forgotten"


def insert(connection: Connection, **values: Any) -> UploadSession:
    """A new pending session; takes user_id, entity_type, entity_id, file_name, content_type, byte_count, file_hash (hex)
    and expiry_seconds."""
    row = connection.execute(_INSERT, values | {"uploads_prefix": UPLOADS_PREFIX}).fetchone()
    assert row is not None, "RETURNING answers the row"  # noqa: S101
    return UploadSession(**row)


def find_for_update(connection: Connection, upload_id: UUID, user_id: UUID) -> UploadSession | None:
    """The user's session, if there is one. Until the transaction ends no other can complete it."""
    row = connection.execute(_LOCK, {"upload_id": upload_id, "user_id": user_id}).fetchone()
    return UploadSession(**row) if row else None


def complete(connection: Connection, upload_id: UUID, *, job_id: UUID, version_id: str | None) -> int:
    """Marks the session completed by this job with this version of the object. 1, or 0 when it already was."""
    values = {"upload_id": upload_id, "job_id": job_id, "version_id": version_id}
    return connection.execute(_COMPLETE, values).rowcount


def cleanup_expired(connection: Connection, *, limit: int) -> int:
    """Forgets sessions that were never completed and ended more than an hour ago (NOVA-29). The number of rows."""
    row = connection.execute(_CLEANUP_EXPIRED, {"limit": limit}).fetchone()
    assert row is not None, "a SELECT without FROM answers one row"  # noqa: S101
    forgotten: int = row["forgotten"]
    return forgotten
