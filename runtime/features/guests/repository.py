"""SQL on guests."""

from psycopg.sql import SQL

from runtime.features.guests.schemas import Guest
from runtime.mechanisms.records.assets import asset_orders, has_tag
from runtime.mechanisms.records.table import Table

TABLE = Table(
    name="guests",
    alias="g",
    row_id="guest_id",
    model=Guest,
    columns=SQL("g.guest_id, g.name, g.biography, g.role, g.social_links, g.tags, g.thumbnail_reference, g.metadata"),
    json_columns=frozenset({"metadata", "social_links"}),
    orders=asset_orders("g"),
    conditions={"tag": has_tag("g")},
)
