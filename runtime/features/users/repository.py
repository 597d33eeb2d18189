"""The users table: one row per subject of the user pool, made when that user first writes something."""

from uuid import UUID

from runtime.web.transaction import Connection

_UPSERT = """
INSERT INTO users (user_id, email) VALUES (%(user_id)s, %(email)s)
ON CONFLICT (user_id) DO UPDATE
SET last_seen_at = now(), email = coalesce(excluded.email, users.email)
-- Not at every request: a busy user's row would be rewritten, and locked, all the time.
WHERE users.last_seen_at < now() - interval '1 minute'
   OR (excluded.email IS NOT NULL AND excluded.email IS DISTINCT FROM users.email)
"""


def upsert(connection: Connection, user_id: UUID, email: str | None) -> None:
    """Makes the user's row, or notes that the user was seen again, to the minute. A known e-mail address is kept when
    this time none is given."""
    connection.execute(_UPSERT, {"user_id": user_id, "email": email})
