"""SQL on outfits, including filters by their parts."""

from psycopg.sql import SQL

from runtime.features.outfits.schemas import Outfit
from runtime.mechanisms.records.assets import asset_columns, asset_orders, has_tag, usage_columns
from runtime.mechanisms.records.table import Table

TABLE = Table(
    name="outfits",
    alias="o",
    row_id="outfit_id",
    model=Outfit,
    columns=SQL("o.outfit_id, {}, o.top, o.shoes, o.accessories, {}").format(
        asset_columns("o"), usage_columns("episode_outfits", "outfit_id", "o")
    ),
    json_columns=frozenset({"metadata", "top", "shoes", "accessories"}),
    orders=asset_orders("o"),
    conditions={
        "tag": has_tag("o"),
        "top": SQL("o.top @> %(top)s::jsonb"),
        "shoes": SQL("o.shoes @> %(shoes)s::jsonb"),
        "accessories": SQL("o.accessories @> jsonb_build_array(%(accessories)s::jsonb)"),
    },
)
