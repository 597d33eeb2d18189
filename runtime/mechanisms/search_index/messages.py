"""Outbox messages for the search index, which are sent in bulk by a task of their own.

The relay never sends them, because it sends one message at a time, backs off after failures, and stops at the first one. So an
unavailable search engine does not delay other messages, and gets all changes as soon as it is available again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from runtime.mechanisms.outbox import repository as outbox
from runtime.persistence.transactions import Connection

TOPIC = "search_index"

# Ten years, so that the relay never claims these messages.
_GRACE_SECONDS = 10 * 365 * 86_400

_FIND_UNSENT = """
SELECT outbox_id, (payload ->> 'episode_id')::uuid AS episode_id, (payload ->> 'show_id')::uuid AS show_id FROM outbox
WHERE topic = %(topic)s AND sent_at IS NULL AND given_up_at IS NULL ORDER BY outbox_id LIMIT %(limit)s
"""

_MARK_SENT = """
UPDATE outbox SET sent_at = now() WHERE outbox_id = ANY(%(ids)s) AND sent_at IS NULL AND given_up_at IS NULL
"""

# The interval covers transactions that began earlier but committed later; none takes that long.
_REQUEUE = """
UPDATE outbox SET sent_at = NULL
WHERE topic = %(topic)s AND sent_at IS NOT NULL AND created_at >= %(since)s::timestamptz - interval '15 minutes'
"""

# One message covers all episodes of a show, so there are never more messages than shows.
_INSERT_FOR_EVERY_SHOW = """
INSERT INTO outbox (topic, payload, not_before)
SELECT %(topic)s, jsonb_build_object('show_id', show_id), now() + make_interval(secs => %(grace_seconds)s) FROM shows
"""

_INSERT_FOR_EPISODES = """
WITH requested AS (
    SELECT episode_id FROM episodes WHERE episode_id = ANY(%(episode_ids)s)
), inserted AS (
    INSERT INTO outbox (topic, payload, not_before)
    SELECT %(topic)s, jsonb_build_object('episode_id', episode_id), now() + make_interval(secs => %(grace_seconds)s) FROM requested
)
SELECT episode_id FROM requested
"""


@dataclass(frozen=True, kw_only=True)
class ChangeMessage:
    """A change of an episode, or of a show and so of all its episodes."""

    outbox_id: UUID
    episode_id: UUID | None
    show_id: UUID | None


def insert(connection: Connection, *, episode_id: UUID | None = None, show_id: UUID | None = None) -> None:
    """Insert a message about an episode or a show."""
    ids = {"episode_id": episode_id, "show_id": show_id}
    payload = {name: str(value) for name, value in ids.items() if value is not None}
    outbox.insert(connection, TOPIC, payload, grace_seconds=_GRACE_SECONDS)


def insert_for_episodes(connection: Connection, episode_ids: Sequence[UUID]) -> set[UUID]:
    """Insert messages about the episodes that exist, including deleted ones, and return their ids."""
    values = {"topic": TOPIC, "episode_ids": list(episode_ids), "grace_seconds": _GRACE_SECONDS}
    return {row["episode_id"] for row in connection.execute(_INSERT_FOR_EPISODES, values)}


def insert_for_every_show(connection: Connection) -> int:
    """Insert messages about all shows, and so all episodes, and return their number."""
    return connection.execute(_INSERT_FOR_EVERY_SHOW, {"topic": TOPIC, "grace_seconds": _GRACE_SECONDS}).rowcount


def find_unsent(connection: Connection, *, limit: int) -> list[ChangeMessage]:
    """Return the oldest unsent messages."""
    return [ChangeMessage(**row) for row in connection.execute(_FIND_UNSENT, {"topic": TOPIC, "limit": limit})]


def mark_sent(connection: Connection, messages: Sequence[ChangeMessage]) -> int:
    """Mark messages as sent, and return how many were not marked yet."""
    return connection.execute(_MARK_SENT, {"ids": [message.outbox_id for message in messages]}).rowcount


def requeue(connection: Connection, *, since: str) -> int:
    """Make messages since a time unsent again, for a new index, and return their number."""
    return connection.execute(_REQUEUE, {"topic": TOPIC, "since": since}).rowcount
