"""The idempotency_keys table: the first answers to requests that carried a key, each for one day."""

from dataclasses import dataclass
from uuid import UUID

from psycopg.types.json import Jsonb

from runtime.persistence.transactions import Connection

RETENTION_HOURS = 24


@dataclass(frozen=True, kw_only=True)
class StoredAnswer:
    """What was answered first."""

    request_hash: str
    status_code: int
    headers: dict[str, str]
    body: str


# Two keys that share a number would only be told to try again.
_TRY_LOCK = """
SELECT pg_try_advisory_xact_lock(hashtextextended(%(user_id)s::text || ' ' || %(key)s, 0)) AS is_locked
"""

_FIND = """
SELECT request_hash, status_code, headers, body FROM idempotency_keys
WHERE user_id = %(user_id)s AND idempotency_key = %(key)s
  AND created_at > now() - make_interval(hours => %(retention_hours)s)
"""

# Each new answer takes two old ones away, so that the table never holds much more than a day's.
# Found first and once: a subquery in the condition may be run for row after row, beyond the limit.
_FORGET = """
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
    """Whether this transaction is the only one that answers requests with this user's key, until it ends."""
    row = connection.execute(_TRY_LOCK, {"user_id": user_id, "key": key}).fetchone()
    assert row is not None, "a SELECT without FROM answers one row"  # noqa: S101
    is_locked: bool = row["is_locked"]
    return is_locked


def find(connection: Connection, user_id: UUID, key: str) -> StoredAnswer | None:
    """The answer of the last 24 hours, if there is one."""
    values = {"user_id": user_id, "key": key, "retention_hours": RETENTION_HOURS}
    row = connection.execute(_FIND, values).fetchone()
    return StoredAnswer(**row) if row else None


def upsert(connection: Connection, user_id: UUID, key: str, answer: StoredAnswer) -> None:
    """Stores the answer, in place of one that is older than 24 hours."""
    connection.execute(_FORGET, {"retention_hours": RETENTION_HOURS})
    values = {
        "user_id": user_id,
        "key": key,
        "request_hash": answer.request_hash,
        "status_code": answer.status_code,
        "headers": Jsonb(answer.headers),
        "body": answer.body,
    }
    connection.execute(_UPSERT, values)
