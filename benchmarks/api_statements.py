"""The SQL statements of the episodes' list and get, for candidates that run them without the API."""

import re
from collections.abc import Sequence

from psycopg.sql import SQL, Composed

from runtime.features.episodes import repository

LIST_PARAMETERS = ("limit",)
GET_PARAMETERS = ("row_id",)

# The API's own statement: the list without a filter.
LIST_JSON = repository.LISTING.statement((), visible=repository.LIVE)
GET_ROWS = repository.TABLE.find_visible

LIST_ROWS = SQL("""
SELECT {columns} FROM episodes e JOIN shows s USING (show_id)
WHERE {visible}
ORDER BY e.episode_id DESC LIMIT %(limit)s + 1
""").format(columns=repository.SUMMARY_COLUMNS, visible=repository.LIVE)

GET_JSON = SQL("SELECT row_to_json(found)::text AS item, found.etag FROM ({rows}) found").format(rows=GET_ROWS)


def numbered_statements() -> dict[str, str]:
    """Return the statements with `$1`, `$2` … as parameters, as the PostgreSQL protocol and node-postgres use them."""
    return {
        "list_json": _with_numbered_parameters(LIST_JSON, LIST_PARAMETERS),
        "list_rows": _with_numbered_parameters(LIST_ROWS, LIST_PARAMETERS),
        "get_json": _with_numbered_parameters(GET_JSON, GET_PARAMETERS),
        "get_rows": _with_numbered_parameters(GET_ROWS, GET_PARAMETERS),
    }


def _with_numbered_parameters(statement: Composed, parameters: Sequence[str]) -> str:
    return re.sub(r"%\((\w+)\)s", lambda found: f"${parameters.index(found[1]) + 1}", statement.as_string(None))
