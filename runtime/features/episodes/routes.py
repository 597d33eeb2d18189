"""Episodes: create, list, get."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.errors import NotFoundError
from runtime.features.episodes import repository, service
from runtime.features.episodes.schemas import Episode, EpisodeCreate, EpisodeStatus, EpisodeSummary
from runtime.web.dependencies import InTransaction, Paging, list_response
from runtime.web.schemas import MAX_INTEGER, Answer, ListAnswer
from runtime.web.strict_json import feature_router

router = feature_router("episodes")


@router.post("/api/v1/episodes", status_code=201, response_model=Answer[Episode])
def create_episode(
    caller: Annotated[Caller, allow(Permission.EPISODES_CREATE)], body: EpisodeCreate, transaction: InTransaction
) -> Answer[Episode]:
    """Makes an episode of a show that there is. 409 when its number is taken in that season."""
    return Answer(data=service.create(transaction.connection, caller, body))


@router.get(
    "/api/v1/episodes", response_model=ListAnswer[EpisodeSummary], dependencies=[allow(Permission.EPISODES_READ)]
)
def list_episodes(
    page: Paging,
    transaction: InTransaction,
    show_id: UUID | None = None,
    status: EpisodeStatus | None = None,
    season_number: Annotated[int | None, Query(ge=1, le=MAX_INTEGER)] = None,
) -> Response:
    """Episodes, newest first, without their scripts."""
    found = repository.list_page(
        transaction.connection, page, show_id=show_id, status=status, season_number=season_number
    )
    return list_response(found)


@router.get(
    "/api/v1/episodes/{episode_id}", response_model=Answer[Episode], dependencies=[allow(Permission.EPISODES_READ)]
)
def get_episode(episode_id: UUID, transaction: InTransaction) -> Answer[Episode]:
    """One episode."""
    episode = repository.find(transaction.connection, episode_id)
    if episode is None:
        raise NotFoundError("There is no such episode", field="path.episode_id")
    return Answer(data=episode)
