"""Full text over shows and over what episodes are made of, by Postgres alone: their names, descriptions and tags.

A search text is read as the search of episodes reads it, so the same words mean the same in both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal, Placeholder

from runtime.features.search.words import SearchText
from runtime.persistence.transactions import Connection

_NO_TAGS = SQL("'{}'")


@dataclass(frozen=True, kw_only=True)
class AssetTable:
    """Where assets of one type are kept."""

    table: str
    row_id: str
    name: str = "name"
    tags: Composable = field(default_factory=lambda: SQL("a.tags"))
    thumbnail: Composable = field(default_factory=lambda: SQL("a.thumbnail_reference"))


# By the type, as it is in the address.
TABLES: Mapping[str, AssetTable] = MappingProxyType(
    {
        "shows": AssetTable(table="shows", row_id="show_id", tags=_NO_TAGS, thumbnail=SQL("NULL")),
        "outfits": AssetTable(table="outfits", row_id="outfit_id"),
        "ui-elements": AssetTable(table="ui_elements", row_id="ui_element_id"),
        "backgrounds": AssetTable(table="backgrounds", row_id="background_id"),
        "clips": AssetTable(table="clips", row_id="clip_id", name="title"),
    }
)

# The document is the index's expression word for word: spelt in any other way, the index is not used. In the rank, a word of the
# name counts most, one of the tags next.
_SEARCH = SQL("""
WITH asked AS MATERIALIZED (SELECT {query} AS query), found AS (
    SELECT {type} AS type, a.{row_id} AS id, a.{name} AS name, a.description, {tags}::text[] AS tags,
        {thumbnail} AS thumbnail_reference,
        ts_rank(setweight(to_tsvector('english', a.{name}), 'A')
            || setweight(to_tsvector('english', coalesce(array_to_string({tags}::text[], ' '), '')), 'B')
            || to_tsvector('english', coalesce(a.description, '')), (SELECT query FROM asked)) AS rank
    FROM {table} a
    WHERE a.deleted_at IS NULL
        AND to_tsvector('english', asset_words(a.{name}, a.description, {tags})) @@ (SELECT query FROM asked)
    ORDER BY rank DESC, a.{row_id} DESC LIMIT %(limit)s
)
SELECT coalesce(json_agg(row_to_json(found) ORDER BY rank DESC, id DESC)::text, '[]') AS items FROM found
""")


def statement(asset_type: str, text: SearchText) -> tuple[Composed, dict[str, Any]]:
    """The statement of a search that looks for at least one word, and its values."""
    kind, values = TABLES[asset_type], dict[str, Any]()
    alternatives: list[Composable] = []
    for alternative in text.alternatives:
        terms: list[Composable] = []
        for word in (*alternative.wanted, *alternative.unwanted):
            values[name := f"word_{len(values)}"] = word
            minus = SQL("") if len(terms) < len(alternative.wanted) else SQL("!! ")
            terms.append(SQL("({}phraseto_tsquery('english', {}))").format(minus, Placeholder(name)))
        alternatives.append(SQL("({})").format(SQL(" && ").join(terms)))
    made = _SEARCH.format(
        query=SQL(" || ").join(alternatives),
        type=Literal(asset_type),
        row_id=Identifier(kind.row_id),
        name=Identifier(kind.name),
        tags=kind.tags,
        thumbnail=kind.thumbnail,
        table=Identifier(kind.table),
    )
    return made, values


def search(connection: Connection, asset_type: str, text: SearchText, *, limit: int) -> str:
    """The best matches of this type, which is one of TABLES, best first, as a JSON array. None for a text that wants nothing."""
    if not text.alternatives:
        return "[]"
    made, values = statement(asset_type, text)
    row = connection.execute(made, values | {"limit": limit}).fetchone()
    assert row is not None, "an aggregate always answers one row"  # noqa: S101
    items: str = row["items"]
    return items
