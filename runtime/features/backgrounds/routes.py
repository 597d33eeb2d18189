"""Backgrounds: create, list, get, update, delete, restore; links to episodes."""

from typing import Annotated
from uuid import UUID

from fastapi import Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope, PageEnvelope
from runtime.features.backgrounds.schemas import (
    Background,
    BackgroundCreate,
    BackgroundEpisode,
    BackgroundLink,
    BackgroundLinksCreate,
    BackgroundUpdate,
    UsedBackground,
)
from runtime.features.backgrounds.service import BACKGROUNDS, EPISODE_BACKGROUNDS
from runtime.persistence.pages import PageRequest
from runtime.web.dependencies import (
    DatabaseDep,
    DeletionReason,
    IfMatchDep,
    TransactionDep,
    envelope_with_etag,
    include_deleted_parameter,
    list_response,
    record_response,
    sorted_by,
)
from runtime.web.link_routes import LinkSchemas, add_link_routes
from runtime.web.parameters import LabelParameter
from runtime.web.routing import feature_router

router = feature_router("backgrounds")

Sorted = Annotated[PageRequest, sorted_by(BACKGROUNDS.table.orders)]
IncludeDeleted = Annotated[bool, include_deleted_parameter(Permission.BACKGROUNDS_READ_DELETED)]


@router.post("/api/v1/backgrounds", status_code=201, response_model=DataEnvelope[Background])
def create_background(
    caller: Annotated[Caller, allow(Permission.BACKGROUNDS_CREATE)],
    body: BackgroundCreate,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Background]:
    """Create a background."""
    return envelope_with_etag(response, BACKGROUNDS.create(transaction, caller, body.model_dump()))


@router.get(
    "/api/v1/backgrounds", response_model=PageEnvelope[Background], dependencies=[allow(Permission.BACKGROUNDS_READ)]
)
def list_backgrounds(
    *,
    page: Sorted,
    database: DatabaseDep,
    include_deleted: IncludeDeleted,
    tag: LabelParameter | None = None,
    background_type: LabelParameter | None = None,
) -> Response:
    """List backgrounds, newest first unless `sort` is given."""
    with database.autocommit() as connection:
        found = BACKGROUNDS.table.list_page(
            connection, page, include_deleted=include_deleted, tag=tag, background_type=background_type
        )
    return list_response(found)


@router.get(
    "/api/v1/backgrounds/{background_id}",
    response_model=DataEnvelope[Background],
    dependencies=[allow(Permission.BACKGROUNDS_READ)],
)
def get_background(background_id: UUID, database: DatabaseDep, include_deleted: IncludeDeleted) -> Response:
    """Get a background."""
    with database.autocommit() as connection:
        return record_response(BACKGROUNDS.get(connection, background_id, include_deleted=include_deleted))


@router.put("/api/v1/backgrounds/{background_id}", response_model=DataEnvelope[Background])
@router.patch("/api/v1/backgrounds/{background_id}", response_model=DataEnvelope[Background])
def update_background(
    *,
    caller: Annotated[Caller, allow(Permission.BACKGROUNDS_UPDATE)],
    background_id: UUID,
    body: BackgroundUpdate,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Background]:
    """Update a background.

    PUT and PATCH both merge: a field that is left out keeps its value, null clears it. 412 if `If-Match` does not name the
    current version.
    """
    return envelope_with_etag(
        response, BACKGROUNDS.update(transaction, caller, background_id, body.columns(), if_match)
    )


@router.delete("/api/v1/backgrounds/{background_id}", response_model=DataEnvelope[Background])
def delete_background(
    *,
    caller: Annotated[Caller, allow(Permission.BACKGROUNDS_DELETE)],
    background_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
    reason: DeletionReason = None,
) -> DataEnvelope[Background]:
    """Delete a background; an administrator can restore it. Episodes no longer list it."""
    return envelope_with_etag(response, BACKGROUNDS.delete(transaction, caller, background_id, reason, if_match))


@router.post("/api/v1/backgrounds/{background_id}/restore", response_model=DataEnvelope[Background])
def restore_background(
    caller: Annotated[Caller, allow(Permission.BACKGROUNDS_RESTORE)],
    background_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Background]:
    """Restore a deleted background with its links to episodes. 409 if it is not deleted."""
    return envelope_with_etag(response, BACKGROUNDS.restore(transaction, caller, background_id, if_match))


add_link_routes(
    router,
    EPISODE_BACKGROUNDS,
    LinkSchemas(record=UsedBackground, episode=BackgroundEpisode, link=BackgroundLink, body=BackgroundLinksCreate),
    record_path="/api/v1/backgrounds/{background_id}/episodes",
    episode_path="/api/v1/episodes/{episode_id}/backgrounds",
    read=Permission.BACKGROUNDS_READ,
    write=Permission.EPISODES_UPDATE,
)
