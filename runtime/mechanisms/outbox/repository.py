"""SQL of the outbox table: messages to send after a commit, written in the same transaction as their cause.

The writer sends a message right after the commit. Messages left behind by a crash are due when `not_before` has passed. The relay
claims a message by postponing `not_before`, longer with every attempt, and commits before it sends. All times are the database's.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from runtime.persistence.transactions import Connection

# The backoff doubles with every attempt, up to this.
MAX_BACKOFF_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class OutboxMessage:
    """A message. The topic defines the payload; `attempts` counts the relay's attempts."""

    outbox_id: UUID
    topic: str
    payload: dict[str, Any]
    attempts: int


_INSERT = """
INSERT INTO outbox (topic, payload, not_before)
VALUES (%(topic)s, %(payload)s, now() + make_interval(secs => %(grace_seconds)s))
RETURNING outbox_id, topic, payload, attempts
"""

# MATERIALIZED, because a subquery in the condition may be evaluated once per row, and each evaluation may find other rows: beyond
# the limit and out of order.
_CLAIM_DUE = """
WITH due AS MATERIALIZED (
    SELECT outbox_id FROM outbox
    WHERE sent_at IS NULL AND given_up_at IS NULL AND not_before <= now()
    ORDER BY not_before, outbox_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE outbox
SET attempts = attempts + 1,
    not_before = now() + make_interval(secs => least(%(longest_seconds)s, %(grace_seconds)s * 2 ^ least(attempts, 20)))
FROM due WHERE outbox.outbox_id = due.outbox_id
RETURNING outbox.outbox_id, topic, payload, attempts
"""

_MARK_SENT = """
UPDATE outbox SET sent_at = now(), last_error = NULL
WHERE outbox_id = %(outbox_id)s AND sent_at IS NULL AND given_up_at IS NULL
"""

_RECORD_FAILURE = "UPDATE outbox SET last_error = %(reason)s WHERE outbox_id = %(outbox_id)s AND sent_at IS NULL"

_ABANDON = """
UPDATE outbox SET given_up_at = now(), last_error = %(reason)s
WHERE outbox_id = %(outbox_id)s AND sent_at IS NULL AND given_up_at IS NULL
"""

_DELETE_SENT = """
WITH old AS MATERIALIZED (
    SELECT outbox_id FROM outbox WHERE sent_at <= now() - make_interval(days => %(days)s)
    ORDER BY sent_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
DELETE FROM outbox USING old WHERE outbox.outbox_id = old.outbox_id
"""


def insert(connection: Connection, topic: str, payload: dict[str, Any], *, grace_seconds: int) -> OutboxMessage:
    """Insert a message, which the relay leaves to its writer for `grace_seconds`."""
    values = {"topic": topic, "payload": Jsonb(payload), "grace_seconds": grace_seconds}
    row = connection.execute(_INSERT, values).fetchone()
    assert row is not None, "RETURNING returns the row"  # noqa: S101
    return OutboxMessage(**row)


def claim_due(connection: Connection, *, limit: int, grace_seconds: int) -> list[OutboxMessage]:
    """Claim up to `limit` messages that are due, the longest due first, until they are due again."""
    values = {"limit": limit, "grace_seconds": grace_seconds, "longest_seconds": MAX_BACKOFF_SECONDS}
    messages = [OutboxMessage(**row) for row in connection.execute(_CLAIM_DUE, values)]
    # UPDATE returns rows in no particular order; ids are UUIDv7, which sort by time.
    return sorted(messages, key=lambda message: message.outbox_id)


def mark_sent(connection: Connection, outbox_id: UUID) -> int:
    """Mark a message as sent; return 0 when another sender was first."""
    return connection.execute(_MARK_SENT, {"outbox_id": outbox_id}).rowcount


def record_failure(connection: Connection, outbox_id: UUID, reason: str) -> None:
    """Store the reason why the last attempt failed; the message stays due."""
    connection.execute(_RECORD_FAILURE, {"outbox_id": outbox_id, "reason": reason})


def abandon(connection: Connection, outbox_id: UUID, reason: str) -> int:
    """Abandon a message that can never be sent; return 0 when it was already sent or abandoned."""
    return connection.execute(_ABANDON, {"outbox_id": outbox_id, "reason": reason}).rowcount


def delete_sent(connection: Connection, *, older_than_days: int, limit: int) -> int:
    """Delete old sent messages and return their number; abandoned messages stay."""
    return connection.execute(_DELETE_SENT, {"days": older_than_days, "limit": limit}).rowcount
