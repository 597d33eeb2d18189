"""What was found in an episode: machines add it, everyone reads it, administrators correct it."""

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
    EpisodeMetadataUpdate,
    ListedMetadata,
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
    response_model=PageEnvelope[ListedMetadata],
    dependencies=[allow(Permission.METADATA_READ)],
)
def list_metadata(episode_id: UUID, page: Paging, database: DatabaseDep) -> Response:
    """The episode's extractions in the order in which they came, newest first. The newest is told in full, the others
    without what they found."""
    with database.autocommit() as connection:
        return list_response(service.list_page(connection, page, episode_id))


@router.get(
    "/api/v1/episodes/{episode_id}/metadata/{metadata_id}",
    response_model=DataEnvelope[EpisodeMetadata],
    dependencies=[allow(Permission.METADATA_READ)],
)
def get_metadata(episode_id: UUID, metadata_id: UUID, database: DatabaseDep) -> Response:
    """One extraction, in full."""
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
    """Adds what a machine found; earlier extractions stay. For machines alone: no group of people may."""
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
    """Corrects the newest extraction: changes what is sent and keeps the rest; null clears. 404 when there is none, 412 when
    If-Match names another than the newest, or another version of it."""
    updated = service.update_newest(transaction, caller, episode_id, body.columns(), if_match)
    return envelope_with_etag(response, updated)
