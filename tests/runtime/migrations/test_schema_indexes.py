"""Indexes that the requirements name: each is there, over what was asked for, and the planner takes it."""

from typing import Any

import psycopg
import pytest

Schema = psycopg.Connection[Any]
P = pytest.param

# The index, what it is over, and a question that it answers.
INDEXES = [
    P("idx_shows_status", "(status) WHERE (deleted_at IS NULL)", "status = 'active' AND deleted_at IS NULL",
      marks=pytest.mark.requirement("ROAD-72")),
    P("idx_shows_deleted_at", "(deleted_at)", "deleted_at < now()", marks=pytest.mark.requirement("ROAD-72")),
    P("idx_shows_metadata", "USING gin (metadata)", """metadata @> '{"a": 1}'""", marks=pytest.mark.requirement("ROAD-72")),
    P("idx_episodes_show_id", "(show_id) WHERE (deleted_at IS NULL)", "show_id = {uuid} AND deleted_at IS NULL",
      marks=pytest.mark.requirement("ROAD-76")),
    P("idx_episodes_status", "(status) WHERE (deleted_at IS NULL)", "status = 'draft' AND deleted_at IS NULL",
      marks=pytest.mark.requirement("ROAD-76")),
    P("idx_show_season_episode", "(show_id, season_number, episode_number) WHERE (deleted_at IS NULL)",
      "show_id = {uuid} AND season_number = 1 AND deleted_at IS NULL",
      marks=pytest.mark.requirement("ROAD-76", "P1-04", "A-06")),
    P("idx_episodes_publish_date", "(publish_date) WHERE (deleted_at IS NULL)",
      "publish_date > now() AND deleted_at IS NULL", marks=pytest.mark.requirement("ROAD-76")),
    P("idx_episodes_tags", "USING gin (tags)", "tags @> '{a}'", marks=pytest.mark.requirement("ROAD-76")),
    P("idx_episodes_metadata", "USING gin (metadata)", """metadata @> '{"a": 1}'""",
      marks=pytest.mark.requirement("ROAD-76")),
    P("idx_episodes_deleted_at", "(deleted_at)", "deleted_at < now()", marks=pytest.mark.requirement("ROAD-76")),
    P("idx_episodes_fts", "USING gin (to_tsvector('english'",
      "to_tsvector('english', coalesce(title, '') || ' ' || coalesce(description, '') || ' ' || coalesce(script_text, ''))"
      " @@ websearch_to_tsquery('english', 'seeds') AND deleted_at IS NULL", marks=pytest.mark.requirement("ROAD-77")),
    P("idx_air_date", "(air_date)", "air_date = now()::date", marks=pytest.mark.requirement("P1-04", "A-06")),
    P("idx_processing_status", "(processing_status)", "processing_status = 'failed'",
      marks=pytest.mark.requirement("P1-04", "A-06")),
    P("idx_metadata_storage_episode_id", "(episode_id", "episode_id = {uuid}",
      marks=pytest.mark.requirement("P1-05", "A-06")),
    P("idx_thumbnails_episode_id", "(episode_id)", "episode_id = {uuid}",
      marks=pytest.mark.requirement("P1-06", "A-06")),
    P("idx_thumbnails_s3_key", "(s3_key)", "s3_key = 'x'", marks=pytest.mark.requirement("P1-06", "A-06")),
    P("idx_processing_queue_episode", "(episode_id, status)", "episode_id = {uuid} AND status = 'failed'",
      marks=pytest.mark.requirement("P1-07", "A-06")),
    P("idx_processing_queue_status", "(status)", "status = 'failed'", marks=pytest.mark.requirement("P1-07", "A-06")),
    P("idx_processing_queue_created_at", "(created_at)", "created_at > now()",
      marks=pytest.mark.requirement("P1-07", "A-06")),
    P("idx_activity_logs_user", '(user_id, "timestamp")', """user_id = 'x' AND "timestamp" > now()""",
      marks=pytest.mark.requirement("P1-08", "A-06")),
    P("idx_activity_logs_resource", "(resource_type, resource_id)", "resource_type = 'show' AND resource_id = 'x'",
      marks=pytest.mark.requirement("P1-08", "A-06")),
    P("idx_activity_logs_action_type", "(action_type)", "action_type = 'edit'",
      marks=pytest.mark.requirement("P1-08", "A-06")),
    P("idx_posts_user_id", "(user_id)", "user_id = {uuid}", marks=pytest.mark.requirement("NOVA-21")),
    P("idx_posts_created_at", "(created_at", "created_at > now()", marks=pytest.mark.requirement("NOVA-21")),
    P("idx_posts_status", "(status)", "status = 'failed'", marks=pytest.mark.requirement("NOVA-21")),
    P("idx_posts_user_id_created_at", "(user_id, created_at DESC)",
      "user_id = {uuid} AND created_at > now() AND deleted_at IS NULL", marks=pytest.mark.requirement("NOVA-21")),
    P("idx_posts_published", "(published_at DESC)",
      "published_at > now() AND status = 'published' AND deleted_at IS NULL", marks=pytest.mark.requirement("NOVA-21")),
    P("idx_posts_deleted_at", "(deleted_at)", "deleted_at < now()", marks=pytest.mark.requirement("NOVA-21")),
    P("idx_post_images_post_id", "(post_id)", "post_id = {uuid}", marks=pytest.mark.requirement("NOVA-22")),
    P("idx_post_images_status", "(status)", "status = 'failed'", marks=pytest.mark.requirement("NOVA-22")),
    P("idx_post_images_size_variant", "(size_variant)", "size_variant = 'medium'",
      marks=pytest.mark.requirement("NOVA-22")),
    P("idx_post_images_s3_key", "(s3_key)", "s3_key = 'x'", marks=pytest.mark.requirement("NOVA-22")),
    P("idx_post_metadata_like_count", "(like_count", "like_count > 5", marks=pytest.mark.requirement("NOVA-23")),
    P("idx_post_metadata_updated_at", "(updated_at", "updated_at > now()", marks=pytest.mark.requirement("NOVA-23")),
    P("idx_upload_sessions_post_id", "(post_id)", "post_id = {uuid}", marks=pytest.mark.requirement("NOVA-24")),
    P("idx_upload_sessions_upload_token", "(upload_token)", "upload_token = 'x'",
      marks=pytest.mark.requirement("NOVA-24")),
    P("idx_upload_sessions_pending", "(expires_at) WHERE", "expires_at < now() AND status = 'pending'",
      marks=pytest.mark.requirement("NOVA-24")),
    P("idx_upload_sessions_user", "(user_id)", "user_id = {uuid}", marks=pytest.mark.requirement("NOVA-24")),
    P("idx_script_versions_active", "(episode_id) WHERE is_active", "episode_id = {uuid} AND is_active",
      marks=pytest.mark.requirement("ROAD-86")),
]  # fmt: skip

OTHERS = """
SELECT indexrelid::regclass::text FROM pg_index i WHERE indrelid = %s::regclass AND indexrelid <> %s::regclass
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
"""
# Where both would do, the planner may take the index of the constraint, which is over the same columns.
SAME_COLUMNS = {
    "idx_show_season_episode": "episodes_unique_episode",
    "idx_post_images_post_id": "post_images_post_variant_key",
}


@pytest.mark.requirement("ROAD-87")
@pytest.mark.parametrize(("index", "over", "question"), INDEXES)
def test_index_is_over_what_was_asked_for_and_answers_its_question(
    filled: Schema, index: str, over: str, question: str
) -> None:
    row = filled.execute("SELECT tablename, indexdef FROM pg_indexes WHERE indexname = %s", [index]).fetchone()
    assert row is not None
    table, definition = row
    assert over in definition
    # By itself: indexes that would answer, too, go away for the length of the transaction, and so does reading the whole table.
    for (other,) in filled.execute(OTHERS, [table, index]).fetchall():
        filled.execute(f"DROP INDEX {other}".encode())
    filled.execute("SET LOCAL enable_seqscan = off")
    asked = question.replace("{uuid}", "'00000000-0000-7000-8000-000000000000'")
    query = f"EXPLAIN SELECT * FROM {table} WHERE {asked}"  # noqa: S608
    plan = "\n".join(line for (line,) in filled.execute(query.encode()))
    assert index in plan or SAME_COLUMNS.get(index, index) in plan, plan
