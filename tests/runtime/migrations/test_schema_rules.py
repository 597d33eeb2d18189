"""What the database refuses by itself, whoever writes."""

import re
from typing import Any

import psycopg
import pytest

Schema = psycopg.Connection[Any]


# What a column may hold, and nothing else. With a value that needs another column, that column.
LISTS = [
    pytest.param(
        ("shows", "status"), "shows_status_check", "active archived on_hold", {},
        marks=pytest.mark.requirement("ROAD-72"), id="shows.status",
    ),
    pytest.param(
        ("episodes", "status"), "episodes_status_check",
        "draft in_production ready_for_publish published archived on_hold canceled", {},
        marks=pytest.mark.requirement("ROAD-74", "ROAD-88"), id="episodes.status",
    ),
    pytest.param(
        ("episodes", "approval_status"), "episodes_approval_check", "draft approved rejected", {},
        marks=pytest.mark.requirement("ROAD-74"), id="episodes.approval_status",
    ),
    pytest.param(
        ("episodes", "processing_status"), "episodes_processing_status_check", "pending processing complete failed", {},
        marks=pytest.mark.requirement("P1-03"), id="episodes.processing_status",
    ),
    pytest.param(
        ("thumbnails", "thumbnail_type"), "thumbnails_type_check", "primary cover poster", {},
        marks=pytest.mark.requirement("P1-06"), id="thumbnails.thumbnail_type",
    ),
    pytest.param(
        ("processing_queue", "job_type"), "processing_queue_job_type_check",
        "thumbnail_generation metadata_extraction transcoding", {},
        marks=pytest.mark.requirement("P1-07", "P2-26"), id="processing_queue.job_type",
    ),
    pytest.param(
        ("processing_queue", "status"), "processing_queue_status_check", "pending processing completed failed", {},
        marks=pytest.mark.requirement("P1-07"), id="processing_queue.status",
    ),
    pytest.param(
        ("posts", "status"), "posts_status_check", "pending processing published failed", {"published": "published_at = now()"},
        marks=pytest.mark.requirement("NOVA-21"), id="posts.status",
    ),
    pytest.param(
        ("post_images", "size_variant"), "post_images_size_variant_check", "thumbnail medium original", {},
        marks=pytest.mark.requirement("NOVA-22"), id="post_images.size_variant",
    ),
    pytest.param(
        ("post_images", "status"), "post_images_status_check", "pending processing completed failed",
        {"completed": "url = 'x', width = 1, height = 1, file_size = 1"},
        marks=pytest.mark.requirement("NOVA-22"), id="post_images.status",
    ),
    pytest.param(
        ("clips", "status"), "clips_status_check", "pending_review approved rejected used", {},
        marks=pytest.mark.requirement("ROAD-82"), id="clips.status",
    ),
]  # fmt: skip

# The constraint (or unique index) and what breaks it.
REFUSED = [
    pytest.param(
        "shows_name_key", "INSERT INTO shows (name) VALUES ('Seeds')", marks=pytest.mark.requirement("ROAD-71")
    ),
    pytest.param(
        "episodes_unique_episode",
        "INSERT INTO episodes (show_id, title, season_number, episode_number) SELECT show_id, 'x', 1, 1 FROM shows",
        marks=pytest.mark.requirement("ROAD-75", "P1-04", "C-02"),
    ),
    pytest.param("episodes_duration_check", "UPDATE episodes SET duration_seconds = -1"),
    pytest.param(
        "episodes_show_id_fkey",
        "INSERT INTO episodes (show_id, title, episode_number) VALUES (uuidv7(), 'x', 2)",
        marks=pytest.mark.requirement("ROAD-73"),
    ),
    pytest.param(
        "thumbnails_entity_variant_key",
        "INSERT INTO thumbnails (entity_type, entity_id, size_variant, job_id, file_reference, s3_bucket, s3_key, width, height,"
        " file_size_bytes, mime_type, format) SELECT entity_type, entity_id, size_variant, job_id, 'x', 'x', 'y', 1, 1, 1, 'x',"
        " 'x' FROM thumbnails",
        marks=pytest.mark.requirement("ROAD-83"),
    ),
    pytest.param("thumbnails_width_check", "UPDATE thumbnails SET width = 0", marks=pytest.mark.requirement("ROAD-83")),
    pytest.param("thumbnails_height_check", "UPDATE thumbnails SET height = 0", marks=pytest.mark.requirement("ROAD-83")),
    pytest.param(
        "thumbnails_episode_id_fkey",
        "UPDATE thumbnails SET entity_id = uuidv7()",
        marks=pytest.mark.requirement("P1-06", "C-04"),
    ),
    pytest.param(
        "processing_queue_episode_id_fkey",
        "INSERT INTO processing_queue (job_type, entity_type, entity_id, source_reference)"
        " VALUES ('thumbnail_generation', 'episode', uuidv7(), 'x')",
        marks=pytest.mark.requirement("P1-07"),
    ),
    pytest.param(
        "activity_logs_action_type_check",
        "INSERT INTO activity_logs (user_id, action_type, resource_type, resource_id) VALUES ('x', 'bad', 'show', 'x')",
        marks=pytest.mark.requirement("P1-08"),
    ),
    pytest.param(
        "activity_logs_resource_type_check",
        "INSERT INTO activity_logs (user_id, action_type, resource_type, resource_id) VALUES ('x', 'view', 'bad', 'x')",
        marks=pytest.mark.requirement("P1-08"),
    ),
    pytest.param(
        "script_versions_episode_number_key",
        "INSERT INTO script_versions (episode_id, version_number, script_text) SELECT episode_id, 1, 'x' FROM episodes",
        marks=pytest.mark.requirement("ROAD-78"),
    ),
    pytest.param("script_versions_number_check", "UPDATE script_versions SET version_number = 0"),
    pytest.param("script_versions_content_check", "UPDATE script_versions SET script_text = NULL"),
    pytest.param(
        "episode_outfits_pkey", "INSERT INTO episode_outfits SELECT * FROM episode_outfits",
        marks=pytest.mark.requirement("ROAD-79"),
    ),
    pytest.param(
        "episode_ui_elements_pkey", "INSERT INTO episode_ui_elements SELECT * FROM episode_ui_elements",
        marks=pytest.mark.requirement("ROAD-80"),
    ),
    pytest.param(
        "episode_backgrounds_pkey", "INSERT INTO episode_backgrounds SELECT * FROM episode_backgrounds",
        marks=pytest.mark.requirement("ROAD-81"),
    ),
    pytest.param("outfits_top_check", "UPDATE outfits SET top = '[]'", marks=pytest.mark.requirement("ROAD-79")),
    pytest.param("outfits_shoes_check", "UPDATE outfits SET shoes = '[]'", marks=pytest.mark.requirement("ROAD-79")),
    pytest.param(
        "outfits_accessories_check", "UPDATE outfits SET accessories = '{}'", marks=pytest.mark.requirement("ROAD-79")
    ),
    pytest.param("clips_talent_source_check", "UPDATE clips SET talent_source = 'bad'"),
    pytest.param("clips_quality_check", "UPDATE clips SET quality = 'bad'"),
    pytest.param("clips_file_hash_check", "UPDATE clips SET file_hash = 'bad'"),
    pytest.param("clips_byte_count_check", "UPDATE clips SET byte_count = 0"),
    pytest.param("clips_duration_check", "UPDATE clips SET duration_seconds = -1"),
    pytest.param("components_file_hash_check", "UPDATE components SET file_hash = repeat('A', 64)"),
    pytest.param("ui_elements_file_hash_check", "UPDATE ui_elements SET file_hash = repeat('A', 64)"),
    pytest.param("backgrounds_file_hash_check", "UPDATE backgrounds SET file_hash = repeat('A', 64)"),
    pytest.param("guests_social_links_check", "UPDATE guests SET social_links = '[]'"),
    pytest.param("metadata_storage_tags_check", "UPDATE metadata_storage SET tags = '{}'"),
    pytest.param("metadata_storage_categories_check", "UPDATE metadata_storage SET categories = '{}'"),
    pytest.param("metadata_storage_duration_check", "UPDATE metadata_storage SET processing_duration_seconds = -1"),
    pytest.param(
        "posts_caption_check", "UPDATE posts SET caption = repeat('é', 2201)", marks=pytest.mark.requirement("NOVA-21")
    ),
    pytest.param("posts_image_sizes_check", "UPDATE posts SET image_sizes = '[]'", marks=pytest.mark.requirement("NOVA-21")),
    pytest.param("posts_published_check", "UPDATE posts SET status = 'published'"),
    pytest.param(
        "posts_user_id_fkey", "INSERT INTO posts (user_id) VALUES (uuidv7())", marks=pytest.mark.requirement("NOVA-21")
    ),
    pytest.param(
        "posts_image_key_key",
        "INSERT INTO posts (user_id, image_key) SELECT user_id, 'x' FROM users CROSS JOIN generate_series(1, 2)",
    ),
    pytest.param(
        "post_images_post_variant_key",
        "INSERT INTO post_images (post_id, s3_key, size_variant) SELECT post_id, 'x', 'thumbnail' FROM posts",
    ),
    pytest.param("post_images_width_check", "UPDATE post_images SET width = 0", marks=pytest.mark.requirement("NOVA-22")),
    pytest.param("post_images_height_check", "UPDATE post_images SET height = 0", marks=pytest.mark.requirement("NOVA-22")),
    pytest.param("post_images_file_size_check", "UPDATE post_images SET file_size = 0"),
    pytest.param("post_images_completed_check", "UPDATE post_images SET status = 'completed'"),
    pytest.param(
        "post_metadata_pkey", "INSERT INTO post_metadata SELECT * FROM post_metadata", marks=pytest.mark.requirement("NOVA-23")
    ),
    pytest.param("post_metadata_like_count_check", "UPDATE post_metadata SET like_count = -1"),
    pytest.param("post_metadata_comment_count_check", "UPDATE post_metadata SET comment_count = -1"),
    pytest.param("post_metadata_view_count_check", "UPDATE post_metadata SET view_count = -1"),
    pytest.param(
        "idx_upload_sessions_upload_token",
        "UPDATE upload_sessions SET upload_token = repeat('1', 64)",
        marks=pytest.mark.requirement("NOVA-24"),
    ),
    pytest.param("upload_sessions_upload_token_check", "UPDATE upload_sessions SET upload_token = 'bad'"),
    pytest.param(
        "upload_sessions_file_hash_check",
        "UPDATE upload_sessions SET file_hash = repeat('G', 64)",
        marks=pytest.mark.requirement("NOVA-24"),
    ),
    pytest.param(
        "upload_sessions_post_id_fkey",
        "UPDATE upload_sessions SET post_id = uuidv7()",
        marks=pytest.mark.requirement("NOVA-24"),
    ),
    pytest.param("upload_sessions_byte_count_check", "UPDATE upload_sessions SET byte_count = 0"),
    pytest.param("upload_sessions_status_check", "UPDATE upload_sessions SET status = 'bad'"),
    pytest.param("upload_sessions_completed_check", "UPDATE upload_sessions SET status = 'completed'"),
    pytest.param("upload_sessions_temp_key_key", "UPDATE upload_sessions SET temp_key = 'same'"),
    pytest.param("thumbnails_status_check", "UPDATE thumbnails SET status = 'bad'"),
    pytest.param("outbox_ended_once_check", "UPDATE outbox SET sent_at = now(), given_up_at = now()"),
    pytest.param(
        "processing_queue_sqs_message_id_key",
        "INSERT INTO processing_queue (job_type, entity_type, entity_id, source_reference, sqs_message_id)"
        " SELECT 'thumbnail_generation', 'post', uuidv7(), 'x', 'x' FROM generate_series(1, 2)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("column", "constraint", "values", "also"), LISTS)
def test_column_holds_the_values_of_its_list_and_no_other(
    filled: Schema, column: tuple[str, str], constraint: str, values: str, also: dict[str, str]
) -> None:
    row = filled.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [constraint]
    ).fetchone()
    assert row and set(re.findall(r"'(\w+)'", row[0])) == set(values.split())
    update = "UPDATE {} SET {} = ".format(*column)  # noqa: S608
    for value in values.split():
        more = f", {also[value]}" if value in also else ""
        changed = filled.execute(f"{update} %s{more}".encode(), [value])
        assert changed.rowcount > 0
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        filled.execute(f"{update} 'bad'".encode())
    assert refused.value.diag.constraint_name == constraint


@pytest.mark.parametrize(("constraint", "sql"), REFUSED)
def test_what_breaks_a_constraint_is_refused(filled: Schema, constraint: str, sql: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityError) as refused:
        filled.execute(sql.encode())
    assert refused.value.diag.constraint_name == constraint


def test_every_check_and_unique_constraint_is_tried(schema: Schema) -> None:
    """A new one needs its line in a table above."""
    there = schema.execute(
        "SELECT conname FROM pg_constraint WHERE contype IN ('c', 'u') AND connamespace = 'public'::regnamespace"
    )
    tried = {case.values[0] for case in REFUSED} | {case.values[1] for case in LISTS}
    assert {name for (name,) in there} - tried == set()


@pytest.mark.requirement("NOVA-21")
def test_longest_caption_is_taken(filled: Schema) -> None:
    assert filled.execute("UPDATE posts SET caption = repeat('é', 2200)").rowcount == 1
