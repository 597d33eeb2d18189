"""Clips, components, guests, what was extracted from an episode's files, and a log of activity that knows them all."""

from alembic import op

revision = "0006"
down_revision = "0005"

UP = """
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
CREATE INDEX idx_clips_episode_id ON clips (episode_id);
CREATE INDEX idx_clips_guest_id ON clips (guest_id);
CREATE INDEX idx_clips_file_hash ON clips (file_hash) WHERE deleted_at IS NULL;
CREATE INDEX idx_clips_talent_source ON clips (talent_source) WHERE deleted_at IS NULL;
CREATE INDEX idx_clips_quality ON clips (quality) WHERE deleted_at IS NULL;
CREATE INDEX idx_clips_status ON clips (status) WHERE deleted_at IS NULL;
CREATE INDEX idx_clips_tags ON clips USING gin (tags) WHERE deleted_at IS NULL;
CREATE INDEX idx_clips_title ON clips (lower(title), clip_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_clips_deleted_at ON clips (deleted_at);
CREATE TRIGGER clips_updated_at BEFORE UPDATE ON clips FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER clips_version BEFORE UPDATE ON clips FOR EACH ROW EXECUTE FUNCTION count_version();

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
DROP TABLE clips;
DROP TABLE guests;
DROP TABLE components;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN)
