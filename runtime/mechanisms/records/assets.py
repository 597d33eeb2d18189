"""The columns, orders and filters that the tables of assets have in common."""

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
    """What every asset has."""
    return _COLUMNS.format(Identifier(alias))


def file_columns(alias: str) -> Composed:
    """What every asset has that is a file."""
    return SQL("{}, {}").format(asset_columns(alias), _FILE_COLUMNS.format(Identifier(alias)))


def usage_columns(links: str, row_id: str, alias: str) -> Composed:
    """How much episodes use an asset, by its table of links."""
    return _USAGE.format(
        links=Identifier(links),
        row_id=Identifier(row_id),
        alias=Identifier(alias),
        last_used_at=utc("max(used.linked_at)"),
    )


def asset_orders(alias: str) -> dict[str, Order]:
    """What lists of assets can be sorted by, besides the time at which each was made."""
    return {
        "name": Order(by=SQL("lower({}.name)").format(Identifier(alias))),
        "updated_at": Order(by=SQL("{}.updated_at").format(Identifier(alias)), type="timestamptz"),
    }


def has_tag(alias: str) -> Composed:
    """The filter `tag`: those that have this one among others."""
    return SQL("{}.tags @> ARRAY[%(tag)s::text]").format(Identifier(alias))
