"""The rules of what was found in an episode: machines add to it, administrators correct the newest, and it has a size.

Both lock the episode first: an addition so that it stays there, a correction so that no addition comes between.
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
    """The episode's extractions, the newest first. NotFoundError for the episode."""
    EPISODES.ensure_exists(connection, episode_id)
    return repository.list_page(connection, page, episode_id)


def get(connection: Connection, episode_id: UUID, metadata_id: UUID) -> EpisodeMetadata:
    """One extraction. NotFoundError for it and for the episode."""
    EPISODES.ensure_exists(connection, episode_id)
    found = TABLE.find(connection, metadata_id)
    if found is None or found.episode_id != episode_id:
        raise NotFoundError("The episode has no such metadata", field="path.metadata_id")
    return found


def create(transaction: Transaction, caller: Caller, episode_id: UUID, columns: Mapping[str, Any]) -> EpisodeMetadata:
    """The new extraction, which is the newest then. NotFoundError for the episode, InvalidInputError when it is too large."""
    _require_fit(columns)
    record_last_seen(transaction, caller)
    EPISODES.get_for_share(transaction.connection, episode_id)
    return METADATA.create(transaction, caller, {**columns, "episode_id": episode_id})


def update_newest(
    transaction: Transaction, caller: Caller, episode_id: UUID, columns: Mapping[str, Any], if_match: IfMatch
) -> EpisodeMetadata:
    """The newest extraction with these values by column. NotFoundError for the episode and when nothing was extracted,
    PreconditionFailedError when it is another than the caller's, InvalidInputError when it would be too large."""
    EPISODES.get_for_update(transaction, caller, episode_id, IfMatch())
    before = repository.find_newest_for_update(transaction.connection, episode_id)
    if before is None:
        raise NotFoundError("The episode has no metadata yet", field="path.episode_id")
    if_match.require(before.etag)
    _require_fit({**before.model_dump(), **columns})
    return METADATA.update_locked(transaction, caller, before, columns)


def _require_fit(columns: Mapping[str, Any]) -> None:
    if sum(json_byte_count(columns.get(name)) for name in FINDINGS) > MAX_EXTRACTION_BYTES:
        message = f"The findings of one extraction may have {MAX_EXTRACTION_BYTES} bytes as JSON in all"
        raise InvalidInputError(message, field="body")
