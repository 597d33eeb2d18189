"""Search finds episodes by their tags, category and genre, and by their show's name."""

from alembic import op

revision = "0004"
down_revision = "0003"

UP = """
-- An index may only be made of what never changes for the same values, and array_to_string is not declared so, because there
-- are types whose text depends on a setting. That of text does not.
CREATE FUNCTION episode_labels(tags text[], category text, genre text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN array_to_string(tags, ' ') || ' ' || coalesce(category, '') || ' ' || coalesce(genre, '');
CREATE INDEX idx_episodes_labels_fts ON episodes USING gin (to_tsvector('english', episode_labels(tags, category, genre)))
    WHERE deleted_at IS NULL;
CREATE INDEX idx_shows_name_fts ON shows USING gin (to_tsvector('english', name)) WHERE deleted_at IS NULL;
"""

DOWN = """
DROP INDEX idx_shows_name_fts;
DROP INDEX idx_episodes_labels_fts;
DROP FUNCTION episode_labels(text[], text, text);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN)
