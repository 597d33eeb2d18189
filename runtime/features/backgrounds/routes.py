"""Backgrounds: create, list, get, update, delete, restore; the episodes that use each."""

from typing import Annotated
from uuid import UUID

from fastapi import Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.schemas import Answer, ListAnswer
from runtime.features.backgrounds.schemas import (
    Background,
    BackgroundCreate,
    BackgroundEpisode,
    BackgroundLink,
    BackgroundLinksBody,
    BackgroundUpdate,
    UsedBackground,
)
from runtime.features.backgrounds.service import BACKGROUNDS, EPISODE_BACKGROUNDS
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
from runtime.web.parameters import LabelParameter
from runtime.web.routing import feature_router

router = feature_router("backgrounds")

Sorted = Annotated[PageRequest, sorted_by(BACKGROUNDS.table.orders)]
IncludeDeleted = Annotated[bool, include_deleted_if(Permission.BACKGROUNDS_READ_DELETED)]


@router.post("/api/v1/backgrounds", status_code=201, response_model=Answer[Background])
def create_background(
    caller: Annotated[Caller, allow(Permission.BACKGROUNDS_CREATE)],
    body: BackgroundCreate,
    transaction: InTransaction,
    response: Response,
) -> Answer[Background]:
    """Makes a background."""
    return answer_with_etag(response, BACKGROUNDS.create(transaction, caller, body.model_dump()))


@router.get(
    "/api/v1/backgrounds", response_model=ListAnswer[Background], dependencies=[allow(Permission.BACKGROUNDS_READ)]
)
def list_backgrounds(
    *,
    page: Sorted,
    database: WithDatabase,
    include_deleted: IncludeDeleted,
    tag: LabelParameter | None = None,
    background_type: LabelParameter | None = None,
) -> Response:
    """Backgrounds, newest first unless `sort` says otherwise."""
    with database.reading() as connection:
        found = BACKGROUNDS.table.list_page(
            connection, page, include_deleted=include_deleted, tag=tag, background_type=background_type
        )
    return list_response(found)


@router.get(
    "/api/v1/backgrounds/{background_id}",
    response_model=Answer[Background],
    dependencies=[allow(Permission.BACKGROUNDS_READ)],
)
def get_background(background_id: UUID, database: WithDatabase, include_deleted: IncludeDeleted) -> Response:
    """One background."""
    with database.reading() as connection:
        return found_response(BACKGROUNDS.get(connection, background_id, include_deleted=include_deleted))


@router.put("/api/v1/backgrounds/{background_id}", response_model=Answer[Background])
@router.patch("/api/v1/backgrounds/{background_id}", response_model=Answer[Background])
def update_background(
    *,
    caller: Annotated[Caller, allow(Permission.BACKGROUNDS_UPDATE)],
    background_id: UUID,
    body: BackgroundUpdate,
    if_match: Preconditions,
    transaction: InTransaction,
    response: Response,
) -> Answer[Background]:
    """Changes what is sent and keeps the rest, with PUT as with PATCH; null clears. 412 when If-Match names another
    version than the current one."""
    return answer_with_etag(response, BACKGROUNDS.update(transaction, caller, background_id, body.columns(), if_match))


@router.delete("/api/v1/backgrounds/{background_id}", response_model=Answer[Background])
def delete_background(
    *,
    caller: Annotated[Caller, allow(Permission.BACKGROUNDS_DELETE)],
    background_id: UUID,
    if_match: Preconditions,
    transaction: InTransaction,
    response: Response,
    reason: DeletionReason = None,
) -> Answer[Background]:
    """Deletes a background, so that it can be restored; episodes no longer show it."""
    return answer_with_etag(response, BACKGROUNDS.delete(transaction, caller, background_id, reason, if_match))


@router.post("/api/v1/backgrounds/{background_id}/restore", response_model=Answer[Background])
def restore_background(
    caller: Annotated[Caller, allow(Permission.BACKGROUNDS_RESTORE)],
    background_id: UUID,
    if_match: Preconditions,
    transaction: InTransaction,
    response: Response,
) -> Answer[Background]:
    """Brings a deleted background back, with the links that it had. 409 when it is not deleted."""
    return answer_with_etag(response, BACKGROUNDS.restore(transaction, caller, background_id, if_match))


@router.get(
    "/api/v1/backgrounds/{background_id}/episodes",
    response_model=ListAnswer[BackgroundEpisode],
    dependencies=[allow(Permission.BACKGROUNDS_READ)],
)
def list_background_episodes(
    background_id: UUID, page: Paging, database: WithDatabase, usage_context: UsageContextParameter | None = None
) -> Response:
    """The episodes that use the background, newest first, and for what; with `usage_context` those for exactly this."""
    with database.reading() as connection:
        found = EPISODE_BACKGROUNDS.list_episodes(connection, page, background_id, usage_context=usage_context)
    return list_response(found)


@router.get(
    "/api/v1/episodes/{episode_id}/backgrounds",
    response_model=ListAnswer[UsedBackground],
    dependencies=[allow(Permission.BACKGROUNDS_READ)],
)
def list_episode_backgrounds(
    episode_id: UUID, page: Paging, database: WithDatabase, usage_context: UsageContextParameter | None = None
) -> Response:
    """The backgrounds that the episode uses, newest first, and for what; with `usage_context` those for exactly this."""
    with database.reading() as connection:
        found = EPISODE_BACKGROUNDS.list_records(connection, page, episode_id, usage_context=usage_context)
    return list_response(found)


@router.post("/api/v1/episodes/{episode_id}/backgrounds", response_model=Answer[list[BackgroundLink]])
def link_backgrounds(
    caller: Annotated[Caller, allow(Permission.EPISODES_UPDATE)],
    episode_id: UUID,
    body: BackgroundLinksBody,
    transaction: InTransaction,
) -> Answer[list[BackgroundLink]]:
    """Links backgrounds to an episode, all of them or none. One that is linked already gets this context."""
    made = EPISODE_BACKGROUNDS.put_many(transaction, caller, episode_id, body.links)
    return Answer(data=[BackgroundLink.model_validate(link) for link in made])


@router.put("/api/v1/episodes/{episode_id}/backgrounds/{background_id}", response_model=Answer[BackgroundLink])
def link_background(
    *,
    caller: Annotated[Caller, allow(Permission.EPISODES_UPDATE)],
    episode_id: UUID,
    background_id: UUID,
    body: LinkBody,
    transaction: InTransaction,
) -> Answer[BackgroundLink]:
    """Links a background to an episode. One that is linked already gets this context."""
    made = EPISODE_BACKGROUNDS.put(transaction, caller, episode_id, background_id, body)
    return Answer(data=BackgroundLink.model_validate(made))


@router.delete("/api/v1/episodes/{episode_id}/backgrounds/{background_id}", status_code=204)
def unlink_background(
    caller: Annotated[Caller, allow(Permission.EPISODES_UPDATE)],
    episode_id: UUID,
    background_id: UUID,
    transaction: InTransaction,
) -> None:
    """Takes the link away; 404 when there is none."""
    EPISODE_BACKGROUNDS.remove(transaction, caller, episode_id, background_id)
