"""Script versions, and what episodes use: outfits, UI elements, backgrounds."""

from alembic import op

revision = "0005"
down_revision = "0004"

UP = """
CREATE TABLE script_versions (
    script_version_id     uuid PRIMARY KEY DEFAULT uuidv7(),
    episode_id            uuid NOT NULL REFERENCES episodes (episode_id) ON DELETE CASCADE,
    version_number        integer NOT NULL CONSTRAINT script_versions_number_check CHECK (version_number > 0),
    script_text           text,
    script_file_reference varchar(1024),
    change_notes          text,
    is_active             boolean NOT NULL DEFAULT false,
    activated_at          timestamptz,
    activated_by          uuid,
    created_at            timestamptz NOT NULL DEFAULT now(),
    created_by            uuid,
    CONSTRAINT script_versions_episode_number_key UNIQUE (episode_id, version_number),
    CONSTRAINT script_versions_content_check CHECK (script_text IS NOT NULL OR script_file_reference IS NOT NULL)
);
-- The trigger makes way for a new active version; the index is what makes two impossible.
CREATE UNIQUE INDEX idx_script_versions_active ON script_versions (episode_id) WHERE is_active;

CREATE FUNCTION ensure_single_active_script_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE script_versions SET is_active = false
    WHERE episode_id = NEW.episode_id AND script_version_id <> NEW.script_version_id AND is_active;
    RETURN NEW;
END;
$$;
CREATE TRIGGER ensure_single_active_script_version BEFORE INSERT OR UPDATE ON script_versions
    FOR EACH ROW WHEN (NEW.is_active) EXECUTE FUNCTION ensure_single_active_script_version();
-- The scripts that there are begin their history.
INSERT INTO script_versions (
    episode_id, version_number, script_text, script_file_reference, is_active, activated_at, activated_by, created_at, created_by
)
SELECT episode_id, 1, script_text, script_file_reference, true, updated_at, updated_by, updated_at, updated_by
FROM episodes WHERE script_text IS NOT NULL OR script_file_reference IS NOT NULL;

CREATE TABLE outfits (
    outfit_id           uuid PRIMARY KEY DEFAULT uuidv7(),
    name                varchar(255) NOT NULL,
    description         text,
    top                 jsonb NOT NULL DEFAULT '{}' CONSTRAINT outfits_top_check CHECK (jsonb_typeof(top) = 'object'),
    shoes               jsonb NOT NULL DEFAULT '{}' CONSTRAINT outfits_shoes_check CHECK (jsonb_typeof(shoes) = 'object'),
    accessories         jsonb NOT NULL DEFAULT '[]'
                        CONSTRAINT outfits_accessories_check CHECK (jsonb_typeof(accessories) = 'array'),
    tags                text[] NOT NULL DEFAULT '{}',
    thumbnail_reference varchar(1024),
    metadata            jsonb NOT NULL DEFAULT '{}',
    version             bigint NOT NULL DEFAULT 1,
    created_at          timestamptz NOT NULL DEFAULT now(),
    created_by          uuid,
    updated_at          timestamptz NOT NULL DEFAULT now(),
    updated_by          uuid,
    deleted_at          timestamptz,
    deleted_by          uuid,
    deleted_reason      text,
    restored_at         timestamptz,
    restored_by         uuid
);
CREATE INDEX idx_outfits_top ON outfits USING gin (top jsonb_path_ops) WHERE deleted_at IS NULL;
CREATE INDEX idx_outfits_shoes ON outfits USING gin (shoes jsonb_path_ops) WHERE deleted_at IS NULL;
CREATE INDEX idx_outfits_accessories ON outfits USING gin (accessories jsonb_path_ops) WHERE deleted_at IS NULL;
CREATE INDEX idx_outfits_tags ON outfits USING gin (tags) WHERE deleted_at IS NULL;
CREATE INDEX idx_outfits_name ON outfits (lower(name), outfit_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_outfits_deleted_at ON outfits (deleted_at);
CREATE TRIGGER outfits_updated_at BEFORE UPDATE ON outfits FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER outfits_version BEFORE UPDATE ON outfits FOR EACH ROW EXECUTE FUNCTION count_version();

CREATE TABLE ui_elements (
    ui_element_id       uuid PRIMARY KEY DEFAULT uuidv7(),
    name                varchar(255) NOT NULL,
    description         text,
    element_type        varchar(100),
    file_reference      varchar(1024),
    file_hash           char(64) CONSTRAINT ui_elements_file_hash_check CHECK (file_hash ~ '^[0-9a-f]{64}$'),
    tags                text[] NOT NULL DEFAULT '{}',
    thumbnail_reference varchar(1024),
    metadata            jsonb NOT NULL DEFAULT '{}',
    version             bigint NOT NULL DEFAULT 1,
    created_at          timestamptz NOT NULL DEFAULT now(),
    created_by          uuid,
    updated_at          timestamptz NOT NULL DEFAULT now(),
    updated_by          uuid,
    deleted_at          timestamptz,
    deleted_by          uuid,
    deleted_reason      text,
    restored_at         timestamptz,
    restored_by         uuid
);
CREATE INDEX idx_ui_elements_type ON ui_elements (element_type) WHERE deleted_at IS NULL;
CREATE INDEX idx_ui_elements_tags ON ui_elements USING gin (tags) WHERE deleted_at IS NULL;
CREATE INDEX idx_ui_elements_name ON ui_elements (lower(name), ui_element_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_ui_elements_deleted_at ON ui_elements (deleted_at);
CREATE TRIGGER ui_elements_updated_at BEFORE UPDATE ON ui_elements FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER ui_elements_version BEFORE UPDATE ON ui_elements FOR EACH ROW EXECUTE FUNCTION count_version();

CREATE TABLE backgrounds (
    background_id       uuid PRIMARY KEY DEFAULT uuidv7(),
    name                varchar(255) NOT NULL,
    description         text,
    background_type     varchar(100) NOT NULL,
    location            varchar(255),
    file_reference      varchar(1024),
    file_hash           char(64) CONSTRAINT backgrounds_file_hash_check CHECK (file_hash ~ '^[0-9a-f]{64}$'),
    tags                text[] NOT NULL DEFAULT '{}',
    thumbnail_reference varchar(1024),
    metadata            jsonb NOT NULL DEFAULT '{}',
    version             bigint NOT NULL DEFAULT 1,
    created_at          timestamptz NOT NULL DEFAULT now(),
    created_by          uuid,
    updated_at          timestamptz NOT NULL DEFAULT now(),
    updated_by          uuid,
    deleted_at          timestamptz,
    deleted_by          uuid,
    deleted_reason      text,
    restored_at         timestamptz,
    restored_by         uuid
);
CREATE INDEX idx_backgrounds_type ON backgrounds (background_type) WHERE deleted_at IS NULL;
CREATE INDEX idx_backgrounds_tags ON backgrounds USING gin (tags) WHERE deleted_at IS NULL;
CREATE INDEX idx_backgrounds_name ON backgrounds (lower(name), background_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_backgrounds_deleted_at ON backgrounds (deleted_at);
CREATE TRIGGER backgrounds_updated_at BEFORE UPDATE ON backgrounds FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER backgrounds_version BEFORE UPDATE ON backgrounds FOR EACH ROW EXECUTE FUNCTION count_version();

CREATE TABLE episode_outfits (
    episode_id    uuid NOT NULL REFERENCES episodes (episode_id) ON DELETE CASCADE,
    outfit_id     uuid NOT NULL REFERENCES outfits (outfit_id) ON DELETE CASCADE,
    usage_context varchar(500),
    linked_at     timestamptz NOT NULL DEFAULT now(),
    linked_by     uuid,
    PRIMARY KEY (episode_id, outfit_id)
);
CREATE INDEX idx_episode_outfits_outfit_id ON episode_outfits (outfit_id);

CREATE TABLE episode_ui_elements (
    episode_id    uuid NOT NULL REFERENCES episodes (episode_id) ON DELETE CASCADE,
    ui_element_id uuid NOT NULL REFERENCES ui_elements (ui_element_id) ON DELETE CASCADE,
    usage_context varchar(500),
    linked_at     timestamptz NOT NULL DEFAULT now(),
    linked_by     uuid,
    PRIMARY KEY (episode_id, ui_element_id)
);
CREATE INDEX idx_episode_ui_elements_ui_element_id ON episode_ui_elements (ui_element_id);

CREATE TABLE episode_backgrounds (
    episode_id    uuid NOT NULL REFERENCES episodes (episode_id) ON DELETE CASCADE,
    background_id uuid NOT NULL REFERENCES backgrounds (background_id) ON DELETE CASCADE,
    usage_context varchar(500),
    linked_at     timestamptz NOT NULL DEFAULT now(),
    linked_by     uuid,
    PRIMARY KEY (episode_id, background_id)
);
CREATE INDEX idx_episode_backgrounds_background_id ON episode_backgrounds (background_id);
"""

DOWN = """
DROP TABLE episode_backgrounds;
DROP TABLE episode_ui_elements;
DROP TABLE episode_outfits;
DROP TABLE backgrounds;
DROP TABLE ui_elements;
DROP TABLE outfits;
DROP TABLE script_versions;
DROP FUNCTION ensure_single_active_script_version();
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN)
