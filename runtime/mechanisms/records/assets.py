"""Columns, sort orders and filters shared by the tables of assets."""

from psycopg.sql import SQL, Composed, Identifier

from runtime.persistence.pages import Order
from runtime.persistence.timestamps import utc

_COLUMNS = SQL("{0}.name, {0}.description, {0}.tags, {0}.thumbnail_reference, {0}.metadata")
_FILE_COLUMNS = SQL("{0}.file_reference, {0}.file_hash")
_USAGE = SQL("""
    (SELECT count(*) FROM {links} used JOIN episodes USING (episode_id)
     WHERE used.{row_id} = {alias}.{row_id} AND episodes.deleted_at IS NULL) AS usage_count,
    (SELECT {last_used_at} FROM {links} used JOIN episodes USING (episode_id)
     WHERE used.{row_id} = {alias}.{row_id} AND episodes.deleted_at IS NULL) AS last_used_at
""")


def asset_columns(alias: str) -> Composed:
    """Return the columns of every asset."""
    return _COLUMNS.format(Identifier(alias))


def file_columns(alias: str) -> Composed:
    """Return the columns of an asset that is a file."""
    return SQL("{}, {}").format(asset_columns(alias), _FILE_COLUMNS.format(Identifier(alias)))


def usage_columns(links: str, row_id: str, alias: str) -> Composed:
    """Return the columns with the usage of an asset by episodes, from its link table."""
    return _USAGE.format(
        links=Identifier(links),
        row_id=Identifier(row_id),
        alias=Identifier(alias),
        last_used_at=utc("max(used.linked_at)"),
    )


def asset_orders(alias: str) -> dict[str, Order]:
    """Return the sort orders of lists of assets, besides the default by creation time."""
    return {
        "name": Order(by=SQL("lower({}.name)").format(Identifier(alias))),
        "updated_at": Order(by=SQL("{}.updated_at").format(Identifier(alias)), type="timestamptz"),
    }


def has_tag(alias: str) -> Composed:
    """Return the condition of the filter `tag`: assets whose tags contain it."""
    return SQL("{}.tags @> ARRAY[%(tag)s::text]").format(Identifier(alias))
