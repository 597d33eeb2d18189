"""Episodes: create, list, get, update, delete, restore."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.features.episodes import service
from runtime.features.episodes.schemas import Episode, EpisodeCreate, EpisodeStatus, EpisodeSummary, EpisodeUpdate
from runtime.features.episodes.service import EPISODES
from runtime.records.files import FileFormat
from runtime.records.schemas import ImportReport
from runtime.web.dependencies import (
    DeletionReason,
    InTransaction,
    Preconditions,
    WithDatabase,
    answer_with_etag,
    found_response,
    include_deleted_if,
    list_response,
    sorted_by,
)
from runtime.web.pagination import PageRequest
from runtime.web.parameters import LabelParameter
from runtime.web.schemas import MAX_INTEGER, Answer, ListAnswer
from runtime.web.strict_json import feature_router
from runtime.web.transfers import (
    DESCRIPTION,
    FILE_ANSWER,
    FILE_BODY,
    ExportPage,
    FormatParameter,
    SentFile,
    SkipExisting,
    file_response,
)

router = feature_router("episodes")

Sorted = Annotated[PageRequest, sorted_by(EPISODES.table.orders)]
IncludeDeleted = Annotated[bool, include_deleted_if(Permission.EPISODES_READ_DELETED)]


@router.post("/api/v1/episodes", status_code=201, response_model=Answer[Episode])
def create_episode(
    caller: Annotated[Caller, allow(Permission.EPISODES_CREATE)],
    body: EpisodeCreate,
    transaction: InTransaction,
    response: Response,
) -> Answer[Episode]:
    """Makes an episode of a show that there is. 409 when its number is taken in that season."""
    return answer_with_etag(response, service.create(transaction, caller, body))


@router.get(
    "/api/v1/episodes", response_model=ListAnswer[EpisodeSummary], dependencies=[allow(Permission.EPISODES_READ)]
)
def list_episodes(
    *,
    page: Sorted,
    database: WithDatabase,
    include_deleted: IncludeDeleted,
    show_id: UUID | None = None,
    status: EpisodeStatus | None = None,
    season_number: Annotated[int | None, Query(ge=1, le=MAX_INTEGER)] = None,
    tag: LabelParameter | None = None,
) -> Response:
    """Episodes without their scripts, newest first unless `sort` says otherwise."""
    with database.reading() as connection:
        found = EPISODES.table.list_page(
            connection,
            page,
            show_id=show_id,
            status=status,
            season_number=season_number,
            tag=tag,
            include_deleted=include_deleted,
        )
    return list_response(found)


@router.get(
    "/api/v1/episodes/export",
    response_class=Response,
    responses=FILE_ANSWER,
    dependencies=[allow(Permission.EPISODES_READ)],
)
def export_episodes(
    *,
    request: Request,
    page: ExportPage,
    database: WithDatabase,
    form: FormatParameter = FileFormat.CSV,
    show_id: UUID | None = None,
    status: EpisodeStatus | None = None,
    tag: LabelParameter | None = None,
) -> Response:
    """Episodes as a file that can be edited and imported again, newest first. Where more follow, the header `Link` says
    where."""
    with database.reading() as connection:
        found = EPISODES.table.list_page(connection, page, show_id=show_id, status=status, tag=tag)
    text = service.EPISODE_FILES.write(found, form, with_header=page.after is None)
    return file_response(request, text, form, found, name="episodes")


@router.post(
    "/api/v1/episodes/import", response_model=Answer[ImportReport], description=DESCRIPTION, openapi_extra=FILE_BODY
)
def import_episodes(
    *,
    caller: Annotated[Caller, allow(Permission.EPISODES_CREATE)],
    sent: SentFile,
    transaction: InTransaction,
    skip_existing: SkipExisting = False,
) -> Answer[ImportReport]:
    """Makes and changes episodes by a file."""
    lines = service.EPISODE_FILES.read(*sent)
    return Answer(data=service.EPISODE_FILES.take_in(transaction, caller, lines, skip_existing=skip_existing))


@router.get(
    "/api/v1/episodes/{episode_id}", response_model=Answer[Episode], dependencies=[allow(Permission.EPISODES_READ)]
)
def get_episode(episode_id: UUID, database: WithDatabase, include_deleted: IncludeDeleted) -> Response:
    """One episode."""
    with database.reading() as connection:
        return found_response(EPISODES.get(connection, episode_id, include_deleted=include_deleted))


@router.put("/api/v1/episodes/{episode_id}", response_model=Answer[Episode])
@router.patch("/api/v1/episodes/{episode_id}", response_model=Answer[Episode])
def update_episode(
    *,
    caller: Annotated[Caller, allow(Permission.EPISODES_UPDATE)],
    episode_id: UUID,
    body: EpisodeUpdate,
    if_match: Preconditions,
    transaction: InTransaction,
    response: Response,
) -> Answer[Episode]:
    """Changes what is sent and keeps the rest, with PUT as with PATCH; null clears. 412 when If-Match names another
    version than the current one."""
    return answer_with_etag(response, service.update(transaction, caller, episode_id, body, if_match))


@router.delete("/api/v1/episodes/{episode_id}", response_model=Answer[Episode])
def delete_episode(
    *,
    caller: Annotated[Caller, allow(Permission.EPISODES_DELETE)],
    episode_id: UUID,
    if_match: Preconditions,
    transaction: InTransaction,
    response: Response,
    reason: DeletionReason = None,
) -> Answer[Episode]:
    """Deletes an episode, so that it can be restored. Its number stays taken."""
    return answer_with_etag(response, EPISODES.delete(transaction, caller, episode_id, reason, if_match))


@router.post("/api/v1/episodes/{episode_id}/restore", response_model=Answer[Episode])
def restore_episode(
    caller: Annotated[Caller, allow(Permission.EPISODES_RESTORE)],
    episode_id: UUID,
    if_match: Preconditions,
    transaction: InTransaction,
    response: Response,
) -> Answer[Episode]:
    """Brings a deleted episode back. 409 when it is not deleted, or while its show is."""
    return answer_with_etag(response, EPISODES.restore(transaction, caller, episode_id, if_match))
