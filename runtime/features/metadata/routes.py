"""Extracted metadata of an episode: machines create it, everyone reads it, administrators correct it."""

from typing import Annotated
from uuid import UUID

from fastapi import Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope, PageEnvelope
from runtime.features.metadata import service
from runtime.features.metadata.schemas import (
    EpisodeMetadata,
    EpisodeMetadataCreate,
    EpisodeMetadataSummary,
    EpisodeMetadataUpdate,
)
from runtime.web.dependencies import (
    DatabaseDep,
    IfMatchDep,
    Paging,
    TransactionDep,
    envelope_with_etag,
    list_response,
    record_response,
)
from runtime.web.routing import feature_router

router = feature_router("metadata")


@router.get(
    "/api/v1/episodes/{episode_id}/metadata",
    response_model=PageEnvelope[EpisodeMetadataSummary],
    dependencies=[allow(Permission.METADATA_READ)],
)
def list_metadata(episode_id: UUID, page: Paging, database: DatabaseDep) -> Response:
    """List the episode's extractions, newest first. Only the newest includes its findings."""
    with database.autocommit() as connection:
        return list_response(service.list_page(connection, page, episode_id))


@router.get(
    "/api/v1/episodes/{episode_id}/metadata/{metadata_id}",
    response_model=DataEnvelope[EpisodeMetadata],
    dependencies=[allow(Permission.METADATA_READ)],
)
def get_metadata(episode_id: UUID, metadata_id: UUID, database: DatabaseDep) -> Response:
    """Get an extraction with its findings."""
    with database.autocommit() as connection:
        return record_response(service.get(connection, episode_id, metadata_id))


@router.post("/api/v1/episodes/{episode_id}/metadata", status_code=201, response_model=DataEnvelope[EpisodeMetadata])
def create_metadata(
    caller: Annotated[Caller, allow(Permission.METADATA_CREATE)],
    episode_id: UUID,
    body: EpisodeMetadataCreate,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[EpisodeMetadata]:
    """Create an extraction; earlier ones are kept. Only for machine clients, not for user groups.

    400 if the findings are too large.
    """
    return envelope_with_etag(response, service.create(transaction, caller, episode_id, body.columns()))


@router.put("/api/v1/episodes/{episode_id}/metadata", response_model=DataEnvelope[EpisodeMetadata])
def update_metadata(
    *,
    caller: Annotated[Caller, allow(Permission.METADATA_UPDATE)],
    episode_id: UUID,
    body: EpisodeMetadataUpdate,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[EpisodeMetadata]:
    """Update the newest extraction.

    A field that is left out keeps its value, null clears it. 404 if there is no extraction, 412 if `If-Match` does not name the
    current version of the newest one.
    """
    updated = service.update_newest(transaction, caller, episode_id, body.columns(), if_match)
    return envelope_with_etag(response, updated)
