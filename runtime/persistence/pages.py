"""Keyset pages: each begins after the last row of the one before, newest first unless another order is asked for. No web
framework here.

Ids are UUIDv7, which sort by time. Postgres writes a page as JSON: about twice as fast as a model for each row.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import LiteralString, NamedTuple
from uuid import UUID

from psycopg.errors import DataError
from psycopg.sql import SQL, Composable, Composed, Identifier, Placeholder

from runtime.errors import InvalidInputError
from runtime.persistence.transactions import Connection

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
DESCENDING = "-"
NO_CURSOR = "This is not a cursor that the API gave for this order"


class Position(NamedTuple):
    """A row's place in an order: its id, and what it is sorted by, as text. In the order of time, the id says it all."""

    row_id: UUID
    value: str | None = None


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    """Which page is asked for: at most `limit` rows, those behind the place `after`. `order` is the name of an order, with a
    minus before it for the other way round; None for the newest first."""

    limit: int = DEFAULT_LIMIT
    order: str | None = None
    after: Position | None = None


@dataclass(frozen=True, kw_only=True)
class JsonPage:
    """A page as Postgres wrote it: a JSON array, and the place of its last row when more rows follow."""

    items: str
    last: Position | None
    order: str | None = None


@dataclass(frozen=True, kw_only=True)
class Order:
    """What rows can be sorted by: an expression that is never null, and its type."""

    by: Composable
    type: LiteralString = "text"


# One row more than asked for tells whether there is a next page.
_PAGE = SQL("""
WITH found AS (
    SELECT {columns} FROM {source} WHERE {conditions} ORDER BY {row_id} DESC LIMIT %(limit)s + 1
), page AS (
    SELECT * FROM found ORDER BY {name} DESC LIMIT %(limit)s
)
SELECT coalesce((SELECT json_agg(row_to_json(page) ORDER BY {name} DESC)::text FROM page), '[]') AS items,
       CASE WHEN (SELECT count(*) FROM found) > %(limit)s
            THEN (SELECT {name} FROM page ORDER BY {name} LIMIT 1) END AS last_id
""")
# The same in another order. What a row is sorted by is not always one of its columns, so rows become JSON at once.
_ORDERED_PAGE = SQL("""
WITH found AS (
    SELECT {row_id} AS row_id, {by} AS place, (SELECT row_to_json(item) FROM (SELECT {columns}) AS item) AS item
    FROM {source} WHERE {conditions} ORDER BY {by} {forth}, {row_id} {forth} LIMIT %(limit)s + 1
), page AS (
    SELECT * FROM found ORDER BY place {forth}, row_id {forth} LIMIT %(limit)s
), last AS (
    SELECT row_id, place FROM page ORDER BY place {back}, row_id {back} LIMIT 1
)
SELECT coalesce((SELECT json_agg(item ORDER BY place {forth}, row_id {forth})::text FROM page), '[]') AS items,
       CASE WHEN (SELECT count(*) FROM found) > %(limit)s THEN (SELECT row_id FROM last) END AS last_id,
       (SELECT place::text FROM last) AS last_value
""")
_DIRECTIONS = (SQL("ASC"), SQL("DESC"))
EVERY_ROW = SQL("true")


@dataclass(frozen=True, kw_only=True)
class ListQuery:
    """A list of rows: `columns` in the very form in which they are sent, the id's column `row_id` among them, from `source`,
    where the columns that a page is made by are those of the table `alias`, if it has one.

    A filter holds for rows whose column of its name equals the value, unless `conditions` says by which expression.
    """

    columns: Composable
    source: Composable
    row_id: str
    alias: str | None = None
    orders: Mapping[str, Order] = field(default_factory=dict)
    conditions: Mapping[str, Composable] = field(default_factory=dict)

    def page(
        self, connection: Connection, page: PageRequest, *, visible: Composable = EVERY_ROW, **filters: object
    ) -> JsonPage:
        """The page of the rows for which `visible` and each filter that is not None hold. InvalidInputError for a place
        that is none in this order."""
        given = {name: value for name, value in filters.items() if value is not None}
        statement = self.statement(given, visible=visible, is_first=page.after is None, order=page.order)
        place = {"after": page.after.row_id, "after_value": page.after.value} if page.after else {}
        try:
            row = connection.execute(statement, {**given, **place, "limit": page.limit}).fetchone()
        except DataError as error:
            if page.after is None or page.after.value is None:
                raise
            raise InvalidInputError(NO_CURSOR, field="query.cursor") from error
        assert row is not None, "an aggregate always answers one row"  # noqa: S101
        last = Position(row["last_id"], row.get("last_value")) if row["last_id"] else None
        return JsonPage(items=row["items"], last=last, order=page.order)

    def statement(
        self,
        filters: Iterable[str],
        *,
        visible: Composable = EVERY_ROW,
        is_first: bool = True,
        order: str | None = None,
    ) -> Composed:
        """Only what is given is in it, so that each combination gets a plan of its own, with the index that helps."""
        row_id = self._column(self.row_id)
        holding = [self.conditions.get(name) or self._equal(name) for name in filters]
        if order is None:
            after = [] if is_first else [SQL("{} < %(after)s").format(row_id)]
            return _PAGE.format(
                columns=self.columns,
                source=self.source,
                conditions=SQL(" AND ").join([visible, *after, *holding]),
                row_id=row_id,
                name=Identifier(self.row_id),
            )
        is_descending = order.startswith(DESCENDING)
        chosen = self.orders[order.removeprefix(DESCENDING)]
        behind = SQL("({}, {}) {} (%(after_value)s::{}, %(after)s)").format(
            chosen.by, row_id, SQL("<" if is_descending else ">"), SQL(chosen.type)
        )
        return _ORDERED_PAGE.format(
            columns=self.columns,
            source=self.source,
            conditions=SQL(" AND ").join([visible, *([] if is_first else [behind]), *holding]),
            row_id=row_id,
            by=chosen.by,
            forth=_DIRECTIONS[is_descending],
            back=_DIRECTIONS[not is_descending],
        )

    def _equal(self, name: str) -> Composable:
        return SQL("{} = {}").format(self._column(name), Placeholder(name))

    def _column(self, name: str) -> Identifier:
        return Identifier(self.alias, name) if self.alias else Identifier(name)


def encode_cursor(place: Position, order: str | None = None) -> str:
    """The opaque cursor for the rows behind this one. It holds for the order that it was made in."""
    if order is None:
        return _encoded(place.row_id.bytes)
    return _encoded(json.dumps([order, place.value, place.row_id.hex], ensure_ascii=False).encode())


def decode_cursor(cursor: str, order: str | None = None) -> Position:
    """The place in a cursor of ours for this order; InvalidInputError for anything else."""
    try:
        content = base64.urlsafe_b64decode(cursor.encode("ascii") + b"==")
        place = Position(UUID(bytes=content)) if order is None else _ordered_position(content, order)
        # Base64 has several spellings of one value and skips foreign characters; only our own spelling counts.
        is_ours = place is not None and encode_cursor(place, order) == cursor
    except (ValueError, RecursionError, binascii.Error):
        is_ours = False
    if not is_ours or place is None:
        raise InvalidInputError(NO_CURSOR, field="query.cursor")
    return place


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _ordered_position(content: bytes, order: str) -> Position | None:
    match json.loads(content):
        case [str(made_in), str(value), str(row_id)] if made_in == order and "\0" not in value:
            return Position(UUID(row_id), value)
    return None
