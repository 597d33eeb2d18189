"""The documents of the search index: one for each episode, as the database has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.sql import SQL, Composable

from runtime.persistence.pages import EVERY_ROW
from runtime.persistence.transactions import Connection

# Deleted ones too: the index has to know that they are.
_COUNT_EPISODES = "SELECT count(*) AS episodes FROM episodes"
_EXISTING = "SELECT episode_id FROM episodes WHERE episode_id = ANY(%(episode_ids)s)"

# The version grows with every change of what is told: the episode's own counts first, and while that is the same it is of the
# same show, whose version counts next.
_DOCUMENTS = SQL("""
SELECT e.episode_id, e.version * 2147483648 + s.version AS version,
    CASE WHEN e.deleted_at IS NULL AND s.deleted_at IS NULL THEN json_build_object(
        'is_live', true, 'episode_id', e.episode_id, 'show_id', e.show_id, 'status', e.status,
        'season_number', e.season_number, 'title', e.title, 'show_name', s.name, 'description', e.description,
        'script_text', e.script_text, 'tags', e.tags, 'category', e.category, 'genre', e.genre
    ) ELSE json_build_object('is_live', false, 'episode_id', e.episode_id) END::text AS source
FROM episodes e JOIN shows s USING (show_id)
WHERE {conditions} ORDER BY e.episode_id LIMIT %(limit)s
""")


@dataclass(frozen=True, kw_only=True)
class IndexedDocument:
    """What the search engine is told of an episode: one line of JSON."""

    episode_id: UUID
    version: int
    source: str


def count_episodes(connection: Connection) -> int:
    """How many episodes there are, deleted ones among them."""
    row = connection.execute(_COUNT_EPISODES).fetchone()
    assert row is not None, "an aggregate always answers one row"  # noqa: S101
    count: int = row["episodes"]
    return count


def existing_episode_ids(connection: Connection, episode_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these episodes that there are, deleted ones among them."""
    return {row["episode_id"] for row in connection.execute(_EXISTING, {"episode_ids": list(episode_ids)})}


def find_documents(
    connection: Connection,
    *,
    limit: int,
    after: UUID | None = None,
    episode_ids: Sequence[UUID] | None = None,
    show_ids: Sequence[UUID] = (),
) -> list[IndexedDocument]:
    """What the search engine is to be told of the episodes with these ids and of those of these shows, or of all of them; in
    the order of their ids, those after `after`."""
    conditions: list[Composable] = [EVERY_ROW if after is None else SQL("e.episode_id > %(after)s")]
    if episode_ids is not None:
        conditions.append(SQL("(e.episode_id = ANY(%(episode_ids)s) OR e.show_id = ANY(%(show_ids)s))"))
    statement = _DOCUMENTS.format(conditions=SQL(" AND ").join(conditions))
    values = {"limit": limit, "after": after, "episode_ids": list(episode_ids or ()), "show_ids": list(show_ids)}
    return [IndexedDocument(**row) for row in connection.execute(statement, values)]
