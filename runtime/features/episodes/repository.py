"""SQL on episodes. Episodes of deleted shows count as deleted."""

from psycopg.sql import SQL

from runtime.errors import ConflictError
from runtime.features.episodes.schemas import Episode
from runtime.mechanisms.records.table import Table
from runtime.persistence.pages import Order
from runtime.persistence.timestamps import utc

# Columns of lists and searches, in the format of the response, from an episode `e` and its show `s`.
_COLUMNS = SQL("""
    e.episode_id, e.show_id, s.name AS show_name,
    e.title, e.title AS episode_title, e.episode_number, e.season_number, e.status,
    e.description, e.description AS plot_summary,
    e.duration_seconds, e.duration_seconds / 60 AS duration_minutes,
    e.filming_date, e.edit_deadline, e.publish_date, e.air_date,
    {released_at} AS released_at,
    e.processing_status, e.approval_status, e.original_approver, e.uploaded_by,
    e.script_file_reference, e.trailer_reference, e.thumbnail_reference, e.thumbnail_url, e.poster_url, e.video_url,
    e.raw_video_s3_key, e.processed_video_s3_key, e.metadata_json_s3_key,
    {upload_date} AS upload_date,
    {last_modified} AS last_modified,
    e.tags, e.category, e.genre, e.director, e.writer, e.rating, e.language, e.copyright, e.metadata
""").format(released_at=utc("e.released_at"), upload_date=utc("e.created_at"), last_modified=utc("e.updated_at"))
_NUMBER_TAKEN = "The show already has an episode with this number in this season; choose another number"

TABLE = Table(
    name="episodes",
    alias="e",
    row_id="episode_id",
    model=Episode,
    columns=_COLUMNS,
    detail_columns=SQL("e.script_text"),
    joins=SQL("JOIN shows s USING (show_id)"),
    visible_when=SQL("e.deleted_at IS NULL AND s.deleted_at IS NULL"),
    # The show's version is included because the response contains the show's name.
    etag=SQL("e.version || '-' || s.version"),
    constraint_errors={"episodes_unique_episode": lambda: ConflictError(_NUMBER_TAKEN, field="body.episode_number")},
    orders={
        "title": Order(by=SQL("lower(e.title)")),
        "number": Order(by=SQL("ARRAY[e.season_number, e.episode_number]"), type="integer[]"),
        "updated_at": Order(by=SQL("e.updated_at"), type="timestamptz"),
        # Episodes without a date sort as the latest.
        "publish_date": Order(by=SQL("coalesce(e.publish_date, 'infinity')"), type="date"),
        "air_date": Order(by=SQL("coalesce(e.air_date, 'infinity')"), type="date"),
    },
    conditions={
        "tag": SQL("e.tags @> ARRAY[%(tag)s::text]"),
        "published_from": SQL("e.publish_date >= %(published_from)s"),
        "published_to": SQL("e.publish_date <= %(published_to)s"),
    },
)
SUMMARY_COLUMNS = TABLE.list_columns
LIVE = TABLE.visible
LISTING = TABLE.listing
