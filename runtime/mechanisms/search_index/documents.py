"""The documents of the search index, one per episode, as selected from the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.sql import SQL, Composable

from runtime.persistence.pages import EVERY_ROW
from runtime.persistence.transactions import Connection

# Including deleted ones, because the index must know that they are deleted.
_COUNT_EPISODES = "SELECT count(*) AS episodes FROM episodes"
_EXISTING = "SELECT episode_id FROM episodes WHERE episode_id = ANY(%(episode_ids)s)"

# The version increases with every change of the document: the episode's version is the high part, the show's version the low part.
# A change of the episode's show also increments the episode's version.
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
    """The document of an episode; `source` is one line of JSON."""

    episode_id: UUID
    version: int
    source: str


def count_episodes(connection: Connection) -> int:
    """Return the number of episodes, including deleted ones."""
    row = connection.execute(_COUNT_EPISODES).fetchone()
    assert row is not None, "an aggregate always returns one row"  # noqa: S101
    count: int = row["episodes"]
    return count


def existing_episode_ids(connection: Connection, episode_ids: Sequence[UUID]) -> set[UUID]:
    """Return the ids that exist, including those of deleted episodes."""
    return {row["episode_id"] for row in connection.execute(_EXISTING, {"episode_ids": list(episode_ids)})}


def find_documents(
    connection: Connection,
    *,
    limit: int,
    after: UUID | None = None,
    episode_ids: Sequence[UUID] | None = None,
    show_ids: Sequence[UUID] = (),
) -> list[IndexedDocument]:
    """Return documents in the order of their ids.

    Args:
        connection: An open connection.
        limit: Maximum number of documents.
        after: Return only documents with higher ids.
        episode_ids: Return only these episodes and those of `show_ids`; None for all episodes.
        show_ids: Shows whose episodes to return, if `episode_ids` is given.
    """
    conditions: list[Composable] = [EVERY_ROW if after is None else SQL("e.episode_id > %(after)s")]
    if episode_ids is not None:
        conditions.append(SQL("(e.episode_id = ANY(%(episode_ids)s) OR e.show_id = ANY(%(show_ids)s))"))
    statement = _DOCUMENTS.format(conditions=SQL(" AND ").join(conditions))
    values = {"limit": limit, "after": after, "episode_ids": list(episode_ids or ()), "show_ids": list(show_ids)}
    return [IndexedDocument(**row) for row in connection.execute(statement, values)]
