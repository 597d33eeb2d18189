"""Search over shows, outfits, UI elements, backgrounds and clips, and titles of episodes by how they begin."""

from alembic import op

revision = "0009"
down_revision = "0008"

UP = """
-- As with episode_labels: what an index is made of must never change for the same values.
CREATE FUNCTION asset_words(name text, description text, tags text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(name, '') || ' ' || coalesce(description, '') || ' ' || coalesce(array_to_string(tags, ' '), '');
CREATE INDEX idx_shows_fts ON shows USING gin (to_tsvector('english', asset_words(name, description, '{}')))
    WHERE deleted_at IS NULL;
CREATE INDEX idx_outfits_fts ON outfits USING gin (to_tsvector('english', asset_words(name, description, tags)))
    WHERE deleted_at IS NULL;
CREATE INDEX idx_ui_elements_fts ON ui_elements USING gin (to_tsvector('english', asset_words(name, description, tags)))
    WHERE deleted_at IS NULL;
CREATE INDEX idx_backgrounds_fts ON backgrounds USING gin (to_tsvector('english', asset_words(name, description, tags)))
    WHERE deleted_at IS NULL;
CREATE INDEX idx_clips_fts ON clips USING gin (to_tsvector('english', asset_words(title, description, tags)))
    WHERE deleted_at IS NULL;
CREATE INDEX idx_episodes_title_prefix ON episodes (lower(title) text_pattern_ops) WHERE deleted_at IS NULL;
"""

DOWN = """
DROP INDEX idx_episodes_title_prefix;
DROP INDEX idx_clips_fts;
DROP INDEX idx_backgrounds_fts;
DROP INDEX idx_ui_elements_fts;
DROP INDEX idx_outfits_fts;
DROP INDEX idx_shows_fts;
DROP FUNCTION asset_words(text, text, text[]);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN)
