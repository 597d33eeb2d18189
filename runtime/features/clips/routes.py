"""Clips: create, list, get, update, delete, restore; rate, tag, assign to episodes; duplicates."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope, PageEnvelope
from runtime.contract.record_files import FileFormat
from runtime.contract.values import Sha256
from runtime.features.clips import repository, service
from runtime.features.clips.schemas import (
    Clip,
    ClipAssignment,
    ClipCreate,
    ClipQuality,
    ClipRating,
    ClipsAssignment,
    ClipStatus,
    ClipTags,
    ClipUpdate,
    DuplicateClips,
    TalentSource,
)
from runtime.features.clips.service import CLIPS
from runtime.mechanisms.records.schemas import ImportReport
from runtime.persistence.pages import PageRequest
from runtime.web.dependencies import (
    DatabaseDep,
    DeletionReason,
    IfMatchDep,
    Paging,
    TransactionDep,
    envelope_with_etag,
    include_deleted_parameter,
    list_response,
    paged_by,
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

router = feature_router("clips")

Sorted = Annotated[PageRequest, sorted_by(CLIPS.table.orders)]
IncludeDeleted = Annotated[bool, include_deleted_parameter(Permission.CLIPS_READ_DELETED)]
AllowDuplicate = Annotated[bool, Query(description="Allow a file that another clip has.")]
Assigned = Annotated[
    bool | None, Query(description="true: clips that are assigned to an episode; false: clips that are not.")
]


@router.post("/api/v1/clips", status_code=201, response_model=DataEnvelope[Clip])
def create_clip(
    *,
    caller: Annotated[Caller, allow(Permission.CLIPS_CREATE)],
    body: ClipCreate,
    transaction: TransactionDep,
    response: Response,
    allow_duplicate: AllowDuplicate = False,
) -> DataEnvelope[Clip]:
    """Create a clip. 409 if another clip has the same file, unless `allow_duplicate` is true."""
    return envelope_with_etag(response, service.create(transaction, caller, body, allow_duplicate=allow_duplicate))


@router.get("/api/v1/clips", response_model=PageEnvelope[Clip], dependencies=[allow(Permission.CLIPS_READ)])
def list_clips(
    *,
    page: Sorted,
    database: DatabaseDep,
    include_deleted: IncludeDeleted,
    episode_id: UUID | None = None,
    guest_id: UUID | None = None,
    talent_source: TalentSource | None = None,
    quality: ClipQuality | None = None,
    status: ClipStatus | None = None,
    tag: LabelParameter | None = None,
    file_hash: Sha256 | None = None,
    assigned: Assigned = None,
) -> Response:
    """List clips, newest first unless `sort` is given."""
    with database.autocommit() as connection:
        found = CLIPS.table.list_page(
            connection,
            page,
            include_deleted=include_deleted,
            episode_id=episode_id,
            guest_id=guest_id,
            talent_source=talent_source,
            quality=quality,
            status=status,
            tag=tag,
            file_hash=file_hash,
            assigned=assigned,
        )
    return list_response(found)


@router.get(
    "/api/v1/clips/export",
    response_class=Response,
    responses=FILE_RESPONSE,
    dependencies=[allow(Permission.CLIPS_READ)],
)
def export_clips(
    *,
    request: Request,
    page: ExportPage,
    database: DatabaseDep,
    form: FormatParameter = FileFormat.CSV,
    episode_id: UUID | None = None,
    status: ClipStatus | None = None,
    tag: LabelParameter | None = None,
) -> Response:
    """Export clips, newest first, in the format of the import. If there are more, `Link` has the URL of the next part."""
    with database.autocommit() as connection:
        found = CLIPS.table.list_page(connection, page, episode_id=episode_id, status=status, tag=tag)
    text = service.CLIP_FILES.write(found, form, with_header=page.after is None)
    return file_response(request, text, form, found, name="clips")


@router.post(
    "/api/v1/clips/import",
    response_model=DataEnvelope[ImportReport],
    description=IMPORT_DESCRIPTION,
    openapi_extra=FILE_BODY,
)
def import_clips(
    *,
    caller: Annotated[Caller, allow(Permission.CLIPS_CREATE)],
    sent: ImportFile,
    transaction: TransactionDep,
    skip_existing: SkipExisting = False,
) -> DataEnvelope[ImportReport]:
    """Create and update clips from a file."""
    lines = service.CLIP_FILES.read(*sent)
    return DataEnvelope(data=service.CLIP_FILES.import_lines(transaction, caller, lines, skip_existing=skip_existing))


@router.get(
    "/api/v1/clips/duplicates", response_model=PageEnvelope[DuplicateClips], dependencies=[allow(Permission.CLIPS_READ)]
)
def list_duplicate_clips(
    page: Annotated[PageRequest, paged_by(repository.DUPLICATES_ORDER)], database: DatabaseDep
) -> Response:
    """List files that several clips share, ordered by hash."""
    with database.autocommit() as connection:
        return list_response(repository.list_duplicates(connection, page))


@router.post("/api/v1/clips/assign", response_model=DataEnvelope[list[Clip]])
def assign_clips(
    caller: Annotated[Caller, allow(Permission.CLIPS_UPDATE)], body: ClipsAssignment, transaction: TransactionDep
) -> DataEnvelope[list[Clip]]:
    """Assign up to 100 clips to an episode, all or none. 404 names clips that do not exist, 409 clips that are rejected."""
    return DataEnvelope(data=service.assign_many(transaction, caller, body.episode_id, body.clip_ids))


@router.post("/api/v1/clips/tag", response_model=DataEnvelope[list[Clip]])
def tag_clips(
    caller: Annotated[Caller, allow(Permission.CLIPS_UPDATE)], body: ClipTags, transaction: TransactionDep
) -> DataEnvelope[list[Clip]]:
    """Add tags to up to 100 clips and remove others, for all of them or none.

    Adding a tag that a clip has, or removing one that it does not have, is no change.
    """
    return DataEnvelope(data=service.tag(transaction, caller, body))


@router.get("/api/v1/clips/{clip_id}", response_model=DataEnvelope[Clip], dependencies=[allow(Permission.CLIPS_READ)])
def get_clip(clip_id: UUID, database: DatabaseDep, include_deleted: IncludeDeleted) -> Response:
    """Get a clip."""
    with database.autocommit() as connection:
        return record_response(CLIPS.get(connection, clip_id, include_deleted=include_deleted))


@router.put("/api/v1/clips/{clip_id}", response_model=DataEnvelope[Clip])
@router.patch("/api/v1/clips/{clip_id}", response_model=DataEnvelope[Clip])
def update_clip(
    *,
    caller: Annotated[Caller, allow(Permission.CLIPS_UPDATE)],
    clip_id: UUID,
    body: ClipUpdate,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
    allow_duplicate: AllowDuplicate = False,
) -> DataEnvelope[Clip]:
    """Update a clip.

    PUT and PATCH both merge: a field that is left out keeps its value, null clears it. 409 if another clip has the new file,
    unless `allow_duplicate` is true. 409 for an invalid status transition: `pending_review` becomes `approved` or `rejected`,
    these two can become each other, and `used` is set and cleared by assigning the clip. 412 if `If-Match` does not name the
    current version.
    """
    clip = service.update(transaction, caller, clip_id, body, if_match, allow_duplicate=allow_duplicate)
    return envelope_with_etag(response, clip)


@router.delete("/api/v1/clips/{clip_id}", response_model=DataEnvelope[Clip])
def delete_clip(
    *,
    caller: Annotated[Caller, allow(Permission.CLIPS_DELETE)],
    clip_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
    reason: DeletionReason = None,
) -> DataEnvelope[Clip]:
    """Delete a clip; an administrator can restore it. Its episode no longer lists it."""
    return envelope_with_etag(response, CLIPS.delete(transaction, caller, clip_id, reason, if_match))


@router.post("/api/v1/clips/{clip_id}/restore", response_model=DataEnvelope[Clip])
def restore_clip(
    caller: Annotated[Caller, allow(Permission.CLIPS_RESTORE)],
    clip_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Clip]:
    """Restore a deleted clip with its assignment, even if another clip has the same file. 409 if it is not deleted."""
    return envelope_with_etag(response, CLIPS.restore(transaction, caller, clip_id, if_match))


@router.get(
    "/api/v1/clips/{clip_id}/duplicates",
    response_model=PageEnvelope[Clip],
    dependencies=[allow(Permission.CLIPS_READ)],
)
def list_clip_duplicates(clip_id: UUID, page: Paging, database: DatabaseDep) -> Response:
    """List the other clips that have the same file, newest first."""
    with database.autocommit() as connection:
        return list_response(service.list_duplicates_of(connection, page, clip_id))


@router.post("/api/v1/clips/{clip_id}/assign", response_model=DataEnvelope[Clip])
def assign_clip(
    *,
    caller: Annotated[Caller, allow(Permission.CLIPS_UPDATE)],
    clip_id: UUID,
    body: ClipAssignment,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Clip]:
    """Assign a clip to an episode, instead of its previous one, and set its status to `used`. 409 if it is rejected."""
    return envelope_with_etag(response, service.assign(transaction, caller, clip_id, body.episode_id, if_match))


@router.post("/api/v1/clips/{clip_id}/unassign", response_model=DataEnvelope[Clip])
def unassign_clip(
    caller: Annotated[Caller, allow(Permission.CLIPS_UPDATE)],
    clip_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Clip]:
    """Remove a clip from its episode, deleted or not, and set its status to `approved`. No change if it is not assigned."""
    return envelope_with_etag(response, service.unassign(transaction, caller, clip_id, if_match))


@router.post("/api/v1/clips/{clip_id}/rate", response_model=DataEnvelope[Clip])
def rate_clip(
    *,
    caller: Annotated[Caller, allow(Permission.CLIPS_UPDATE)],
    clip_id: UUID,
    body: ClipRating,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Clip]:
    """Set the quality of a clip. Its status does not change."""
    columns = {"quality": body.quality}
    return envelope_with_etag(response, CLIPS.update(transaction, caller, clip_id, columns, if_match))


@router.get(
    "/api/v1/episodes/{episode_id}/clips",
    response_model=PageEnvelope[Clip],
    dependencies=[allow(Permission.CLIPS_READ)],
)
def list_episode_clips(episode_id: UUID, page: Sorted, database: DatabaseDep) -> Response:
    """List the clips that are assigned to the episode, newest first unless `sort` is given."""
    with database.autocommit() as connection:
        return list_response(service.list_of_episode(connection, page, episode_id))
