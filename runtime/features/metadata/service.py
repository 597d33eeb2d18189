"""Rules of extracted metadata: machines create extractions, administrators correct the newest one, the total size is limited.

Both lock the episode first: creating, so that it is not deleted meanwhile; correcting, so that no newer extraction is added
meanwhile.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from runtime.access.tokens import Caller
from runtime.contract.preconditions import IfMatch
from runtime.contract.values import json_byte_count
from runtime.errors import InvalidInputError, NotFoundError
from runtime.features.episodes.service import EPISODES
from runtime.features.metadata import repository
from runtime.features.metadata.repository import TABLE
from runtime.features.metadata.schemas import FINDINGS, MAX_EXTRACTION_BYTES, EpisodeMetadata
from runtime.mechanisms.audit.schemas import ResourceType
from runtime.mechanisms.records.service import VersionedService, record_last_seen
from runtime.persistence.pages import JsonPage, PageRequest
from runtime.persistence.transactions import Connection, Transaction

METADATA = VersionedService(table=TABLE, resource_type=ResourceType.METADATA, display_name="metadata")


def list_page(connection: Connection, page: PageRequest, episode_id: UUID) -> JsonPage:
    """List the episode's extractions, newest first; NotFoundError if the episode does not exist."""
    EPISODES.ensure_exists(connection, episode_id)
    return repository.list_page(connection, page, episode_id)


def get(connection: Connection, episode_id: UUID, metadata_id: UUID) -> EpisodeMetadata:
    """Return an extraction; NotFoundError if it or the episode does not exist."""
    EPISODES.ensure_exists(connection, episode_id)
    found = TABLE.find(connection, metadata_id)
    if found is None or found.episode_id != episode_id:
        raise NotFoundError("Metadata not found", field="path.metadata_id")
    return found


def create(transaction: Transaction, caller: Caller, episode_id: UUID, columns: Mapping[str, Any]) -> EpisodeMetadata:
    """Create an extraction, which becomes the newest.

    Raises:
        InvalidInputError: The findings are too large.
        NotFoundError: The episode does not exist.
    """
    _require_size(columns)
    record_last_seen(transaction, caller)
    EPISODES.get_for_share(transaction.connection, episode_id)
    return METADATA.create(transaction, caller, {**columns, "episode_id": episode_id})


def update_newest(
    transaction: Transaction, caller: Caller, episode_id: UUID, columns: Mapping[str, Any], if_match: IfMatch
) -> EpisodeMetadata:
    """Update the newest extraction with values by column.

    Raises:
        NotFoundError: The episode does not exist or has no extraction.
        PreconditionFailedError: The newest extraction has another version than `if_match` requires.
        InvalidInputError: The findings would be too large.
    """
    EPISODES.get_for_update(transaction, caller, episode_id, IfMatch())
    before = repository.find_newest_for_update(transaction.connection, episode_id)
    if before is None:
        raise NotFoundError("The episode has no metadata yet", field="path.episode_id")
    if_match.require(before.etag)
    _require_size({**before.model_dump(), **columns})
    return METADATA.update_locked(transaction, caller, before, columns)


def _require_size(columns: Mapping[str, Any]) -> None:
    if sum(json_byte_count(columns.get(name)) for name in FINDINGS) > MAX_EXTRACTION_BYTES:
        message = f"The findings of an extraction must have at most {MAX_EXTRACTION_BYTES} bytes as JSON in total"
        raise InvalidInputError(message, field="body")
