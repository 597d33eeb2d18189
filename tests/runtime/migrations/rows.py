"""A row of everything, as each revision could have had it, with everything that depends on it."""

from typing import Any

import psycopg

USER = "00000000-0000-7000-8000-000000000001"
SHOW = "00000000-0000-7000-8000-000000000002"
EPISODE = "00000000-0000-7000-8000-000000000003"
JOB = "00000000-0000-7000-8000-000000000004"
THUMBNAIL = "00000000-0000-7000-8000-000000000005"
UPLOAD = "00000000-0000-7000-8000-000000000006"
SCRIPT = "00000000-0000-7000-8000-000000000007"
OUTFIT = "00000000-0000-7000-8000-000000000008"
UI_ELEMENT = "00000000-0000-7000-8000-000000000009"
BACKGROUND = "00000000-0000-7000-8000-000000000010"
GUEST = "00000000-0000-7000-8000-000000000011"
CLIP = "00000000-0000-7000-8000-000000000012"
POST = "00000000-0000-7000-8000-000000000013"
POST_UPLOAD = "00000000-0000-7000-8000-000000000014"
VIDEO_JOB = "00000000-0000-7000-8000-000000000015"

# By the revision that has made the tables; a trigger fills post_metadata.
ROWS = {
    "0001": f"""
INSERT INTO users (user_id) VALUES ('{USER}');
INSERT INTO shows (show_id, name, created_by) VALUES ('{SHOW}', 'Seeds', '{USER}');
INSERT INTO episodes (episode_id, show_id, title, episode_number, tags)
VALUES ('{EPISODE}', '{SHOW}', '100 % :of it', 1, '{{seeds}}');
INSERT INTO processing_queue (job_id, job_type, entity_type, entity_id, source_reference)
VALUES ('{JOB}', 'thumbnail_generation', 'episode', '{EPISODE}', 's3://storage/x');
INSERT INTO thumbnails (thumbnail_id, entity_type, entity_id, size_variant, job_id, file_reference, s3_bucket, s3_key, width,
                        height, file_size_bytes, mime_type, format)
VALUES ('{THUMBNAIL}', 'episode', '{EPISODE}', 'primary', '{JOB}', 's3://t/x', 't', 'x', 1, 1, 1, 'image/jpeg', 'jpeg');
INSERT INTO upload_sessions (upload_id, user_id, entity_type, entity_id, file_name, content_type, byte_count, file_hash,
                             temp_key, job_id, expires_at)
VALUES ('{UPLOAD}', '{USER}', 'episode', '{EPISODE}', 'x', 'image/jpeg', 1, repeat('0', 64), 'x', '{JOB}', now());
INSERT INTO outbox (topic, payload) VALUES ('x', '{{}}');
""",  # noqa: S608
    "0002": f"""
INSERT INTO activity_logs (user_id, action_type, resource_type, resource_id, old_values, new_values)
VALUES ('{USER}', 'create', 'show', '{SHOW}', NULL, '{{"name": "Seeds"}}');
INSERT INTO idempotency_keys (user_id, idempotency_key, request_hash, status_code, headers, body, is_settled)
VALUES ('{USER}', 'x', repeat('0', 64), 201, '{{}}', '{{}}', true);
""",  # noqa: S608
    "0005": f"""
INSERT INTO script_versions (script_version_id, episode_id, version_number, script_text, is_active)
VALUES ('{SCRIPT}', '{EPISODE}', 1, 'Fade in.', true);
INSERT INTO outfits (outfit_id, name, top) VALUES ('{OUTFIT}', 'Gala', '{{"colour": "red"}}');
INSERT INTO ui_elements (ui_element_id, name) VALUES ('{UI_ELEMENT}', 'Lower third');
INSERT INTO backgrounds (background_id, name, background_type) VALUES ('{BACKGROUND}', 'Kitchen', 'set');
INSERT INTO episode_outfits (episode_id, outfit_id) VALUES ('{EPISODE}', '{OUTFIT}');
INSERT INTO episode_ui_elements (episode_id, ui_element_id) VALUES ('{EPISODE}', '{UI_ELEMENT}');
INSERT INTO episode_backgrounds (episode_id, background_id) VALUES ('{EPISODE}', '{BACKGROUND}');
""",  # noqa: S608
    "0006": f"""
INSERT INTO components (name, component_type) VALUES ('Opening', 'sequence');
INSERT INTO guests (guest_id, name) VALUES ('{GUEST}', 'Ada');
INSERT INTO clips (clip_id, episode_id, guest_id, title, talent_source)
VALUES ('{CLIP}', '{EPISODE}', '{GUEST}', 'Interview', 'Guest');
INSERT INTO metadata_storage (episode_id, extracted_text) VALUES ('{EPISODE}', 'Seeds');
INSERT INTO activity_logs (user_id, action_type, resource_type, resource_id) VALUES ('{USER}', 'link', 'outfit', '{OUTFIT}');
""",  # noqa: S608
    "0007": f"""
INSERT INTO posts (post_id, user_id, caption) VALUES ('{POST}', '{USER}', 'Seeds');
INSERT INTO post_images (post_id, s3_key, size_variant) VALUES ('{POST}', 'posts/x', 'thumbnail');
INSERT INTO upload_sessions (upload_id, user_id, entity_type, entity_id, file_name, content_type, byte_count, file_hash,
                             temp_key, expires_at, post_id, upload_token)
VALUES ('{POST_UPLOAD}', '{USER}', 'post', '{POST}', 'x', 'image/jpeg', 1, repeat('0', 64), 'y', now() + interval '1 hour',
        '{POST}', repeat('0', 64));
""",  # noqa: S608
    "0008": f"INSERT INTO rate_limits (user_id, full_at) VALUES ('{USER}', now());",  # noqa: S608
    "0011": f"""
INSERT INTO processing_queue (job_id, job_type, entity_type, entity_id, source_reference)
VALUES ('{VIDEO_JOB}', 'transcoding', 'episode', '{EPISODE}', 's3://storage/y');
""",  # noqa: S608
}

TABLES = """
SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY tablename
"""


def fill(connection: psycopg.Connection[Any], revision: str) -> None:
    """Gives an empty database that is at a revision a row of everything."""
    for since, rows in ROWS.items():
        if since <= revision:
            connection.execute(rows)


def tables(connection: psycopg.Connection[Any]) -> list[str]:
    """The project's own tables."""
    return [name for (name,) in connection.execute(TABLES)]


def stored(connection: psycopg.Connection[Any]) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, as JSON."""
    found = {}
    for table in tables(connection):
        rows = connection.execute(f"SELECT to_jsonb(t) FROM {table} t ORDER BY to_jsonb(t)::text")  # noqa: S608
        found[table] = [row for (row,) in rows]
    return found
