"""Statements that store what a caller sent: only those columns, and only if one of them has another value."""

from collections.abc import Mapping
from typing import Any

from psycopg.sql import SQL, Composable, Composed, Identifier, Placeholder


def statement(update: SQL, values: Mapping[str, Any], **more: Composable) -> Composed:
    """`update` with its `{assignments}`, and the `{names}` and `{values}` that tell whether anything changes. Values that are
    stored already are no change: such a row keeps its version."""
    return update.format(
        assignments=SQL(", ").join(SQL("{} = {}").format(Identifier(name), Placeholder(name)) for name in values),
        names=SQL(", ").join(map(Identifier, values)),
        values=SQL(", ").join(map(Placeholder, values)),
        **more,
    )
