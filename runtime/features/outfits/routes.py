"""Outfits: create, list, get, update, delete, restore; links to episodes."""

from typing import Annotated
from uuid import UUID

from fastapi import Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope, PageEnvelope
from runtime.features.outfits.schemas import (
    Outfit,
    OutfitCreate,
    OutfitEpisode,
    OutfitLink,
    OutfitLinksCreate,
    OutfitUpdate,
    UsedOutfit,
)
from runtime.features.outfits.service import EPISODE_OUTFITS, OUTFITS
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
from runtime.web.parameters import JsonFilter, LabelParameter
from runtime.web.routing import feature_router

router = feature_router("outfits")

Sorted = Annotated[PageRequest, sorted_by(OUTFITS.table.orders)]
IncludeDeleted = Annotated[bool, include_deleted_parameter(Permission.OUTFITS_READ_DELETED)]


@router.post("/api/v1/outfits", status_code=201, response_model=DataEnvelope[Outfit])
def create_outfit(
    caller: Annotated[Caller, allow(Permission.OUTFITS_CREATE)],
    body: OutfitCreate,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Outfit]:
    """Create an outfit."""
    return envelope_with_etag(response, OUTFITS.create(transaction, caller, body.model_dump()))


@router.get("/api/v1/outfits", response_model=PageEnvelope[Outfit], dependencies=[allow(Permission.OUTFITS_READ)])
def list_outfits(
    *,
    page: Sorted,
    database: DatabaseDep,
    include_deleted: IncludeDeleted,
    tag: LabelParameter | None = None,
    top: JsonFilter | None = None,
    shoes: JsonFilter | None = None,
    accessories: JsonFilter | None = None,
) -> Response:
    """List outfits, newest first unless `sort` is given.

    `top`, `shoes` and `accessories` select outfits by their parts: a JSON object that the part must contain, such as
    `top={"colour": "red"}`.
    """
    with database.autocommit() as connection:
        found = OUTFITS.table.list_page(
            connection,
            page,
            include_deleted=include_deleted,
            tag=tag,
            top=top,
            shoes=shoes,
            accessories=accessories,
        )
    return list_response(found)


@router.get(
    "/api/v1/outfits/{outfit_id}", response_model=DataEnvelope[Outfit], dependencies=[allow(Permission.OUTFITS_READ)]
)
def get_outfit(outfit_id: UUID, database: DatabaseDep, include_deleted: IncludeDeleted) -> Response:
    """Get an outfit."""
    with database.autocommit() as connection:
        return record_response(OUTFITS.get(connection, outfit_id, include_deleted=include_deleted))


@router.put("/api/v1/outfits/{outfit_id}", response_model=DataEnvelope[Outfit])
@router.patch("/api/v1/outfits/{outfit_id}", response_model=DataEnvelope[Outfit])
def update_outfit(
    *,
    caller: Annotated[Caller, allow(Permission.OUTFITS_UPDATE)],
    outfit_id: UUID,
    body: OutfitUpdate,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Outfit]:
    """Update an outfit.

    PUT and PATCH both merge: a field that is left out keeps its value, null clears it. 412 if `If-Match` does not name the
    current version.
    """
    return envelope_with_etag(response, OUTFITS.update(transaction, caller, outfit_id, body.columns(), if_match))


@router.delete("/api/v1/outfits/{outfit_id}", response_model=DataEnvelope[Outfit])
def delete_outfit(
    *,
    caller: Annotated[Caller, allow(Permission.OUTFITS_DELETE)],
    outfit_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
    reason: DeletionReason = None,
) -> DataEnvelope[Outfit]:
    """Delete an outfit; an administrator can restore it. Episodes no longer list it."""
    return envelope_with_etag(response, OUTFITS.delete(transaction, caller, outfit_id, reason, if_match))


@router.post("/api/v1/outfits/{outfit_id}/restore", response_model=DataEnvelope[Outfit])
def restore_outfit(
    caller: Annotated[Caller, allow(Permission.OUTFITS_RESTORE)],
    outfit_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Outfit]:
    """Restore a deleted outfit with its links to episodes. 409 if it is not deleted."""
    return envelope_with_etag(response, OUTFITS.restore(transaction, caller, outfit_id, if_match))


add_link_routes(
    router,
    EPISODE_OUTFITS,
    LinkSchemas(record=UsedOutfit, episode=OutfitEpisode, link=OutfitLink, body=OutfitLinksCreate),
    record_path="/api/v1/outfits/{outfit_id}/episodes",
    episode_path="/api/v1/episodes/{episode_id}/outfits",
    read=Permission.OUTFITS_READ,
    write=Permission.EPISODES_UPDATE,
)
