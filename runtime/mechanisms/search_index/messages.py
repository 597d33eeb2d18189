"""What the search index has to hear of: messages of the outbox that are sent many at once.

They never are the relay's, which sends one after the other, waits longer after each failure, and stops where one is met. So an
engine that is away holds up nothing else, and hears of everything as soon as it is back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from runtime.mechanisms.outbox import repository as outbox
from runtime.persistence.transactions import Connection

TOPIC = "search_index"

# A message is its writer's until then (ten years), so that no relay takes it.
_GRACE_SECONDS = 10 * 365 * 86_400

_FIND_UNSENT = """
SELECT outbox_id, (payload ->> 'episode_id')::uuid AS episode_id, (payload ->> 'show_id')::uuid AS show_id FROM outbox
WHERE topic = %(topic)s AND sent_at IS NULL AND given_up_at IS NULL ORDER BY outbox_id LIMIT %(limit)s
"""

_MARK_SENT = """
UPDATE outbox SET sent_at = now() WHERE outbox_id = ANY(%(ids)s) AND sent_at IS NULL AND given_up_at IS NULL
"""

# A transaction that began earlier may have committed later, but none of ours takes that long.
_REQUEUE = """
UPDATE outbox SET sent_at = NULL
WHERE topic = %(topic)s AND sent_at IS NOT NULL AND created_at >= %(since)s::timestamptz - interval '15 minutes'
"""


# One message tells of all episodes of a show, so there are never more messages than shows.
_INSERT_FOR_EVERY_SHOW = """
INSERT INTO outbox (topic, payload, not_before)
SELECT %(topic)s, jsonb_build_object('show_id', show_id), now() + make_interval(secs => %(grace_seconds)s) FROM shows
"""

_INSERT_FOR_EPISODES = """
WITH asked AS (
    SELECT episode_id FROM episodes WHERE episode_id = ANY(%(episode_ids)s)
), told AS (
    INSERT INTO outbox (topic, payload, not_before)
    SELECT %(topic)s, jsonb_build_object('episode_id', episode_id), now() + make_interval(secs => %(grace_seconds)s) FROM asked
)
SELECT episode_id FROM asked
"""


@dataclass(frozen=True, kw_only=True)
class ChangeMessage:
    """An episode changed, or a show whose episodes have to be told with it."""

    outbox_id: UUID
    episode_id: UUID | None
    show_id: UUID | None


def insert(connection: Connection, *, episode_id: UUID | None = None, show_id: UUID | None = None) -> None:
    """A new message about the one or the other."""
    ids = {"episode_id": episode_id, "show_id": show_id}
    payload = {name: str(value) for name, value in ids.items() if value is not None}
    outbox.insert(connection, TOPIC, payload, grace_seconds=_GRACE_SECONDS)


def insert_for_episodes(connection: Connection, episode_ids: Sequence[UUID]) -> set[UUID]:
    """New messages about those of these episodes that there are, deleted ones among them. Their ids."""
    values = {"topic": TOPIC, "episode_ids": list(episode_ids), "grace_seconds": _GRACE_SECONDS}
    return {row["episode_id"] for row in connection.execute(_INSERT_FOR_EPISODES, values)}


def insert_for_every_show(connection: Connection) -> int:
    """New messages about every show, and so about every episode. How many."""
    return connection.execute(_INSERT_FOR_EVERY_SHOW, {"topic": TOPIC, "grace_seconds": _GRACE_SECONDS}).rowcount


def find_unsent(connection: Connection, *, limit: int) -> list[ChangeMessage]:
    """The oldest messages that the index has not heard of."""
    return [ChangeMessage(**row) for row in connection.execute(_FIND_UNSENT, {"topic": TOPIC, "limit": limit})]


def mark_sent(connection: Connection, messages: Sequence[ChangeMessage]) -> int:
    """How many were not marked yet."""
    return connection.execute(_MARK_SENT, {"ids": [message.outbox_id for message in messages]}).rowcount


def requeue(connection: Connection, *, since: str) -> int:
    """Has everything sent again that was written since then: another index has to hear of it. The number of messages."""
    return connection.execute(_REQUEUE, {"topic": TOPIC, "since": since}).rowcount
