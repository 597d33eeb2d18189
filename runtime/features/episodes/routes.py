"""Episodes: create, list, get, update, delete, restore; publish and unpublish, approve and reject."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope, PageEnvelope
from runtime.contract.record_files import FileFormat
from runtime.contract.values import MAX_INTEGER, Date
from runtime.features.episodes import service
from runtime.features.episodes.schemas import Episode, EpisodeCreate, EpisodeSummary, EpisodeUpdate, Language
from runtime.features.episodes.service import EPISODES
from runtime.features.episodes.statuses import ApprovalStatus, EpisodeStatus
from runtime.mechanisms.records.schemas import ImportReport
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
from runtime.web.parameters import LabelParameter
from runtime.web.record_files import (
    FILE_BODY,
    FILE_RESPONSE,
    IMPORT_DESCRIPTION,
    ExportPage,
    FormatParameter,
    ImportFile,
    SkipExisting,
    file_response,
)
from runtime.web.routing import feature_router

router = feature_router("episodes")

Sorted = Annotated[PageRequest, sorted_by(EPISODES.table.orders)]
IncludeDeleted = Annotated[bool, include_deleted_parameter(Permission.EPISODES_READ_DELETED)]


@router.post("/api/v1/episodes", status_code=201, response_model=DataEnvelope[Episode])
def create_episode(
    caller: Annotated[Caller, allow(Permission.EPISODES_CREATE)],
    body: EpisodeCreate,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Episode]:
    """Create an episode of an existing show. 409 if the season already has an episode with this number."""
    return envelope_with_etag(response, service.create(transaction, caller, body))


@router.get(
    "/api/v1/episodes", response_model=PageEnvelope[EpisodeSummary], dependencies=[allow(Permission.EPISODES_READ)]
)
def list_episodes(
    *,
    page: Sorted,
    database: DatabaseDep,
    include_deleted: IncludeDeleted,
    show_id: UUID | None = None,
    status: EpisodeStatus | None = None,
    approval_status: ApprovalStatus | None = None,
    season_number: Annotated[int | None, Query(ge=1, le=MAX_INTEGER)] = None,
    tag: LabelParameter | None = None,
    category: LabelParameter | None = None,
    genre: LabelParameter | None = None,
    language: Language | None = None,
    published_from: Date | None = None,
    published_to: Date | None = None,
) -> Response:
    """List episodes without their scripts, newest first unless `sort` is given; `number` sorts by season and episode number.

    `published_from` and `published_to` limit `publish_date`, both inclusive.
    """
    with database.autocommit() as connection:
        found = EPISODES.table.list_page(
            connection,
            page,
            show_id=show_id,
            status=status,
            approval_status=approval_status,
            season_number=season_number,
            tag=tag,
            category=category,
            genre=genre,
            language=language,
            published_from=published_from,
            published_to=published_to,
            include_deleted=include_deleted,
        )
    return list_response(found)


@router.get(
    "/api/v1/episodes/export",
    response_class=Response,
    responses=FILE_RESPONSE,
    dependencies=[allow(Permission.EPISODES_READ)],
)
def export_episodes(
    *,
    request: Request,
    page: ExportPage,
    database: DatabaseDep,
    form: FormatParameter = FileFormat.CSV,
    show_id: UUID | None = None,
    status: EpisodeStatus | None = None,
    tag: LabelParameter | None = None,
) -> Response:
    """Export episodes, newest first, in the format of the import. If there are more, `Link` has the URL of the next part."""
    with database.autocommit() as connection:
        found = EPISODES.table.list_page(connection, page, show_id=show_id, status=status, tag=tag)
    text = service.EPISODE_FILES.write(found, form, with_header=page.after is None)
    return file_response(request, text, form, found, name="episodes")


@router.post(
    "/api/v1/episodes/import",
    response_model=DataEnvelope[ImportReport],
    description=IMPORT_DESCRIPTION,
    openapi_extra=FILE_BODY,
)
def import_episodes(
    *,
    caller: Annotated[Caller, allow(Permission.EPISODES_CREATE)],
    sent: ImportFile,
    transaction: TransactionDep,
    skip_existing: SkipExisting = False,
) -> DataEnvelope[ImportReport]:
    """Create and update episodes from a file."""
    lines = service.EPISODE_FILES.read(*sent)
    return DataEnvelope(
        data=service.EPISODE_FILES.import_lines(transaction, caller, lines, skip_existing=skip_existing)
    )


@router.get(
    "/api/v1/episodes/{episode_id}",
    response_model=DataEnvelope[Episode],
    dependencies=[allow(Permission.EPISODES_READ)],
)
def get_episode(episode_id: UUID, database: DatabaseDep, include_deleted: IncludeDeleted) -> Response:
    """Get an episode."""
    with database.autocommit() as connection:
        return record_response(EPISODES.get(connection, episode_id, include_deleted=include_deleted))


@router.put("/api/v1/episodes/{episode_id}", response_model=DataEnvelope[Episode])
@router.patch("/api/v1/episodes/{episode_id}", response_model=DataEnvelope[Episode])
def update_episode(
    *,
    caller: Annotated[Caller, allow(Permission.EPISODES_UPDATE)],
    episode_id: UUID,
    body: EpisodeUpdate,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Episode]:
    """Update an episode.

    PUT and PATCH both merge: a field that is left out keeps its value, null clears it. Another script becomes a new script
    version. 409 for an invalid status transition, 412 if `If-Match` does not name the current version.
    """
    return envelope_with_etag(response, service.update(transaction, caller, episode_id, body, if_match))


@router.delete("/api/v1/episodes/{episode_id}", response_model=DataEnvelope[Episode])
def delete_episode(
    *,
    caller: Annotated[Caller, allow(Permission.EPISODES_DELETE)],
    episode_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
    reason: DeletionReason = None,
) -> DataEnvelope[Episode]:
    """Delete an episode; an administrator can restore it. Its number stays taken."""
    return envelope_with_etag(response, EPISODES.delete(transaction, caller, episode_id, reason, if_match))


@router.post("/api/v1/episodes/{episode_id}/restore", response_model=DataEnvelope[Episode])
def restore_episode(
    caller: Annotated[Caller, allow(Permission.EPISODES_RESTORE)],
    episode_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Episode]:
    """Restore a deleted episode. 409 if it is not deleted, or if its show is deleted."""
    return envelope_with_etag(response, EPISODES.restore(transaction, caller, episode_id, if_match))


@router.post("/api/v1/episodes/{episode_id}/publish", response_model=DataEnvelope[Episode])
def publish_episode(
    caller: Annotated[Caller, allow(Permission.EPISODES_UPDATE)],
    episode_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Episode]:
    """Publish an episode that is `ready_for_publish` and approved. 409 for any other episode.

    `publish_date` is set to today (UTC) unless it has a value.
    """
    return envelope_with_etag(response, service.publish(transaction, caller, episode_id, if_match))


@router.post("/api/v1/episodes/{episode_id}/unpublish", response_model=DataEnvelope[Episode])
def unpublish_episode(
    caller: Annotated[Caller, allow(Permission.EPISODES_UPDATE)],
    episode_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Episode]:
    """Set a published episode back to `ready_for_publish`. 409 if it is not published."""
    return envelope_with_etag(response, service.unpublish(transaction, caller, episode_id, if_match))


@router.post("/api/v1/episodes/{episode_id}/approve", response_model=DataEnvelope[Episode])
def approve_episode(
    caller: Annotated[Caller, allow(Permission.EPISODES_APPROVE)],
    episode_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Episode]:
    """Approve an episode. The first user to do so stays its `original_approver`."""
    return envelope_with_etag(response, service.approve(transaction, caller, episode_id, if_match))


@router.post("/api/v1/episodes/{episode_id}/reject", response_model=DataEnvelope[Episode])
def reject_episode(
    caller: Annotated[Caller, allow(Permission.EPISODES_APPROVE)],
    episode_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Episode]:
    """Reject an episode, so that it cannot be published. 409 while it is published."""
    return envelope_with_etag(response, service.reject(transaction, caller, episode_id, if_match))
