"""Full text over episodes, by Postgres."""

from psycopg.sql import SQL

from runtime.features.episodes.repository import LIVE, SUMMARY_COLUMNS
from runtime.web.transaction import Connection

# The expression of the index idx_episodes_fts word for word: spelt in any other way, the index is not used.
_DOCUMENT = SQL("""to_tsvector('english',
    coalesce(e.title, '') || ' ' || coalesce(e.description, '') || ' ' || coalesce(e.script_text, ''))""")

SEARCH = SQL("""
WITH found AS (
    SELECT {columns}, ts_rank({document}, query) AS rank
    FROM episodes e JOIN shows s USING (show_id), websearch_to_tsquery('english', %(text)s) query
    WHERE {live} AND {document} @@ query
    ORDER BY rank DESC, e.episode_id DESC LIMIT %(limit)s
)
SELECT coalesce(json_agg(row_to_json(found) ORDER BY rank DESC, episode_id DESC)::text, '[]') AS items FROM found
""").format(columns=SUMMARY_COLUMNS, document=_DOCUMENT, live=LIVE)


def search(connection: Connection, text: str, *, limit: int) -> str:
    """The best matches, best first, as a JSON array.

    Words are reduced to their stems; "quoted words" stand together, `or` and `-word` mean what they mean in a web search,
    and no text is a syntax error.
    """
    row = connection.execute(SEARCH, {"text": text, "limit": limit}).fetchone()
    assert row is not None, "an aggregate always answers one row"  # noqa: S101
    items: str = row["items"]
    return items
