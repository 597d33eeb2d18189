"""Full-text search over episodes in Postgres.

It covers an episode's title, description and script, its tags, category and genre, and its show's name.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.sql import SQL, Composable, Composed, Identifier, Placeholder

from runtime.features.episodes.repository import LIVE, SUMMARY_COLUMNS
from runtime.features.search.schemas import Facets, SearchRequest
from runtime.persistence.transactions import Connection

MAX_FACET_VALUES = 100

# These repeat the index expressions literally: spelled differently, the indexes are not used.
_DOCUMENT = SQL("""to_tsvector('english',
    coalesce(e.title, '') || ' ' || coalesce(e.description, '') || ' ' || coalesce(e.script_text, ''))""")
_LABELS = SQL("to_tsvector('english', episode_labels(e.tags, e.category, e.genre))")
_SHOW_NAME = SQL("to_tsvector('english', s.name)")

# One SELECT for each index; a single condition over all of them would use none.
_IDS_WITH_TERM = SQL("""(
    SELECT e.episode_id FROM episodes e WHERE e.deleted_at IS NULL AND {document} @@ {query}
    UNION SELECT e.episode_id FROM episodes e WHERE e.deleted_at IS NULL AND {labels} @@ {query}
    UNION SELECT e.episode_id FROM shows s JOIN episodes e USING (show_id)
        WHERE s.deleted_at IS NULL AND e.deleted_at IS NULL AND {show_name} @@ {query}
)""")

# Materialized before any join: a planner without statistics on new rows would evaluate the text search for every joined pair.
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

# The current rows of another engine's hits; episodes that were deleted since are left out.
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

# Sorted like the index, so that the first titles are found without reading the others.
SUGGEST_STATEMENT = SQL("""
SELECT title FROM (
    SELECT DISTINCT ON (lower(e.title)) lower(e.title) AS sort_key, e.title
    FROM episodes e JOIN shows s USING (show_id)
    WHERE {live} AND lower(e.title) LIKE lower(%(prefix)s) || '%%'
    ORDER BY lower(e.title) USING ~<~, e.episode_id LIMIT %(limit)s
) AS found ORDER BY sort_key USING ~<~
""").format(live=LIVE)


def search_statement(request: SearchRequest) -> tuple[Composed, dict[str, Any]]:
    """Build the search statement and its values for a request with at least one alternative."""
    parts, values = _statement_parts(request)
    statement = _SEARCH.format(
        columns=SUMMARY_COLUMNS, document=_DOCUMENT, labels=_LABELS, show_name=_SHOW_NAME, **parts
    )
    return statement, values | {"text": request.text.text, "limit": request.limit}


def search(connection: Connection, request: SearchRequest) -> str:
    """Return the best matches of a request with at least one alternative, best first, as a JSON array."""
    items: str = _fetch_one(connection, *search_statement(request))["items"]
    return items


def facets(connection: Connection, request: SearchRequest) -> Facets:
    """Count all matches of a request with at least one alternative by status, season and show."""
    parts, values = _statement_parts(request)
    return Facets.model_validate(_fetch_one(connection, _FACETS.format(**parts), values | {"most": MAX_FACET_VALUES}))


def find_by_ids(connection: Connection, ids: Sequence[UUID], ranks: Sequence[float]) -> str:
    """Return these episodes (hits of another engine), best first, as a JSON array."""
    items: str = _fetch_one(connection, _FIND_HITS, {"ids": list(ids), "ranks": list(ranks)})["items"]
    return items


def show_names(connection: Connection, show_ids: Sequence[str]) -> dict[str, str]:
    """Return the names of existing shows by id."""
    rows = connection.execute(_SHOW_NAMES, {"ids": list(show_ids)}).fetchall()
    return {row["show_id"]: row["name"] for row in rows}


def suggest(connection: Connection, prefix: str, *, limit: int) -> list[str]:
    """Return distinct episode titles with this prefix (case-insensitive), in alphabetical order."""
    # Escape the wildcards of LIKE.
    escaped = prefix.translate({ord(letter): f"\\{letter}" for letter in "\\%_"})
    rows = connection.execute(SUGGEST_STATEMENT, {"prefix": escaped, "limit": limit}).fetchall()
    return [row["title"] for row in rows]


def _statement_parts(request: SearchRequest) -> tuple[dict[str, Composable], dict[str, Any]]:
    """Build the parts that the statements share, and their values."""
    values: dict[str, Any] = dict(request.filters)
    alternatives: list[Composable] = []
    for alternative in request.text.alternatives:
        ids: list[Composable] = []
        for word in (*alternative.required, *alternative.excluded):
            values[name := f"word_{len(values)}"] = word
            ids.append(_ids_with_term(name))
        required = SQL("({})").format(SQL(" INTERSECT ").join(ids[: len(alternative.required)]))
        excluded = ids[len(alternative.required) :]
        alternatives.append(SQL("({})").format(SQL(" EXCEPT ").join([required, *excluded])))
    conditions = [SQL("{} = {}").format(Identifier("e", name), Placeholder(name)) for name in request.filters]
    parts: dict[str, Composable] = {
        "matching": _MATCHING.format(ids=SQL(" UNION ").join(alternatives)),
        "rows": _ROWS.format(conditions=SQL(" AND ").join([LIVE, *conditions])),
    }
    return parts, values


def _ids_with_term(name: str) -> Composable:
    """Select the ids of all episodes that contain a word or phrase."""
    query = SQL("phraseto_tsquery('english', {})").format(Placeholder(name))
    return _IDS_WITH_TERM.format(document=_DOCUMENT, labels=_LABELS, show_name=_SHOW_NAME, query=query)


def _fetch_one(connection: Connection, statement: Composed, values: dict[str, Any]) -> dict[str, Any]:
    row = connection.execute(statement, values).fetchone()
    assert row is not None, "an aggregate always returns one row"  # noqa: S101
    return row
