"""Timestamps as the API sends them, written by Postgres."""

from typing import LiteralString

from psycopg.sql import SQL, Composable, Composed

_UTC = SQL("""to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')""")


def utc(timestamp: LiteralString | Composable) -> Composed:
    """Return the SQL expression that writes a `timestamptz` as RFC 3339 text in UTC with milliseconds."""
    return _UTC.format(timestamp if isinstance(timestamp, Composable) else SQL(timestamp))
