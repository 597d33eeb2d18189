"""The words by which shows, outfits, UI elements, backgrounds and clips are found. Their indexes come with the next revision."""

from alembic import op

revision = "0009"
down_revision = "0008"

UP = """
-- As with episode_labels: what an index is made of must never change for the same values.
CREATE FUNCTION asset_words(name text, description text, tags text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(name, '') || ' ' || coalesce(description, '') || ' ' || coalesce(array_to_string(tags, ' '), '');
"""

DOWN = """
DROP FUNCTION asset_words(text, text, text[]);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN)
