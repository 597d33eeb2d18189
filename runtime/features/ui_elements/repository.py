"""SQL on ui_elements."""

from psycopg.sql import SQL

from runtime.features.ui_elements.schemas import UiElement
from runtime.mechanisms.records.assets import asset_orders, file_columns, has_tag, usage_columns
from runtime.mechanisms.records.table import Table

TABLE = Table(
    name="ui_elements",
    alias="u",
    row_id="ui_element_id",
    model=UiElement,
    columns=SQL("u.ui_element_id, {}, u.element_type, {}").format(
        file_columns("u"), usage_columns("episode_ui_elements", "ui_element_id", "u")
    ),
    orders=asset_orders("u"),
    conditions={"tag": has_tag("u")},
)
