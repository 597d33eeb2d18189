"""Full-text search in Postgres over the names, descriptions and tags of shows and assets.

Search texts have the same syntax and meaning as in the search of episodes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal, Placeholder

from runtime.features.search.query_parser import SearchText
from runtime.persistence.transactions import Connection

_NO_TAGS = SQL("'{}'")


@dataclass(frozen=True, kw_only=True)
class AssetTable:
    """Table and columns of one asset type."""

    table: str
    row_id: str
    name: str = "name"
    tags: Composable = field(default_factory=lambda: SQL("a.tags"))
    thumbnail: Composable = field(default_factory=lambda: SQL("a.thumbnail_reference"))


# By asset type, as it appears in the path.
TABLES: Mapping[str, AssetTable] = MappingProxyType(
    {
        "shows": AssetTable(table="shows", row_id="show_id", tags=_NO_TAGS, thumbnail=SQL("NULL")),
        "outfits": AssetTable(table="outfits", row_id="outfit_id"),
        "ui-elements": AssetTable(table="ui_elements", row_id="ui_element_id"),
        "backgrounds": AssetTable(table="backgrounds", row_id="background_id"),
        "clips": AssetTable(table="clips", row_id="clip_id", name="title"),
    }
)

# The condition repeats the index expression literally: spelled differently, the index is not used. A match in the name ranks
# highest, one in the tags next.
_SEARCH = SQL("""
WITH parsed AS MATERIALIZED (SELECT {query} AS query), found AS (
    SELECT {type} AS type, a.{row_id} AS id, a.{name} AS name, a.description, {tags}::text[] AS tags,
        {thumbnail} AS thumbnail_reference,
        ts_rank(setweight(to_tsvector('english', a.{name}), 'A')
            || setweight(to_tsvector('english', coalesce(array_to_string({tags}::text[], ' '), '')), 'B')
            || to_tsvector('english', coalesce(a.description, '')), (SELECT query FROM parsed)) AS rank
    FROM {table} a
    WHERE a.deleted_at IS NULL
        AND to_tsvector('english', asset_words(a.{name}, a.description, {tags})) @@ (SELECT query FROM parsed)
    ORDER BY rank DESC, a.{row_id} DESC LIMIT %(limit)s
)
SELECT coalesce(json_agg(row_to_json(found) ORDER BY rank DESC, id DESC)::text, '[]') AS items FROM found
""")


def statement(asset_type: str, text: SearchText) -> tuple[Composed, dict[str, Any]]:
    """Build the statement and its values for a text with at least one alternative."""
    table, values = TABLES[asset_type], dict[str, Any]()
    alternatives: list[Composable] = []
    for alternative in text.alternatives:
        terms: list[Composable] = []
        for word in (*alternative.required, *alternative.excluded):
            values[name := f"word_{len(values)}"] = word
            negation = SQL("") if len(terms) < len(alternative.required) else SQL("!! ")
            terms.append(SQL("({}phraseto_tsquery('english', {}))").format(negation, Placeholder(name)))
        alternatives.append(SQL("({})").format(SQL(" && ").join(terms)))
    composed = _SEARCH.format(
        query=SQL(" || ").join(alternatives),
        type=Literal(asset_type),
        row_id=Identifier(table.row_id),
        name=Identifier(table.name),
        tags=table.tags,
        thumbnail=table.thumbnail,
        table=Identifier(table.table),
    )
    return composed, values


def search(connection: Connection, asset_type: str, text: SearchText, *, limit: int) -> str:
    """Return the best matches of an asset type (a key of TABLES), best first, as a JSON array.

    A text without required words matches nothing.
    """
    if not text.alternatives:
        return "[]"
    composed, values = statement(asset_type, text)
    row = connection.execute(composed, values | {"limit": limit}).fetchone()
    assert row is not None, "an aggregate always returns one row"  # noqa: S101
    items: str = row["items"]
    return items
