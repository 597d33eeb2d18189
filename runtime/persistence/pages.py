"""Keyset pagination: each page begins after the last row of the previous one. Independent of the web framework.

Pages are sorted newest first by id (UUIDv7, which sorts by time), or in another order. Postgres produces the JSON of a page, which
is about twice as fast as a Pydantic model for each row.
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
INVALID_CURSOR = "Invalid cursor for this sort order"


class Position(NamedTuple):
    """The position of a row in a sort order: its id and its sort value as text; no value in the default order."""

    row_id: UUID
    value: str | None = None


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    """A requested page: at most `limit` rows after the position `after`.

    `order` is the name of a sort order, with a leading minus for descending; None sorts newest first.
    """

    limit: int = DEFAULT_LIMIT
    order: str | None = None
    after: Position | None = None


@dataclass(frozen=True, kw_only=True)
class JsonPage:
    """A page as a JSON array from Postgres, and the position of its last row if there are more rows."""

    items: str
    last: Position | None
    order: str | None = None


@dataclass(frozen=True, kw_only=True)
class Order:
    """A sort order: an expression that is never null, and its type."""

    by: Composable
    type: LiteralString = "text"


# One row more than requested is selected, to find out whether there is a next page.
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
# The same in another order. Rows become JSON early, because the sort expression is not always one of their columns.
_ORDERED_PAGE = SQL("""
WITH found AS (
    SELECT {row_id} AS row_id, {by} AS sort_value, (SELECT row_to_json(item) FROM (SELECT {columns}) AS item) AS item
    FROM {source} WHERE {conditions} ORDER BY {by} {direction}, {row_id} {direction} LIMIT %(limit)s + 1
), page AS (
    SELECT * FROM found ORDER BY sort_value {direction}, row_id {direction} LIMIT %(limit)s
), last AS (
    SELECT row_id, sort_value FROM page ORDER BY sort_value {reverse}, row_id {reverse} LIMIT 1
)
SELECT coalesce((SELECT json_agg(item ORDER BY sort_value {direction}, row_id {direction})::text FROM page), '[]') AS items,
       CASE WHEN (SELECT count(*) FROM found) > %(limit)s THEN (SELECT row_id FROM last) END AS last_id,
       (SELECT sort_value::text FROM last) AS last_value
""")
_DIRECTIONS = (SQL("ASC"), SQL("DESC"))
EVERY_ROW = SQL("true")


@dataclass(frozen=True, kw_only=True)
class ListQuery:
    """A query for pages of rows: `columns`, formatted as they are sent and including `row_id`, from `source`.

    `alias` is the alias of the table with the id, if there is one. A filter compares the column of its name for equality, unless
    `conditions` has another expression.
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
        """Return the page of the rows that match `visible` and all filters that are not None.

        Raises:
            InvalidInputError: The position has a value of another type than this order.
        """
        given = {name: value for name, value in filters.items() if value is not None}
        statement = self.statement(given, visible=visible, is_first=page.after is None, order=page.order)
        position = {"after": page.after.row_id, "after_value": page.after.value} if page.after else {}
        try:
            row = connection.execute(statement, {**given, **position, "limit": page.limit}).fetchone()
        except DataError as error:
            if page.after is None or page.after.value is None:
                raise
            raise InvalidInputError(INVALID_CURSOR, field="query.cursor") from error
        assert row is not None, "an aggregate always returns one row"  # noqa: S101
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
        """Return the statement for these filters. Each combination is a statement of its own, so that each gets its best plan."""
        row_id = self._column(self.row_id)
        matches = [self.conditions.get(name) or self._equal(name) for name in filters]
        if order is None:
            after = [] if is_first else [SQL("{} < %(after)s").format(row_id)]
            return _PAGE.format(
                columns=self.columns,
                source=self.source,
                conditions=SQL(" AND ").join([visible, *after, *matches]),
                row_id=row_id,
                name=Identifier(self.row_id),
            )
        is_descending = order.startswith(DESCENDING)
        sort_order = self.orders[order.removeprefix(DESCENDING)]
        later = SQL("({}, {}) {} (%(after_value)s::{}, %(after)s)").format(
            sort_order.by, row_id, SQL("<" if is_descending else ">"), SQL(sort_order.type)
        )
        return _ORDERED_PAGE.format(
            columns=self.columns,
            source=self.source,
            conditions=SQL(" AND ").join([visible, *([] if is_first else [later]), *matches]),
            row_id=row_id,
            by=sort_order.by,
            direction=_DIRECTIONS[is_descending],
            reverse=_DIRECTIONS[not is_descending],
        )

    def _equal(self, name: str) -> Composable:
        return SQL("{} = {}").format(self._column(name), Placeholder(name))

    def _column(self, name: str) -> Identifier:
        return Identifier(self.alias, name) if self.alias else Identifier(name)


def encode_cursor(position: Position, order: str | None = None) -> str:
    """Return the opaque cursor for the rows after a position. It is valid only for this order."""
    if order is None:
        return _encode(position.row_id.bytes)
    return _encode(json.dumps([order, position.value, position.row_id.hex], ensure_ascii=False).encode())


def decode_cursor(cursor: str, order: str | None = None) -> Position:
    """Return the position in a cursor.

    Raises:
        InvalidInputError: The cursor is malformed, or for another order.
    """
    try:
        content = base64.urlsafe_b64decode(cursor.encode("ascii") + b"==")
        position = Position(UUID(bytes=content)) if order is None else _ordered_position(content, order)
        # Base64 decoding is lenient: several texts decode to one value. Only the canonical one is accepted.
        is_canonical = position is not None and encode_cursor(position, order) == cursor
    except (ValueError, RecursionError, binascii.Error):
        is_canonical = False
    if not is_canonical or position is None:
        raise InvalidInputError(INVALID_CURSOR, field="query.cursor")
    return position


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _ordered_position(content: bytes, order: str) -> Position | None:
    match json.loads(content):
        case [str(cursor_order), str(value), str(row_id)] if cursor_order == order and "\0" not in value:
            return Position(UUID(row_id), value)
    return None
