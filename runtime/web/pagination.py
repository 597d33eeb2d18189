"""Keyset pages: newest first, each page begins after the last id of the one before. No web framework here.

Ids are UUIDv7, which sort by time. Postgres writes a page as JSON: about twice as fast as a model for each row.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from psycopg.sql import SQL, Composable, Composed, Identifier, Placeholder

from runtime.errors import InvalidInputError
from runtime.web.transaction import Connection

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    """Which page is asked for: at most `limit` rows, those older than the row `after`."""

    limit: int = DEFAULT_LIMIT
    after: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class JsonPage:
    """A page as Postgres wrote it: a JSON array, and the id of its last row when more rows follow."""

    items: str
    last_id: UUID | None


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
EVERY_ROW = SQL("true")


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A list of rows: `columns` in the very form in which they are sent, the id's column `row_id` among them, from `source`,
    where the columns that a page is made by are those of the table `alias`, if it has one."""

    columns: Composable
    source: SQL
    row_id: str
    alias: str | None = None

    def page(
        self, connection: Connection, page: PageRequest, *, visible: Composable = EVERY_ROW, **filters: object
    ) -> JsonPage:
        """The page of the rows for which `visible` holds and whose column has the value of each filter that is not None."""
        given = {name: value for name, value in filters.items() if value is not None}
        values = given | {"limit": page.limit} | ({"after": page.after} if page.after else {})
        statement = self.statement(given, visible=visible, is_first=page.after is None)
        row = connection.execute(statement, values).fetchone()
        assert row is not None, "an aggregate always answers one row"  # noqa: S101
        return JsonPage(items=row["items"], last_id=row["last_id"])

    def statement(self, filters: Iterable[str], *, visible: Composable = EVERY_ROW, is_first: bool = True) -> Composed:
        """Only what is given is in it, so that each combination gets a plan of its own, with the index that helps."""
        row_id = self._column(self.row_id)
        after = [] if is_first else [SQL("{} < %(after)s").format(row_id)]
        equal = [SQL("{} = {}").format(self._column(name), Placeholder(name)) for name in filters]
        return _PAGE.format(
            columns=self.columns,
            source=self.source,
            conditions=SQL(" AND ").join([visible, *after, *equal]),
            row_id=row_id,
            name=Identifier(self.row_id),
        )

    def _column(self, name: str) -> Identifier:
        return Identifier(self.alias, name) if self.alias else Identifier(name)


def cursor_of(row_id: UUID) -> str:
    """The opaque cursor for the rows after this one."""
    return base64.urlsafe_b64encode(row_id.bytes).rstrip(b"=").decode()


def row_id_of(cursor: str) -> UUID:
    """The id in a cursor of ours; InvalidInputError for anything else."""
    try:
        row_id = UUID(bytes=base64.urlsafe_b64decode(cursor.encode("ascii") + b"=="))
    except (ValueError, binascii.Error):
        row_id = None
    # Base64 has several spellings of one value and skips foreign characters; only our own spelling counts.
    if row_id is None or cursor_of(row_id) != cursor:
        raise InvalidInputError("This is not a cursor that the API gave", field="query.cursor")
    return row_id
