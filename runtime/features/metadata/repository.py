"""SQL on metadata_storage: one row per extraction of an episode's metadata. The newest one is current."""

from uuid import UUID

from psycopg.sql import SQL, Identifier

from runtime.features.metadata.schemas import FINDINGS, EpisodeMetadata
from runtime.mechanisms.records.table import Table
from runtime.persistence.pages import JsonPage, ListQuery, PageRequest
from runtime.persistence.timestamps import utc
from runtime.persistence.transactions import Connection

_OWN = SQL("""
    m.metadata_id, m.episode_id, m.processing_duration_seconds,
    {extraction_timestamp} AS extraction_timestamp
""").format(extraction_timestamp=utc("m.extraction_timestamp"))

TABLE = Table(
    name="metadata_storage",
    alias="m",
    row_id="metadata_id",
    model=EpisodeMetadata,
    columns=SQL(", ").join([_OWN, *(Identifier("m", name) for name in FINDINGS)]),
    is_deletable=False,
    # The id is included because updates address the newest row, and different rows may have the same version.
    etag=SQL("m.metadata_id || '-' || m.version"),
    json_columns=frozenset(FINDINGS) - {"extracted_text", "transcription"},
)

_FIND_NEWEST = """
SELECT metadata_id FROM metadata_storage WHERE episode_id = %(episode_id)s ORDER BY metadata_id DESC LIMIT 1
"""
# Findings are large: those of older extractions are not even read.
_NEWEST_ONLY = SQL("CASE WHEN m.metadata_id = newest.metadata_id THEN {} END AS {}")
_LISTING = ListQuery(
    columns=TABLE.with_common_columns(
        SQL(", ").join(
            [
                _OWN,
                *(_NEWEST_ONLY.format(Identifier("m", name), Identifier(name)) for name in FINDINGS),
                SQL("m.metadata_id = newest.metadata_id AS is_complete"),
            ]
        )
    ),
    source=SQL("metadata_storage m CROSS JOIN ({}) newest").format(SQL(_FIND_NEWEST)),
    row_id="metadata_id",
    alias="m",
)


def find_newest_for_update(connection: Connection, episode_id: UUID) -> EpisodeMetadata | None:
    """Return the newest extraction of a locked episode, locked itself until the transaction ends, or None."""
    row = connection.execute(_FIND_NEWEST, {"episode_id": episode_id}).fetchone()
    return TABLE.find_for_update(connection, row["metadata_id"]) if row else None


def list_page(connection: Connection, page: PageRequest, episode_id: UUID) -> JsonPage:
    """List the episode's extractions, newest first; only the newest includes its findings."""
    return _LISTING.page(connection, page, episode_id=episode_id)
