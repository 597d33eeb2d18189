"""Outfits: create, list, get, update, delete, restore; the episodes in which each is worn."""

from typing import Annotated
from uuid import UUID

from fastapi import Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.schemas import Answer, ListAnswer
from runtime.features.outfits.schemas import (
    Outfit,
    OutfitCreate,
    OutfitEpisode,
    OutfitLink,
    OutfitLinksBody,
    OutfitUpdate,
    UsedOutfit,
)
from runtime.features.outfits.service import EPISODE_OUTFITS, OUTFITS
from runtime.mechanisms.records.schemas import LinkBody, UsageContextParameter
from runtime.persistence.pages import PageRequest
from runtime.web.dependencies import (
    DeletionReason,
    InTransaction,
    Paging,
    Preconditions,
    WithDatabase,
    answer_with_etag,
    found_response,
    include_deleted_if,
    list_response,
    sorted_by,
)
from runtime.web.parameters import JsonPart, LabelParameter
from runtime.web.routing import feature_router

router = feature_router("outfits")

Sorted = Annotated[PageRequest, sorted_by(OUTFITS.table.orders)]
IncludeDeleted = Annotated[bool, include_deleted_if(Permission.OUTFITS_READ_DELETED)]


@router.post("/api/v1/outfits", status_code=201, response_model=Answer[Outfit])
def create_outfit(
    caller: Annotated[Caller, allow(Permission.OUTFITS_CREATE)],
    body: OutfitCreate,
    transaction: InTransaction,
    response: Response,
) -> Answer[Outfit]:
    """Makes an outfit."""
    return answer_with_etag(response, OUTFITS.create(transaction, caller, body.model_dump()))


@router.get("/api/v1/outfits", response_model=ListAnswer[Outfit], dependencies=[allow(Permission.OUTFITS_READ)])
def list_outfits(
    *,
    page: Sorted,
    database: WithDatabase,
    include_deleted: IncludeDeleted,
    tag: LabelParameter | None = None,
    top: JsonPart | None = None,
    shoes: JsonPart | None = None,
    accessories: JsonPart | None = None,
) -> Response:
    """Outfits, newest first unless `sort` says otherwise. `top`, `shoes` and `accessories` find outfits by what they are
    made of: `top={"colour": "red"}`."""
    with database.reading() as connection:
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


@router.get("/api/v1/outfits/{outfit_id}", response_model=Answer[Outfit], dependencies=[allow(Permission.OUTFITS_READ)])
def get_outfit(outfit_id: UUID, database: WithDatabase, include_deleted: IncludeDeleted) -> Response:
    """One outfit."""
    with database.reading() as connection:
        return found_response(OUTFITS.get(connection, outfit_id, include_deleted=include_deleted))


@router.put("/api/v1/outfits/{outfit_id}", response_model=Answer[Outfit])
@router.patch("/api/v1/outfits/{outfit_id}", response_model=Answer[Outfit])
def update_outfit(
    *,
    caller: Annotated[Caller, allow(Permission.OUTFITS_UPDATE)],
    outfit_id: UUID,
    body: OutfitUpdate,
    if_match: Preconditions,
    transaction: InTransaction,
    response: Response,
) -> Answer[Outfit]:
    """Changes what is sent and keeps the rest, with PUT as with PATCH; null clears. 412 when If-Match names another
    version than the current one."""
    return answer_with_etag(response, OUTFITS.update(transaction, caller, outfit_id, body.columns(), if_match))


@router.delete("/api/v1/outfits/{outfit_id}", response_model=Answer[Outfit])
def delete_outfit(
    *,
    caller: Annotated[Caller, allow(Permission.OUTFITS_DELETE)],
    outfit_id: UUID,
    if_match: Preconditions,
    transaction: InTransaction,
    response: Response,
    reason: DeletionReason = None,
) -> Answer[Outfit]:
    """Deletes an outfit, so that it can be restored; episodes no longer show it."""
    return answer_with_etag(response, OUTFITS.delete(transaction, caller, outfit_id, reason, if_match))


@router.post("/api/v1/outfits/{outfit_id}/restore", response_model=Answer[Outfit])
def restore_outfit(
    caller: Annotated[Caller, allow(Permission.OUTFITS_RESTORE)],
    outfit_id: UUID,
    if_match: Preconditions,
    transaction: InTransaction,
    response: Response,
) -> Answer[Outfit]:
    """Brings a deleted outfit back, with the links that it had. 409 when it is not deleted."""
    return answer_with_etag(response, OUTFITS.restore(transaction, caller, outfit_id, if_match))


@router.get(
    "/api/v1/outfits/{outfit_id}/episodes",
    response_model=ListAnswer[OutfitEpisode],
    dependencies=[allow(Permission.OUTFITS_READ)],
)
def list_outfit_episodes(
    outfit_id: UUID, page: Paging, database: WithDatabase, usage_context: UsageContextParameter | None = None
) -> Response:
    """The episodes that use the outfit, newest first, and for what; with `usage_context` those for exactly this."""
    with database.reading() as connection:
        found = EPISODE_OUTFITS.list_episodes(connection, page, outfit_id, usage_context=usage_context)
    return list_response(found)


@router.get(
    "/api/v1/episodes/{episode_id}/outfits",
    response_model=ListAnswer[UsedOutfit],
    dependencies=[allow(Permission.OUTFITS_READ)],
)
def list_episode_outfits(
    episode_id: UUID, page: Paging, database: WithDatabase, usage_context: UsageContextParameter | None = None
) -> Response:
    """The outfits that the episode uses, newest first, and for what; with `usage_context` those for exactly this."""
    with database.reading() as connection:
        found = EPISODE_OUTFITS.list_records(connection, page, episode_id, usage_context=usage_context)
    return list_response(found)


@router.post("/api/v1/episodes/{episode_id}/outfits", response_model=Answer[list[OutfitLink]])
def link_outfits(
    caller: Annotated[Caller, allow(Permission.EPISODES_UPDATE)],
    episode_id: UUID,
    body: OutfitLinksBody,
    transaction: InTransaction,
) -> Answer[list[OutfitLink]]:
    """Links outfits to an episode, all of them or none. One that is linked already gets this context."""
    made = EPISODE_OUTFITS.put_many(transaction, caller, episode_id, body.links)
    return Answer(data=[OutfitLink.model_validate(link) for link in made])


@router.put("/api/v1/episodes/{episode_id}/outfits/{outfit_id}", response_model=Answer[OutfitLink])
def link_outfit(
    *,
    caller: Annotated[Caller, allow(Permission.EPISODES_UPDATE)],
    episode_id: UUID,
    outfit_id: UUID,
    body: LinkBody,
    transaction: InTransaction,
) -> Answer[OutfitLink]:
    """Links an outfit to an episode. One that is linked already gets this context."""
    made = EPISODE_OUTFITS.put(transaction, caller, episode_id, outfit_id, body)
    return Answer(data=OutfitLink.model_validate(made))


@router.delete("/api/v1/episodes/{episode_id}/outfits/{outfit_id}", status_code=204)
def unlink_outfit(
    caller: Annotated[Caller, allow(Permission.EPISODES_UPDATE)],
    episode_id: UUID,
    outfit_id: UUID,
    transaction: InTransaction,
) -> None:
    """Takes the link away; 404 when there is none."""
    EPISODE_OUTFITS.remove(transaction, caller, episode_id, outfit_id)
