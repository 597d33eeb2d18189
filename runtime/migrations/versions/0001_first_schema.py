"""The first schema: users, shows, episodes, thumbnails, jobs, uploads, outbox."""

from alembic import op

revision = "0001"
down_revision = None

UP = """
CREATE FUNCTION update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END;
$$;

-- One row per Cognito subject, made at first sight.
CREATE TABLE users (
    user_id      uuid PRIMARY KEY,
    email        varchar(320),
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE shows (
    show_id        uuid PRIMARY KEY DEFAULT uuidv7(),
    name           varchar(255) NOT NULL CONSTRAINT shows_name_key UNIQUE,
    description    text,
    status         varchar(50) NOT NULL DEFAULT 'active'
                   CONSTRAINT shows_status_check CHECK (status IN ('active', 'archived', 'on_hold')),
    metadata       jsonb NOT NULL DEFAULT '{}',
    created_at     timestamptz NOT NULL DEFAULT now(),
    created_by     uuid,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    updated_by     uuid,
    deleted_at     timestamptz,
    deleted_by     uuid,
    deleted_reason text,
    restored_at    timestamptz,
    restored_by    uuid
);
CREATE INDEX idx_shows_status ON shows (status) WHERE deleted_at IS NULL;
CREATE INDEX idx_shows_deleted_at ON shows (deleted_at);
CREATE INDEX idx_shows_metadata ON shows USING gin (metadata);
CREATE TRIGGER shows_updated_at BEFORE UPDATE ON shows FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

CREATE TABLE episodes (
    episode_id             uuid PRIMARY KEY DEFAULT uuidv7(),
    show_id                uuid NOT NULL REFERENCES shows (show_id),
    title                  varchar(500) NOT NULL,
    episode_number         integer NOT NULL,
    season_number          integer NOT NULL DEFAULT 1,
    status                 varchar(50) NOT NULL DEFAULT 'draft'
                           CONSTRAINT episodes_status_check CHECK (status IN (
                               'draft', 'in_production', 'ready_for_publish', 'published', 'archived', 'on_hold',
                               'canceled')),
    description            text,
    duration_seconds       integer CONSTRAINT episodes_duration_check CHECK (duration_seconds >= 0),
    filming_date           date,
    edit_deadline          date,
    publish_date           date,
    air_date               date,
    released_at            timestamptz,
    script_text            text,
    script_file_reference  varchar(1024),
    trailer_reference      varchar(1024),
    thumbnail_reference    varchar(1024),
    thumbnail_url          varchar(512),
    poster_url             varchar(512),
    video_url              varchar(512),
    raw_video_s3_key       varchar(512),
    processed_video_s3_key varchar(512),
    metadata_json_s3_key   varchar(512),
    processing_status      varchar(50) NOT NULL DEFAULT 'pending'
                           CONSTRAINT episodes_processing_status_check
                           CHECK (processing_status IN ('pending', 'processing', 'complete', 'failed')),
    tags                   text[] NOT NULL DEFAULT '{}',
    category               varchar(100),
    genre                  varchar(100),
    director               varchar(255),
    writer                 varchar(255),
    rating                 numeric(3, 1),
    language               varchar(10) NOT NULL DEFAULT 'en-US',
    copyright              text,
    approval_status        varchar(50) NOT NULL DEFAULT 'approved'
                           CONSTRAINT episodes_approval_check CHECK (approval_status IN ('draft', 'approved', 'rejected')),
    uploaded_by            uuid,
    original_approver      uuid,
    metadata               jsonb NOT NULL DEFAULT '{}',
    created_at             timestamptz NOT NULL DEFAULT now(),
    created_by             uuid,
    updated_at             timestamptz NOT NULL DEFAULT now(),
    updated_by             uuid,
    deleted_at             timestamptz,
    deleted_by             uuid,
    deleted_reason         text,
    restored_at            timestamptz,
    restored_by            uuid,
    CONSTRAINT episodes_unique_episode UNIQUE (show_id, season_number, episode_number)
);
CREATE INDEX idx_episodes_show_id ON episodes (show_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_episodes_status ON episodes (status) WHERE deleted_at IS NULL;
CREATE INDEX idx_show_season_episode ON episodes (show_id, season_number, episode_number) WHERE deleted_at IS NULL;
CREATE INDEX idx_episodes_publish_date ON episodes (publish_date) WHERE deleted_at IS NULL;
CREATE INDEX idx_air_date ON episodes (air_date);
CREATE INDEX idx_processing_status ON episodes (processing_status);
CREATE INDEX idx_episodes_tags ON episodes USING gin (tags);
CREATE INDEX idx_episodes_metadata ON episodes USING gin (metadata);
CREATE INDEX idx_episodes_deleted_at ON episodes (deleted_at);
CREATE INDEX idx_episodes_fts ON episodes USING gin (to_tsvector('english',
    coalesce(title, '') || ' ' || coalesce(description, '') || ' ' || coalesce(script_text, ''))) WHERE deleted_at IS NULL;
CREATE TRIGGER episodes_updated_at BEFORE UPDATE ON episodes FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- A job is made when an upload is completed (or when a message without one arrives); its id is in the object's key.
-- A worker owns it while `lease_token` is its own and `lease_until` is ahead.
CREATE TABLE processing_queue (
    job_id             uuid PRIMARY KEY DEFAULT uuidv7(),
    job_type           varchar(50) NOT NULL
                       CONSTRAINT processing_queue_job_type_check
                       CHECK (job_type IN ('thumbnail_generation', 'metadata_extraction')),
    entity_type        varchar(50) NOT NULL,
    entity_id          uuid NOT NULL,
    episode_id         uuid GENERATED ALWAYS AS (CASE WHEN entity_type = 'episode' THEN entity_id END) STORED
                       REFERENCES episodes (episode_id) ON DELETE CASCADE,
    status             varchar(50) NOT NULL DEFAULT 'pending'
                       CONSTRAINT processing_queue_status_check CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
    source_reference   varchar(1100) NOT NULL,
    source_version_id  varchar(1024),
    job_config         jsonb NOT NULL DEFAULT '{}',
    error_code         varchar(50),
    error_message      text,
    sqs_message_id     varchar(255) CONSTRAINT processing_queue_sqs_message_id_key UNIQUE,
    sqs_receipt_handle varchar(1024),
    retry_count        integer NOT NULL DEFAULT 0,
    max_retries        integer NOT NULL DEFAULT 3,
    lease_token        uuid,
    lease_until        timestamptz,
    created_at         timestamptz NOT NULL DEFAULT now(),
    created_by         uuid,
    started_at         timestamptz,
    completed_at       timestamptz
);
CREATE INDEX idx_processing_queue_episode ON processing_queue (episode_id, status);
CREATE INDEX idx_processing_queue_entity ON processing_queue (entity_type, entity_id);
CREATE INDEX idx_processing_queue_status ON processing_queue (status);
CREATE INDEX idx_processing_queue_created_at ON processing_queue (created_at);

CREATE TABLE thumbnails (
    thumbnail_id     uuid PRIMARY KEY DEFAULT uuidv7(),
    entity_type      varchar(50) NOT NULL,
    entity_id        uuid NOT NULL,
    episode_id       uuid GENERATED ALWAYS AS (CASE WHEN entity_type = 'episode' THEN entity_id END) STORED
                     REFERENCES episodes (episode_id) ON DELETE CASCADE,
    size_variant     varchar(50) NOT NULL,
    job_id           uuid NOT NULL REFERENCES processing_queue (job_id) ON DELETE CASCADE,
    file_reference   varchar(1100) NOT NULL,
    s3_bucket        varchar(255) NOT NULL,
    s3_key           varchar(512) NOT NULL,
    width            integer NOT NULL CONSTRAINT thumbnails_width_check CHECK (width > 0),
    height           integer NOT NULL CONSTRAINT thumbnails_height_check CHECK (height > 0),
    file_size_bytes  integer NOT NULL,
    mime_type        varchar(50) NOT NULL,
    format           varchar(20) NOT NULL,
    thumbnail_type   varchar(20) NOT NULL DEFAULT 'primary'
                     CONSTRAINT thumbnails_type_check CHECK (thumbnail_type IN ('primary', 'cover', 'poster')),
    position_seconds integer,
    quality_rating   numeric(3, 2),
    status           varchar(50) NOT NULL DEFAULT 'ready'
                     CONSTRAINT thumbnails_status_check CHECK (status IN ('pending', 'processing', 'ready', 'failed')),
    generated_at     timestamptz NOT NULL DEFAULT now(),
    processed_at     timestamptz,
    CONSTRAINT thumbnails_entity_variant_key UNIQUE (entity_type, entity_id, size_variant)
);
CREATE INDEX idx_thumbnails_episode_id ON thumbnails (episode_id);
CREATE INDEX idx_thumbnails_s3_key ON thumbnails (s3_key);

CREATE TABLE upload_sessions (
    upload_id      uuid PRIMARY KEY DEFAULT uuidv7(),
    user_id        uuid NOT NULL REFERENCES users (user_id),
    entity_type    varchar(50) NOT NULL,
    entity_id      uuid NOT NULL,
    file_name      varchar(1024) NOT NULL,
    content_type   varchar(100) NOT NULL,
    byte_count     bigint NOT NULL CONSTRAINT upload_sessions_byte_count_check CHECK (byte_count > 0),
    file_hash      char(64) NOT NULL CONSTRAINT upload_sessions_file_hash_check CHECK (file_hash ~ '^[0-9a-f]{64}$'),
    temp_key       varchar(1024) NOT NULL CONSTRAINT upload_sessions_temp_key_key UNIQUE,
    status         varchar(50) NOT NULL DEFAULT 'pending'
                   CONSTRAINT upload_sessions_status_check CHECK (status IN ('pending', 'completed')),
    version_id     varchar(1024),
    job_id         uuid REFERENCES processing_queue (job_id) ON DELETE SET NULL,
    expires_at     timestamptz NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    completed_at   timestamptz,
    CONSTRAINT upload_sessions_completed_check CHECK (status <> 'completed' OR completed_at IS NOT NULL)
);
CREATE INDEX idx_upload_sessions_user ON upload_sessions (user_id);
CREATE INDEX idx_upload_sessions_entity ON upload_sessions (entity_type, entity_id);
CREATE INDEX idx_upload_sessions_pending ON upload_sessions (expires_at) WHERE status = 'pending';

-- What must leave after a commit is written here in the same transaction.
CREATE TABLE outbox (
    outbox_id  uuid PRIMARY KEY DEFAULT uuidv7(),
    topic      varchar(100) NOT NULL,
    payload    jsonb NOT NULL,
    attempts   integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at    timestamptz
);
CREATE INDEX idx_outbox_unsent ON outbox (outbox_id) WHERE sent_at IS NULL;
"""

DOWN = """
DROP TABLE outbox;
DROP TABLE upload_sessions;
DROP TABLE thumbnails;
DROP TABLE processing_queue;
DROP TABLE episodes;
DROP TABLE shows;
DROP TABLE users;
DROP FUNCTION update_updated_at_column();
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN)
