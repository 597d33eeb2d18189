"""The metadata_storage table: what was found in episodes. Each extraction is a row, and the newest one counts."""

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
    # The row's id too: a change is of the newest row, and another row may have the same version.
    etag=SQL("m.metadata_id || '-' || m.version"),
    json_columns=frozenset(FINDINGS) - {"extracted_text", "transcription"},
)

_FIND_NEWEST = """
SELECT metadata_id FROM metadata_storage WHERE episode_id = %(episode_id)s ORDER BY metadata_id DESC LIMIT 1
"""
# Findings are large: of the rows that do not show theirs, they are not even read.
_SHOWN = SQL("CASE WHEN m.metadata_id = newest.metadata_id THEN {} END AS {}")
_LISTING = ListQuery(
    columns=TABLE.with_common_columns(
        SQL(", ").join(
            [
                _OWN,
                *(_SHOWN.format(Identifier("m", name), Identifier(name)) for name in FINDINGS),
                SQL("m.metadata_id = newest.metadata_id AS is_complete"),
            ]
        )
    ),
    source=SQL("metadata_storage m CROSS JOIN ({}) newest").format(SQL(_FIND_NEWEST)),
    row_id="metadata_id",
    alias="m",
)


def find_newest_for_update(connection: Connection, episode_id: UUID) -> EpisodeMetadata | None:
    """The newest extraction of an episode that the caller has locked, if there is one. Until the transaction ends no other can
    change it."""
    row = connection.execute(_FIND_NEWEST, {"episode_id": episode_id}).fetchone()
    return TABLE.find_for_update(connection, row["metadata_id"]) if row else None


def list_page(connection: Connection, page: PageRequest, episode_id: UUID) -> JsonPage:
    """The episode's extractions, the newest first, and of all but the newest without their findings."""
    return _LISTING.page(connection, page, episode_id=episode_id)
