"""What episodes are made of: script versions, outfits, UI elements, backgrounds, clips, components, guests, and what was
extracted from their files."""

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

CREATE TABLE components (
    component_id        uuid PRIMARY KEY DEFAULT uuidv7(),
    name                varchar(255) NOT NULL,
    description         text,
    component_type      varchar(100) NOT NULL,
    file_reference      varchar(1024),
    file_hash           char(64) CONSTRAINT components_file_hash_check CHECK (file_hash ~ '^[0-9a-f]{64}$'),
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
CREATE INDEX idx_components_type ON components (component_type) WHERE deleted_at IS NULL;
CREATE INDEX idx_components_tags ON components USING gin (tags) WHERE deleted_at IS NULL;
CREATE INDEX idx_components_name ON components (lower(name), component_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_components_deleted_at ON components (deleted_at);
CREATE TRIGGER components_updated_at BEFORE UPDATE ON components FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER components_version BEFORE UPDATE ON components FOR EACH ROW EXECUTE FUNCTION count_version();

CREATE TABLE guests (
    guest_id            uuid PRIMARY KEY DEFAULT uuidv7(),
    name                varchar(255) NOT NULL,
    biography           text,
    role                varchar(100),
    social_links        jsonb NOT NULL DEFAULT '{}'
                        CONSTRAINT guests_social_links_check CHECK (jsonb_typeof(social_links) = 'object'),
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
CREATE INDEX idx_guests_tags ON guests USING gin (tags) WHERE deleted_at IS NULL;
CREATE INDEX idx_guests_name ON guests (lower(name), guest_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_guests_deleted_at ON guests (deleted_at);
CREATE TRIGGER guests_updated_at BEFORE UPDATE ON guests FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER guests_version BEFORE UPDATE ON guests FOR EACH ROW EXECUTE FUNCTION count_version();

-- A clip is in the library whether or not an episode uses it.
CREATE TABLE clips (
    clip_id             uuid PRIMARY KEY DEFAULT uuidv7(),
    episode_id          uuid REFERENCES episodes (episode_id) ON DELETE SET NULL,
    guest_id            uuid REFERENCES guests (guest_id) ON DELETE SET NULL,
    title               varchar(500) NOT NULL,
    description         text,
    talent_source       varchar(50) NOT NULL
                        CONSTRAINT clips_talent_source_check CHECK (talent_source IN ('Lala', 'JustAWomanInHerPrime', 'Guest')),
    quality             varchar(20) CONSTRAINT clips_quality_check CHECK (quality IN ('hero', 'good', 'maybe', 'reject')),
    status              varchar(50) NOT NULL DEFAULT 'pending_review'
                        CONSTRAINT clips_status_check CHECK (status IN ('pending_review', 'approved', 'rejected', 'used')),
    file_name           varchar(1024),
    file_reference      varchar(1024),
    file_hash           char(64) CONSTRAINT clips_file_hash_check CHECK (file_hash ~ '^[0-9a-f]{64}$'),
    byte_count          bigint CONSTRAINT clips_byte_count_check CHECK (byte_count > 0),
    duration_seconds    integer CONSTRAINT clips_duration_check CHECK (duration_seconds >= 0),
    recorded_on         date,
    notes               text,
    tags                text[] NOT NULL DEFAULT '{}',
    thumbnail_reference varchar(1024),
    metadata            jsonb NOT NULL DEFAULT '{}',
    assigned_at         timestamptz,
    assigned_by         uuid,
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
CREATE INDEX idx_clips_episode_id ON clips (episode_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_clips_guest_id ON clips (guest_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_clips_file_hash ON clips (file_hash) WHERE deleted_at IS NULL;
CREATE INDEX idx_clips_talent_source ON clips (talent_source) WHERE deleted_at IS NULL;
CREATE INDEX idx_clips_quality ON clips (quality) WHERE deleted_at IS NULL;
CREATE INDEX idx_clips_status ON clips (status) WHERE deleted_at IS NULL;
CREATE INDEX idx_clips_tags ON clips USING gin (tags) WHERE deleted_at IS NULL;
CREATE INDEX idx_clips_title ON clips (lower(title), clip_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_clips_deleted_at ON clips (deleted_at);
CREATE TRIGGER clips_updated_at BEFORE UPDATE ON clips FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER clips_version BEFORE UPDATE ON clips FOR EACH ROW EXECUTE FUNCTION count_version();

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

-- What was found in an episode's files. An extraction that is made again is another row; the newest counts.
CREATE TABLE metadata_storage (
    metadata_id                 uuid PRIMARY KEY DEFAULT uuidv7(),
    episode_id                  uuid NOT NULL REFERENCES episodes (episode_id) ON DELETE CASCADE,
    extracted_text              text,
    scenes_detected             jsonb,
    sentiment_analysis          jsonb,
    visual_objects              jsonb,
    transcription               text,
    tags                        jsonb NOT NULL DEFAULT '[]'
                                CONSTRAINT metadata_storage_tags_check CHECK (jsonb_typeof(tags) = 'array'),
    categories                  jsonb NOT NULL DEFAULT '[]'
                                CONSTRAINT metadata_storage_categories_check CHECK (jsonb_typeof(categories) = 'array'),
    extraction_timestamp        timestamptz NOT NULL DEFAULT now(),
    processing_duration_seconds integer CONSTRAINT metadata_storage_duration_check CHECK (processing_duration_seconds >= 0),
    version                     bigint NOT NULL DEFAULT 1,
    created_at                  timestamptz NOT NULL DEFAULT now(),
    created_by                  uuid,
    updated_at                  timestamptz NOT NULL DEFAULT now(),
    updated_by                  uuid
);
CREATE INDEX idx_metadata_storage_episode_id ON metadata_storage (episode_id, metadata_id);
CREATE TRIGGER metadata_storage_updated_at BEFORE UPDATE ON metadata_storage
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER metadata_storage_version BEFORE UPDATE ON metadata_storage FOR EACH ROW EXECUTE FUNCTION count_version();

-- What may be done to what. The new lists hold every row there is, so nothing has to be looked through.
ALTER TABLE activity_logs
    DROP CONSTRAINT activity_logs_action_type_check,
    DROP CONSTRAINT activity_logs_resource_type_check,
    ADD CONSTRAINT activity_logs_action_type_check CHECK (action_type IN (
        'view', 'edit', 'delete', 'download', 'create', 'restore', 'upload', 'link', 'unlink', 'activate', 'process')) NOT VALID,
    ADD CONSTRAINT activity_logs_resource_type_check CHECK (resource_type IN (
        'episode', 'thumbnail', 'metadata', 'show', 'upload', 'script_version', 'outfit', 'ui_element', 'background', 'clip',
        'component', 'guest', 'job')) NOT VALID;
"""

DOWN = """
ALTER TABLE activity_logs
    DROP CONSTRAINT activity_logs_action_type_check,
    DROP CONSTRAINT activity_logs_resource_type_check,
    ADD CONSTRAINT activity_logs_action_type_check CHECK (action_type IN (
        'view', 'edit', 'delete', 'download', 'create', 'restore', 'upload')) NOT VALID,
    ADD CONSTRAINT activity_logs_resource_type_check CHECK (resource_type IN (
        'episode', 'thumbnail', 'metadata', 'show', 'upload')) NOT VALID;
DROP TABLE metadata_storage;
DROP TABLE episode_backgrounds;
DROP TABLE episode_ui_elements;
DROP TABLE episode_outfits;
DROP TABLE clips;
DROP TABLE guests;
DROP TABLE components;
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
