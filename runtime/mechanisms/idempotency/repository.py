"""SQL of the idempotency_keys table: the first responses to requests with a key, kept for one day."""

from dataclasses import dataclass
from uuid import UUID

from psycopg.types.json import Jsonb

from runtime.persistence.transactions import Connection

RETENTION_HOURS = 24


@dataclass(frozen=True, kw_only=True)
class StoredResponse:
    """The first response to a request with a key."""

    request_hash: str
    status_code: int
    headers: dict[str, str]
    body: str


# Two keys with the same hash would only cause a 409, which clients retry.
_TRY_LOCK = """
SELECT pg_try_advisory_xact_lock(hashtextextended(%(user_id)s::text || ' ' || %(key)s, 0)) AS is_locked
"""

_FIND = """
SELECT request_hash, status_code, headers, body FROM idempotency_keys
WHERE user_id = %(user_id)s AND idempotency_key = %(key)s
  AND created_at > now() - make_interval(hours => %(retention_hours)s)
"""

# Each new response deletes two expired ones, so that the table never has much more than one day's. MATERIALIZED, because a subquery
# in the condition may be evaluated once per row, and so exceed the limit.
_DELETE_EXPIRED = """
WITH old AS MATERIALIZED (
    SELECT user_id, idempotency_key FROM idempotency_keys
    WHERE created_at <= now() - make_interval(hours => %(retention_hours)s)
    ORDER BY created_at LIMIT 2 FOR UPDATE SKIP LOCKED
)
DELETE FROM idempotency_keys USING old
WHERE idempotency_keys.user_id = old.user_id AND idempotency_keys.idempotency_key = old.idempotency_key
"""

_UPSERT = """
INSERT INTO idempotency_keys (user_id, idempotency_key, request_hash, status_code, headers, body)
VALUES (%(user_id)s, %(key)s, %(request_hash)s, %(status_code)s, %(headers)s, %(body)s)
ON CONFLICT (user_id, idempotency_key) DO UPDATE
SET request_hash = excluded.request_hash, status_code = excluded.status_code, headers = excluded.headers,
    body = excluded.body, created_at = excluded.created_at
"""


def try_lock(connection: Connection, user_id: UUID, key: str) -> bool:
    """Try to lock the user's key until the end of the transaction, and return whether that succeeded."""
    row = connection.execute(_TRY_LOCK, {"user_id": user_id, "key": key}).fetchone()
    assert row is not None, "a SELECT without FROM returns one row"  # noqa: S101
    is_locked: bool = row["is_locked"]
    return is_locked


def find(connection: Connection, user_id: UUID, key: str) -> StoredResponse | None:
    """Return the stored response of the last 24 hours, if any."""
    values = {"user_id": user_id, "key": key, "retention_hours": RETENTION_HOURS}
    row = connection.execute(_FIND, values).fetchone()
    return StoredResponse(**row) if row else None


def upsert(connection: Connection, user_id: UUID, key: str, response: StoredResponse) -> None:
    """Store the response; replaces one that is older than 24 hours."""
    connection.execute(_DELETE_EXPIRED, {"retention_hours": RETENTION_HOURS})
    values = {
        "user_id": user_id,
        "key": key,
        "request_hash": response.request_hash,
        "status_code": response.status_code,
        "headers": Jsonb(response.headers),
        "body": response.body,
    }
    connection.execute(_UPSERT, values)
