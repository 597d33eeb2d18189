"""Tables, columns and indexes that the requirements name: each is there, as it was asked for."""

import re
from typing import Any

import psycopg
import pytest

from tests.runtime.migrations import rows

Schema = psycopg.Connection[Any]

# docs/requirements.md §9, and below them what the platform needs for itself.
REQUIRED_TABLES = {
    "users", "shows", "episodes", "script_versions", "thumbnails", "processing_queue", "metadata_storage", "activity_logs",
    "outfits", "episode_outfits", "ui_elements", "episode_ui_elements", "backgrounds", "episode_backgrounds",
    "clips", "components", "guests", "posts", "post_images", "post_metadata", "upload_sessions",
}  # fmt: skip
OWN_TABLES = {"outbox", "idempotency_keys", "rate_limits"}

UUID, TEXT, JSONB, INTEGER, TIME = "uuid", "text", "jsonb", "integer", "timestamp with time zone"
STRING, SHORT, LINE, KEY, LONG = (f"character varying({length})" for length in (50, 100, 255, 512, 1024))
DELETION = {
    "deleted_at": TIME, "deleted_by": UUID, "deleted_reason": TEXT, "restored_at": TIME, "restored_by": UUID,
}  # fmt: skip

COLUMNS = [
    pytest.param(
        "shows",
        {"show_id": UUID, "name": LINE, "description": TEXT, "status": STRING, "metadata": JSONB, "created_at": TIME,
         "updated_at": TIME, **DELETION},
        marks=pytest.mark.requirement("ROAD-71", "C-38"),
        id="shows",
    ),
    pytest.param(
        "episodes",
        {"episode_id": UUID, "show_id": UUID, "title": "character varying(500)", "episode_number": INTEGER,
         "season_number": INTEGER, "status": STRING, "description": TEXT, "duration_seconds": INTEGER, "filming_date": "date",
         "edit_deadline": "date", "publish_date": "date", "released_at": TIME, "script_text": TEXT,
         "script_file_reference": LONG, "trailer_reference": LONG, "thumbnail_reference": LONG, "tags": "text[]",
         "category": SHORT, "language": "character varying(10)", "copyright": TEXT, "approval_status": STRING,
         "uploaded_by": UUID, "original_approver": UUID, "created_at": TIME, "created_by": UUID, "updated_at": TIME,
         "updated_by": UUID, "metadata": JSONB, **DELETION},
        marks=pytest.mark.requirement("ROAD-73", "C-03"),
        id="episodes",
    ),
    pytest.param(
        "episodes",
        {"air_date": "date", "director": LINE, "writer": LINE, "rating": "numeric(3,1)", "genre": SHORT, "thumbnail_url": KEY,
         "poster_url": KEY, "video_url": KEY, "raw_video_s3_key": KEY, "processed_video_s3_key": KEY,
         "metadata_json_s3_key": KEY, "processing_status": STRING},
        marks=pytest.mark.requirement("C-02"),
        id="episodes-first-document",
    ),
    pytest.param(
        "metadata_storage",
        {"metadata_id": UUID, "episode_id": UUID, "extracted_text": TEXT, "scenes_detected": JSONB,
         "sentiment_analysis": JSONB, "visual_objects": JSONB, "transcription": TEXT, "tags": JSONB, "categories": JSONB,
         "extraction_timestamp": TIME, "processing_duration_seconds": INTEGER},
        marks=pytest.mark.requirement("P1-05"),
        id="metadata_storage",
    ),
    pytest.param(
        "thumbnails",
        {"thumbnail_id": UUID, "episode_id": UUID, "s3_bucket": LINE, "s3_key": KEY, "file_size_bytes": INTEGER,
         "mime_type": STRING, "width": INTEGER, "height": INTEGER, "format": "character varying(20)",
         "thumbnail_type": "character varying(20)", "position_seconds": INTEGER, "generated_at": TIME,
         "quality_rating": "numeric(3,2)"},
        marks=pytest.mark.requirement("P1-06", "C-04"),
        id="thumbnails-first-document",
    ),
    pytest.param(
        "thumbnails",
        {"entity_type": STRING, "entity_id": UUID, "size_variant": STRING, "file_reference": "character varying(1100)",
         "width": INTEGER, "height": INTEGER, "status": STRING, "processed_at": TIME},
        marks=pytest.mark.requirement("ROAD-83", "C-04"),
        id="thumbnails",
    ),
    pytest.param(
        "processing_queue",
        {"job_id": UUID, "episode_id": UUID, "job_type": STRING, "status": STRING, "sqs_message_id": LINE,
         "sqs_receipt_handle": LONG, "job_config": JSONB, "error_message": TEXT, "retry_count": INTEGER,
         "max_retries": INTEGER, "created_at": TIME, "started_at": TIME, "completed_at": TIME},
        marks=pytest.mark.requirement("P1-07", "C-06"),
        id="processing_queue",
    ),
    pytest.param(
        "activity_logs",
        {"activity_log_id": UUID, "user_id": LINE, "action_type": STRING, "resource_type": STRING, "resource_id": TEXT,
         "old_values": JSONB, "new_values": JSONB, "ip_address": "character varying(45)", "user_agent": TEXT,
         "timestamp": TIME},
        marks=pytest.mark.requirement("P1-08", "C-40"),
        id="activity_logs",
    ),
    pytest.param(
        "audit_log",
        {"activity_log_id": UUID, "user_id": LINE, "action_type": STRING, "resource_type": STRING, "resource_id": TEXT},
        marks=pytest.mark.requirement("ROAD-84", "C-05"),
        id="audit_log",
    ),
    pytest.param(
        "script_versions",
        {"script_version_id": UUID, "episode_id": UUID, "is_active": "boolean"},
        marks=pytest.mark.requirement("ROAD-78"),
        id="script_versions",
    ),
    pytest.param(
        "posts",
        {"post_id": UUID, "user_id": UUID, "caption": TEXT, "image_key": LONG, "image_sizes": JSONB,
         "status": "character varying(20)", "soft_delete": "boolean"},
        marks=pytest.mark.requirement("NOVA-21", "C-38"),
        id="posts",
    ),
    pytest.param(
        "post_images",
        {"post_image_id": UUID, "post_id": UUID, "s3_key": LONG, "size_variant": "character varying(20)",
         "status": "character varying(20)", "url": "character varying(2048)", "width": INTEGER, "height": INTEGER,
         "file_size": INTEGER},
        marks=pytest.mark.requirement("NOVA-22"),
        id="post_images",
    ),
    pytest.param(
        "post_metadata",
        {"post_id": UUID, "like_count": INTEGER, "comment_count": INTEGER, "view_count": INTEGER},
        marks=pytest.mark.requirement("NOVA-23"),
        id="post_metadata",
    ),
    pytest.param(
        "upload_sessions",
        {"upload_id": UUID, "post_id": UUID, "upload_token": "character(64)", "file_hash": "character(64)", "expires_at": TIME},
        marks=pytest.mark.requirement("NOVA-24"),
        id="upload_sessions",
    ),
]  # fmt: skip

DEFAULTS = [
    pytest.param("shows", "status", "'active'", marks=pytest.mark.requirement("ROAD-71"), id="shows.status"),
    pytest.param("shows", "metadata", "'{}'", marks=pytest.mark.requirement("ROAD-71"), id="shows.metadata"),
    pytest.param("shows", "show_id", "uuidv7()", marks=pytest.mark.requirement("ROAD-71"), id="shows.show_id"),
    pytest.param("episodes", "season_number", "1", marks=pytest.mark.requirement("ROAD-73"), id="season_number"),
    pytest.param("episodes", "status", "'draft'", marks=pytest.mark.requirement("ROAD-73"), id="episodes.status"),
    pytest.param("episodes", "language", "'en-US'", marks=pytest.mark.requirement("ROAD-73"), id="language"),
    pytest.param("episodes", "approval_status", "'approved'", marks=pytest.mark.requirement("ROAD-73"), id="approval"),
    pytest.param("processing_queue", "retry_count", "0", marks=pytest.mark.requirement("P1-07"), id="retry_count"),
    pytest.param("processing_queue", "max_retries", "3", marks=pytest.mark.requirement("P1-07"), id="max_retries"),
    pytest.param("posts", "status", "'pending'", marks=pytest.mark.requirement("NOVA-21"), id="posts.status"),
]

REQUIRED_VALUES = [
    pytest.param("shows", {"name", "status"}, marks=pytest.mark.requirement("ROAD-71"), id="shows"),
    pytest.param(
        "episodes",
        {"show_id", "title", "episode_number", "season_number"},
        marks=pytest.mark.requirement("ROAD-73"),
        id="episodes",
    ),
    pytest.param("metadata_storage", {"episode_id"}, marks=pytest.mark.requirement("P1-05"), id="metadata_storage"),
    pytest.param(
        "upload_sessions", {"file_hash", "expires_at"}, marks=pytest.mark.requirement("NOVA-24"), id="uploads"
    ),
]

TYPES = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
"""


def test_tables_are_those_of_the_requirements_and_no_others(schema: Schema) -> None:
    assert len(REQUIRED_TABLES) == 21
    assert set(rows.tables(schema)) == REQUIRED_TABLES | OWN_TABLES


@pytest.mark.requirement("ROAD-84", "C-05")
def test_audit_log_is_a_view_with_its_readers_rights(schema: Schema) -> None:
    views = schema.execute(
        "SELECT relname, reloptions FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace"
    )
    assert views.fetchall() == [("audit_log", ["security_invoker=true"])]


@pytest.mark.requirement("P1-50")
@pytest.mark.parametrize(("table", "columns"), COLUMNS)
def test_columns_are_there(schema: Schema, table: str, columns: dict[str, str]) -> None:
    there = {name: kind for name, kind, _ in schema.execute(TYPES, [table])}
    assert {name: there.get(name) for name in columns} == columns


@pytest.mark.parametrize(("table", "column", "default"), DEFAULTS)
def test_default_is_as_asked_for(schema: Schema, table: str, column: str, default: str) -> None:
    query = "SELECT column_default FROM information_schema.columns WHERE table_name = %s AND column_name = %s"
    row = schema.execute(query, [table, column]).fetchone()
    assert row and re.sub(r"::[a-z ]+$", "", row[0]) == default


@pytest.mark.parametrize(("table", "columns"), REQUIRED_VALUES)
def test_required_values_are_required(schema: Schema, table: str, columns: set[str]) -> None:
    required = {name for name, _, not_null in schema.execute(TYPES, [table]) if not_null}
    assert columns <= required


def test_everything_says_what_it_is_for(schema: Schema) -> None:
    silent = schema.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')"
        " AND relname <> 'alembic_version' AND obj_description(oid, 'pg_class') IS NULL"
        " UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        " AND obj_description(oid, 'pg_proc') IS NULL"
    )
    assert silent.fetchall() == []


def test_every_row_was_held_against_every_constraint(schema: Schema) -> None:
    assert schema.execute("SELECT conname FROM pg_constraint WHERE NOT convalidated").fetchall() == []
    assert schema.execute("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid").fetchall() == []


def test_deleting_what_others_refer_to_finds_them_by_an_index(schema: Schema) -> None:
    """Of the whole table: a partial index would help only where every row that refers is in it."""
    unfound = schema.execute(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint c WHERE contype = 'f' AND NOT EXISTS ("
        " SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indpred IS NULL"
        " AND (i.indkey::smallint[])[0:cardinality(c.conkey) - 1] @> c.conkey)"
    )
    assert unfound.fetchall() == []


@pytest.mark.requirement("NOVA-25")
def test_posts_have_the_indexes_and_constraints_that_were_counted(schema: Schema) -> None:
    four = ["posts", "post_images", "post_metadata", "upload_sessions"]
    counts = schema.execute(
        "SELECT (SELECT count(*) FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY (%(four)s)),"
        " (SELECT count(*) FROM pg_constraint WHERE contype <> 'n' AND conrelid::regclass::text = ANY (%(four)s))",
        {"four": four},
    ).fetchone()
    assert counts is not None
    assert counts[0] >= 15
    assert counts[1] >= 20
    of_each = dict(
        schema.execute(
            "SELECT tablename, count(*) FROM pg_indexes WHERE tablename = ANY (%s) AND indexname LIKE 'idx%%' GROUP BY 1",
            [four],
        ).fetchall()
    )
    assert [of_each[table] for table in four[:3]] == [6, 4, 2]
    assert of_each["upload_sessions"] >= 4
