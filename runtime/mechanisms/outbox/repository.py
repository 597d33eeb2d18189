"""All SQL on the outbox: what must leave after a commit, written in the transaction of its cause.

A message is sent by whoever wrote it, right after the commit. What a crash left behind is due once `not_before` has passed;
whoever takes it moves that time on first, further with every attempt, and commits before sending. Times are the database's.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from runtime.persistence.transactions import Connection

# The wait doubles with every attempt, up to this.
MAX_BACKOFF_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class OutboxMessage:
    """`payload` is what the topic's own type says; `attempts` counts those of the relay."""

    outbox_id: UUID
    topic: str
    payload: dict[str, Any]
    attempts: int


_INSERT = """
INSERT INTO outbox (topic, payload, not_before)
VALUES (%(topic)s, %(payload)s, now() + make_interval(secs => %(grace_seconds)s))
RETURNING outbox_id, topic, payload, attempts
"""

# What is taken is found first and once: as a subquery in the condition, a plan may run it for row after row, and each run finds
# others, beyond the limit and past the order.
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
    """A new message, the writer's own to send for `grace_seconds`."""
    values = {"topic": topic, "payload": Jsonb(payload), "grace_seconds": grace_seconds}
    row = connection.execute(_INSERT, values).fetchone()
    assert row is not None, "RETURNING answers the row"  # noqa: S101
    return OutboxMessage(**row)


def claim_due(connection: Connection, *, limit: int, grace_seconds: int) -> list[OutboxMessage]:
    """Up to `limit` messages that are due, the longest due first. They are the caller's until they are due again."""
    values = {"limit": limit, "grace_seconds": grace_seconds, "longest_seconds": MAX_BACKOFF_SECONDS}
    messages = [OutboxMessage(**row) for row in connection.execute(_CLAIM_DUE, values)]
    # UPDATE answers in no order; ids are UUIDv7, which sort by time.
    return sorted(messages, key=lambda message: message.outbox_id)


def mark_sent(connection: Connection, outbox_id: UUID) -> int:
    """1, or 0 when another sender was first."""
    return connection.execute(_MARK_SENT, {"outbox_id": outbox_id}).rowcount


def record_failure(connection: Connection, outbox_id: UUID, reason: str) -> None:
    """Keeps why the last attempt failed; the message stays due."""
    connection.execute(_RECORD_FAILURE, {"outbox_id": outbox_id, "reason": reason})


def abandon(connection: Connection, outbox_id: UUID, reason: str) -> int:
    """Ends a message that can never be sent. 1, or 0 when it had ended."""
    return connection.execute(_ABANDON, {"outbox_id": outbox_id, "reason": reason}).rowcount


def delete_sent(connection: Connection, *, older_than_days: int, limit: int) -> int:
    """Forgets messages that were sent so long ago; those given up stay. The number of rows."""
    return connection.execute(_DELETE_SENT, {"days": older_than_days, "limit": limit}).rowcount
