"""Full text over episodes by Postgres.

A word is found in an episode's title, description or script, in its tags, category or genre, or in its show's name.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.sql import SQL, Composable, Composed, Identifier, Placeholder

from runtime.features.episodes.repository import LIVE, SUMMARY_COLUMNS
from runtime.features.search.schemas import Facets, SearchRequest
from runtime.persistence.transactions import Connection

MOST_FACET_VALUES = 100

# The expressions of indexes word for word: spelt in any other way, they are not used.
_DOCUMENT = SQL("""to_tsvector('english',
    coalesce(e.title, '') || ' ' || coalesce(e.description, '') || ' ' || coalesce(e.script_text, ''))""")
_LABELS = SQL("to_tsvector('english', episode_labels(e.tags, e.category, e.genre))")
_SHOW_NAME = SQL("to_tsvector('english', s.name)")

# One part for each index; a condition over all of them would use none.
_HAVING_WORD = SQL("""(
    SELECT e.episode_id FROM episodes e WHERE e.deleted_at IS NULL AND {document} @@ {query}
    UNION SELECT e.episode_id FROM episodes e WHERE e.deleted_at IS NULL AND {labels} @@ {query}
    UNION SELECT e.episode_id FROM shows s JOIN episodes e USING (show_id)
        WHERE s.deleted_at IS NULL AND e.deleted_at IS NULL AND {show_name} @@ {query}
)""")

# Found once, before anything is joined: a planner that knows nothing of new rows would look for the words in every pair.
_MATCHING = SQL("matching (episode_id) AS MATERIALIZED ({ids})")
_ROWS = SQL("matching JOIN episodes e USING (episode_id) JOIN shows s USING (show_id) WHERE {conditions}")

_SEARCH = SQL("""
WITH {matching}, found AS (
    SELECT {columns}, ts_rank({document} || {labels} || {show_name}, websearch_to_tsquery('english', %(text)s)) AS rank
    FROM {rows}
    ORDER BY rank DESC, e.episode_id DESC LIMIT %(limit)s
)
SELECT coalesce(json_agg(row_to_json(found) ORDER BY rank DESC, episode_id DESC)::text, '[]') AS items FROM found
""")

_FACETS = SQL("""
WITH {matching}, counted AS MATERIALIZED (SELECT e.status, e.season_number, e.show_id, s.name FROM {rows}), statuses AS (
    SELECT status, count(*) FROM counted GROUP BY status ORDER BY count(*) DESC, status LIMIT %(most)s
), seasons AS (
    SELECT season_number, count(*) FROM counted GROUP BY season_number ORDER BY count(*) DESC, season_number LIMIT %(most)s
), shows AS (
    SELECT show_id, name AS show_name, count(*) FROM counted GROUP BY show_id, name
    ORDER BY count(*) DESC, show_id LIMIT %(most)s
)
SELECT coalesce((SELECT json_agg(row_to_json(statuses)) FROM statuses), '[]') AS statuses,
       coalesce((SELECT json_agg(row_to_json(seasons)) FROM seasons), '[]') AS seasons,
       coalesce((SELECT json_agg(row_to_json(shows)) FROM shows), '[]') AS shows
""")

# What another engine found, as it is now: what was deleted since is not shown.
_FIND_HITS = SQL("""
WITH found AS (
    SELECT {columns}, hit.rank
    FROM unnest(%(ids)s::uuid[], %(ranks)s::float8[]) AS hit (hit_id, rank)
        JOIN episodes e ON e.episode_id = hit.hit_id JOIN shows s USING (show_id)
    WHERE {live}
)
SELECT coalesce(json_agg(row_to_json(found) ORDER BY rank DESC, episode_id DESC)::text, '[]') AS items FROM found
""").format(columns=SUMMARY_COLUMNS, live=LIVE)

_SHOW_NAMES = "SELECT show_id::text, name FROM shows WHERE show_id = ANY(%(ids)s::uuid[]) AND deleted_at IS NULL"

# In the order of the index, so that the first ones are found without looking at the others.
SUGGEST = SQL("""
SELECT title FROM (
    SELECT DISTINCT ON (lower(e.title)) lower(e.title) AS place, e.title
    FROM episodes e JOIN shows s USING (show_id)
    WHERE {live} AND lower(e.title) LIKE lower(%(beginning)s) || '%%'
    ORDER BY lower(e.title) USING ~<~, e.episode_id LIMIT %(limit)s
) AS found ORDER BY place USING ~<~
""").format(live=LIVE)


def search_statement(request: SearchRequest) -> tuple[Composed, dict[str, Any]]:
    """The statement of a search that looks for at least one word, and its values."""
    parts, values = _parts(request)
    statement = _SEARCH.format(
        columns=SUMMARY_COLUMNS, document=_DOCUMENT, labels=_LABELS, show_name=_SHOW_NAME, **parts
    )
    return statement, values | {"text": request.text.text, "limit": request.limit}


def search(connection: Connection, request: SearchRequest) -> str:
    """The best matches of a search that looks for at least one word, best first, as a JSON array."""
    items: str = _one(connection, *search_statement(request))["items"]
    return items


def facets(connection: Connection, request: SearchRequest) -> Facets:
    """What all matches of a search that looks for at least one word have in common."""
    parts, values = _parts(request)
    return Facets.model_validate(_one(connection, _FACETS.format(**parts), values | {"most": MOST_FACET_VALUES}))


def find_hits(connection: Connection, ids: Sequence[UUID], ranks: Sequence[float]) -> str:
    """The episodes that another engine found, best first, as a JSON array."""
    items: str = _one(connection, _FIND_HITS, {"ids": list(ids), "ranks": list(ranks)})["items"]
    return items


def show_names(connection: Connection, show_ids: Sequence[str]) -> dict[str, str]:
    """The names by id of those shows that are there."""
    rows = connection.execute(_SHOW_NAMES, {"ids": list(show_ids)}).fetchall()
    return {row["show_id"]: row["name"] for row in rows}


def suggest(connection: Connection, beginning: str, *, limit: int) -> list[str]:
    """Titles of episodes that begin so, in any case of letters; each once, by the alphabet."""
    # What LIKE takes for a wildcard stands for itself.
    escaped = beginning.translate({ord(letter): f"\\{letter}" for letter in "\\%_"})
    rows = connection.execute(SUGGEST, {"beginning": escaped, "limit": limit}).fetchall()
    return [row["title"] for row in rows]


def _parts(request: SearchRequest) -> tuple[dict[str, Composable], dict[str, Any]]:
    """What every search statement is made of, and its values."""
    values: dict[str, Any] = dict(request.filters)
    alternatives: list[Composable] = []
    for alternative in request.text.alternatives:
        having: list[Composable] = []
        for word in (*alternative.wanted, *alternative.unwanted):
            values[name := f"word_{len(values)}"] = word
            having.append(_having(name))
        wanted = SQL("({})").format(SQL(" INTERSECT ").join(having[: len(alternative.wanted)]))
        unwanted = having[len(alternative.wanted) :]
        alternatives.append(SQL("({})").format(SQL(" EXCEPT ").join([wanted, *unwanted])))
    equal = [SQL("{} = {}").format(Identifier("e", name), Placeholder(name)) for name in request.filters]
    parts: dict[str, Composable] = {
        "matching": _MATCHING.format(ids=SQL(" UNION ").join(alternatives)),
        "rows": _ROWS.format(conditions=SQL(" AND ").join([LIVE, *equal])),
    }
    return parts, values


def _having(name: str) -> Composable:
    """The ids of all episodes that have a word, or a phrase."""
    query = SQL("phraseto_tsquery('english', {})").format(Placeholder(name))
    return _HAVING_WORD.format(document=_DOCUMENT, labels=_LABELS, show_name=_SHOW_NAME, query=query)


def _one(connection: Connection, statement: Composed, values: dict[str, Any]) -> dict[str, Any]:
    row = connection.execute(statement, values).fetchone()
    assert row is not None, "an aggregate always answers one row"  # noqa: S101
    return row
