"""SQL on backgrounds."""

from psycopg.sql import SQL

from runtime.features.backgrounds.schemas import Background
from runtime.mechanisms.records.assets import asset_orders, file_columns, has_tag, usage_columns
from runtime.mechanisms.records.table import Table

TABLE = Table(
    name="backgrounds",
    alias="b",
    row_id="background_id",
    model=Background,
    columns=SQL("b.background_id, {}, b.background_type, b.location, {}").format(
        file_columns("b"), usage_columns("episode_backgrounds", "background_id", "b")
    ),
    orders=asset_orders("b"),
    conditions={"tag": has_tag("b")},
)
