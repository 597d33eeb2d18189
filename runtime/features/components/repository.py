"""SQL on components."""

from psycopg.sql import SQL

from runtime.features.components.schemas import Component
from runtime.mechanisms.records.assets import asset_orders, file_columns, has_tag
from runtime.mechanisms.records.table import Table

TABLE = Table(
    name="components",
    alias="c",
    row_id="component_id",
    model=Component,
    columns=SQL("c.component_id, {}, c.component_type").format(file_columns("c")),
    orders=asset_orders("c"),
    conditions={"tag": has_tag("c")},
)
