"""What is done beside the application's work: indexes on large tables, old rows held against new checks, and a word on
what each table is for.
"""

from alembic import op

revision = "0010"
down_revision = "0009"


def _words(name: str, table: str, words: str) -> str:
    return (
        f"INDEX CONCURRENTLY IF NOT EXISTS {name} ON {table}"
        f" USING gin (to_tsvector('english', asset_words({words}))) WHERE deleted_at IS NULL"
    )


# Deleting a row looks for those that refer to it, a post's upload is found by its token, and people look for words. The tables
# may be large: each index is built while others write. One that was begun and not finished is in the way of its own name, so it
# goes first.
INDEXES = {
    "idx_shows_fts": _words("idx_shows_fts", "shows", "name, description, '{}'"),
    "idx_outfits_fts": _words("idx_outfits_fts", "outfits", "name, description, tags"),
    "idx_ui_elements_fts": _words("idx_ui_elements_fts", "ui_elements", "name, description, tags"),
    "idx_backgrounds_fts": _words("idx_backgrounds_fts", "backgrounds", "name, description, tags"),
    "idx_clips_fts": _words("idx_clips_fts", "clips", "title, description, tags"),
    "idx_episodes_title_prefix": (
        "INDEX CONCURRENTLY IF NOT EXISTS idx_episodes_title_prefix ON episodes (lower(title) text_pattern_ops)"
        " WHERE deleted_at IS NULL"
    ),
    "idx_thumbnails_job_id": "INDEX CONCURRENTLY IF NOT EXISTS idx_thumbnails_job_id ON thumbnails (job_id)",
    "idx_upload_sessions_job_id": "INDEX CONCURRENTLY IF NOT EXISTS idx_upload_sessions_job_id ON upload_sessions (job_id)",
    "idx_upload_sessions_post_id": "INDEX CONCURRENTLY IF NOT EXISTS idx_upload_sessions_post_id ON upload_sessions (post_id)",
    "idx_upload_sessions_upload_token": (
        "UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_upload_sessions_upload_token ON upload_sessions (upload_token)"
    ),
}

# Added NOT VALID, because that takes a moment only: new rows keep them, and the old ones are looked through here.
CHECKS = {
    "activity_logs_action_type_check": "activity_logs",
    "activity_logs_resource_type_check": "activity_logs",
    "upload_sessions_upload_token_check": "upload_sessions",
    "upload_sessions_post_id_fkey": "upload_sessions",
}

COMMENTS = {
    "TABLE users": "Who has ever called the API: one row per Cognito subject, made at first sight.",
    "TABLE shows": "What episodes belong to.",
    "TABLE episodes": "One episode of a show, with the state of its production and of the processing of its files.",
    "TABLE script_versions": "Each version of an episode''s script; at most one of them is the active one.",
    "TABLE outfits": "What somebody wears, piece by piece, for use in episodes.",
    "TABLE ui_elements": "Graphics that are laid over the picture, for use in episodes.",
    "TABLE backgrounds": "What stands behind the picture, for use in episodes.",
    "TABLE episode_outfits": "Which episode uses which outfit, and for what.",
    "TABLE episode_ui_elements": "Which episode uses which UI element, and for what.",
    "TABLE episode_backgrounds": "Which episode uses which background, and for what.",
    "TABLE clips": "Recorded pieces of film in the library, whether or not an episode uses them.",
    "TABLE components": "Parts that productions are put together from, kept in the library.",
    "TABLE guests": "Who appears beside the hosts.",
    "TABLE metadata_storage": "What was found in an episode''s files; each extraction is a row, and the newest counts.",
    "TABLE thumbnails": "The pictures that were made of an upload: one row per thing and size.",
    "TABLE processing_queue": "Jobs for workers; one owns a job while the lease is its own and not over.",
    "TABLE upload_sessions": "Uploads that were announced, with what was promised of the file, and what became of them.",
    "TABLE posts": "A user''s picture with its caption, from the announcement of its upload to its publication.",
    "TABLE post_images": "The sizes of a post''s picture.",
    "TABLE post_metadata": "A post''s figures, apart from the post, because they change with every look at it.",
    "TABLE activity_logs": "Who did what, from where: written with what it tells of, and never changed.",
    "VIEW audit_log": "The activity log under its second name, with the rights of whoever reads it.",
    "TABLE idempotency_keys": "The first answer to each request that carried an Idempotency-Key, for when it is repeated.",
    "TABLE rate_limits": "What each caller has left of what a caller may ask: one row per caller, lost with a crash.",
    "TABLE outbox": "What must leave after a commit: written by the transaction that causes it, sent afterwards.",
    "FUNCTION update_updated_at_column()": "Trigger: a changed row says when.",
    "FUNCTION count_version()": "Trigger: a changed row has the next version, which the API''s entity tags are made of.",
    "FUNCTION refuse_change()": "Trigger: refuses every role what would change or remove a row.",
    "FUNCTION ensure_single_active_script_version()": "Trigger: the active version makes way for the one that becomes active.",
    "FUNCTION create_post_metadata()": "Trigger: a new post has figures, all of them zero.",
    "FUNCTION episode_labels(text[], text, text)": "An episode''s tags, category and genre as one text that can be indexed.",
    "FUNCTION asset_words(text, text, text[])": "A name, a description and tags as one text that can be indexed.",
    "FUNCTION get_post_with_images(uuid)": "A post, its images and its figures as JSON; no row for a deleted post.",
    "FUNCTION cleanup_expired_uploads(integer)": (
        "Forgets uploads that were not completed in time, at most so many, and fails the posts that waited for them."
    ),
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # Building takes as long as it takes; waiting for a lock is still limited.
        op.get_bind().exec_driver_sql("SET statement_timeout = 0")
        for name, index in INDEXES.items():
            op.get_bind().exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.get_bind().exec_driver_sql(f"CREATE {index}")
        op.get_bind().exec_driver_sql("RESET statement_timeout")
    # Looking through does, too; writers go on meanwhile.
    checks = "".join(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name};\n" for name, table in CHECKS.items())
    comments = "".join(f"COMMENT ON {what} IS '{comment}';\n" for what, comment in COMMENTS.items())
    op.get_bind().exec_driver_sql(f"SET LOCAL statement_timeout = 0;\n{checks}{comments}")


def downgrade() -> None:
    op.get_bind().exec_driver_sql("".join(f"COMMENT ON {what} IS NULL;\n" for what in COMMENTS))
    with op.get_context().autocommit_block():
        for name in INDEXES:
            op.get_bind().exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
