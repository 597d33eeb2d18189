"""The statements of the episodes' list and get, for those who run them without the API."""

import re
from collections.abc import Sequence

from psycopg.sql import SQL, Composed

from runtime.features.episodes import repository

LIST_PARAMETERS = ("limit",)
GET_PARAMETERS = ("row_id",)

# The API's own, to the letter: the list without a filter.
LIST_JSON = repository.LISTING.statement((), visible=repository.LIVE)
GET_ROWS = repository.TABLE.find_visible

LIST_ROWS = SQL("""
SELECT {columns} FROM episodes e JOIN shows s USING (show_id)
WHERE {visible}
ORDER BY e.episode_id DESC LIMIT %(limit)s + 1
""").format(columns=repository.SUMMARY_COLUMNS, visible=repository.LIVE)

GET_JSON = SQL("SELECT row_to_json(found)::text AS item, found.etag FROM ({rows}) found").format(rows=GET_ROWS)


def numbered() -> dict[str, str]:
    """The statements with `$1` and so on for their parameters, as the protocol has them and pg wants them."""
    return {
        "list_json": _numbered(LIST_JSON, LIST_PARAMETERS),
        "list_rows": _numbered(LIST_ROWS, LIST_PARAMETERS),
        "get_json": _numbered(GET_JSON, GET_PARAMETERS),
        "get_rows": _numbered(GET_ROWS, GET_PARAMETERS),
    }


def _numbered(statement: Composed, parameters: Sequence[str]) -> str:
    return re.sub(r"%\((\w+)\)s", lambda found: f"${parameters.index(found[1]) + 1}", statement.as_string(None))
