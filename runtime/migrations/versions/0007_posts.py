"""Posts with their images and figures, and the upload that a post waits for."""

from alembic import op

revision = "0007"
down_revision = "0006"

UP = """
CREATE TABLE posts (
    post_id        uuid PRIMARY KEY DEFAULT uuidv7(),
    user_id        uuid NOT NULL REFERENCES users (user_id),
    caption        text CONSTRAINT posts_caption_check CHECK (length(caption) <= 2200),
    image_key      varchar(1024),
    image_sizes    jsonb NOT NULL DEFAULT '{}' CONSTRAINT posts_image_sizes_check CHECK (jsonb_typeof(image_sizes) = 'object'),
    status         varchar(20) NOT NULL DEFAULT 'pending'
                   CONSTRAINT posts_status_check CHECK (status IN ('pending', 'processing', 'published', 'failed')),
    error_message  text,
    version        bigint NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    published_at   timestamptz,
    deleted_at     timestamptz,
    deleted_by     uuid,
    deleted_reason text,
    restored_at    timestamptz,
    restored_by    uuid,
    soft_delete    boolean GENERATED ALWAYS AS (deleted_at IS NOT NULL) STORED,
    CONSTRAINT posts_published_check CHECK (status <> 'published' OR published_at IS NOT NULL),
    CONSTRAINT posts_image_key_key UNIQUE (image_key)
);
CREATE INDEX idx_posts_user_id ON posts (user_id);
CREATE INDEX idx_posts_created_at ON posts (created_at DESC);
CREATE INDEX idx_posts_status ON posts (status);
CREATE INDEX idx_posts_user_id_created_at ON posts (user_id, created_at DESC) WHERE deleted_at IS NULL;
CREATE INDEX idx_posts_published ON posts (published_at DESC) WHERE status = 'published' AND deleted_at IS NULL;
CREATE INDEX idx_posts_deleted_at ON posts (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE TRIGGER posts_updated_at BEFORE UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER posts_version BEFORE UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION count_version();

CREATE TABLE post_images (
    post_image_id uuid PRIMARY KEY DEFAULT uuidv7(),
    post_id       uuid NOT NULL REFERENCES posts (post_id) ON DELETE CASCADE,
    s3_key        varchar(1024) NOT NULL,
    size_variant  varchar(20) NOT NULL
                  CONSTRAINT post_images_size_variant_check CHECK (size_variant IN ('thumbnail', 'medium', 'original')),
    status        varchar(20) NOT NULL DEFAULT 'pending'
                  CONSTRAINT post_images_status_check CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
    url           varchar(2048),
    width         integer CONSTRAINT post_images_width_check CHECK (width > 0),
    height        integer CONSTRAINT post_images_height_check CHECK (height > 0),
    file_size     integer CONSTRAINT post_images_file_size_check CHECK (file_size > 0),
    error_message text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT post_images_post_variant_key UNIQUE (post_id, size_variant),
    CONSTRAINT post_images_completed_check CHECK (status <> 'completed' OR (url IS NOT NULL AND width IS NOT NULL
                                                                           AND height IS NOT NULL AND file_size IS NOT NULL))
);
CREATE INDEX idx_post_images_post_id ON post_images (post_id);
CREATE INDEX idx_post_images_status ON post_images (status);
CREATE INDEX idx_post_images_size_variant ON post_images (size_variant);
CREATE INDEX idx_post_images_s3_key ON post_images (s3_key);
CREATE TRIGGER post_images_updated_at BEFORE UPDATE ON post_images FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

CREATE TABLE post_metadata (
    post_id       uuid PRIMARY KEY REFERENCES posts (post_id) ON DELETE CASCADE,
    like_count    integer NOT NULL DEFAULT 0 CONSTRAINT post_metadata_like_count_check CHECK (like_count >= 0),
    comment_count integer NOT NULL DEFAULT 0 CONSTRAINT post_metadata_comment_count_check CHECK (comment_count >= 0),
    view_count    integer NOT NULL DEFAULT 0 CONSTRAINT post_metadata_view_count_check CHECK (view_count >= 0),
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_post_metadata_like_count ON post_metadata (like_count DESC);
CREATE INDEX idx_post_metadata_updated_at ON post_metadata (updated_at DESC);
CREATE TRIGGER post_metadata_updated_at BEFORE UPDATE ON post_metadata
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

CREATE FUNCTION create_post_metadata() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO post_metadata (post_id) VALUES (NEW.post_id);
    RETURN NEW;
END;
$$;
CREATE TRIGGER posts_create_metadata AFTER INSERT ON posts FOR EACH ROW EXECUTE FUNCTION create_post_metadata();

ALTER TABLE upload_sessions
    ADD COLUMN post_id uuid,
    ADD COLUMN upload_token char(64),
    ADD CONSTRAINT upload_sessions_upload_token_check CHECK (upload_token ~ '^[0-9a-f]{64}$') NOT VALID,
    ADD CONSTRAINT upload_sessions_post_id_fkey FOREIGN KEY (post_id) REFERENCES posts (post_id) ON DELETE CASCADE NOT VALID;

-- A post and its images in one answer, as JSON; no row for a post that is not there or that is deleted.
CREATE FUNCTION get_post_with_images(wanted uuid) RETURNS TABLE (post jsonb, images jsonb, figures jsonb)
    LANGUAGE sql STABLE
    BEGIN ATOMIC
        SELECT to_jsonb(p),
               coalesce((SELECT jsonb_agg(to_jsonb(i) ORDER BY i.width DESC NULLS LAST, i.size_variant)
                         FROM post_images i WHERE i.post_id = p.post_id), '[]'),
               (SELECT to_jsonb(m) FROM post_metadata m WHERE m.post_id = p.post_id)
        FROM posts p WHERE p.post_id = wanted AND p.deleted_at IS NULL;
    END;

-- Forgets uploads that were announced, never completed and can no longer be, at most so many at once. A post that waited for
-- one has failed. The bytes, if any came, expire by the bucket's own rule. Answers how many it forgot.
CREATE FUNCTION cleanup_expired_uploads(most integer DEFAULT 1000) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    forgotten integer;
BEGIN
    WITH expired AS (
        SELECT upload_id FROM upload_sessions WHERE status = 'pending' AND expires_at < now() - interval '1 hour'
        ORDER BY expires_at LIMIT most FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM upload_sessions USING expired WHERE upload_sessions.upload_id = expired.upload_id
        RETURNING upload_sessions.post_id
    ), failed AS (
        UPDATE posts SET status = 'failed', error_message = 'The upload was not completed in time'
        FROM gone WHERE posts.post_id = gone.post_id AND posts.status = 'pending'
    )
    SELECT count(*) INTO forgotten FROM gone;
    RETURN forgotten;
END;
$$;
"""

DOWN = """
DROP FUNCTION cleanup_expired_uploads(integer);
DROP FUNCTION get_post_with_images(uuid);
ALTER TABLE upload_sessions DROP COLUMN upload_token, DROP COLUMN post_id;
DROP TABLE post_metadata;
DROP TABLE post_images;
DROP TABLE posts;
DROP FUNCTION create_post_metadata();
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN)
