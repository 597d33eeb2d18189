"""The users table: one row per subject of the user pool, made when that user first writes something."""

from uuid import UUID

from runtime.web.transaction import Connection

# A row that says it all already is not touched: an update, even one that changes nothing, would lock it until the end of
# the transaction, and one user's requests would wait for each other.
_UPSERT = """
INSERT INTO users (user_id, email)
SELECT %(user_id)s, %(email)s WHERE NOT EXISTS (
    SELECT FROM users
    WHERE user_id = %(user_id)s AND last_seen_at > now() - interval '1 minute'
      AND (%(email)s::varchar IS NULL OR email = %(email)s)
)
ON CONFLICT (user_id) DO UPDATE SET last_seen_at = now(), email = coalesce(excluded.email, users.email)
"""


def upsert(connection: Connection, user_id: UUID, email: str | None) -> None:
    """Makes the user's row, or notes that the user was seen again, to the minute. A known e-mail address is kept when
    this time none is given."""
    connection.execute(_UPSERT, {"user_id": user_id, "email": email})
