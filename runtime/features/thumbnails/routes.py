"""Thumbnails: list an episode's, get, delete, upload an image. Files are downloaded from S3 by presigned URLs."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope, PageEnvelope, PageInfo
from runtime.errors import NotFoundError
from runtime.features.episodes.service import EPISODES
from runtime.features.thumbnails import repository, service
from runtime.features.thumbnails.repository import Thumbnail
from runtime.features.thumbnails.schemas import ThumbnailView
from runtime.features.uploads import service as uploads
from runtime.features.uploads.limits import UploadEntity
from runtime.features.uploads.schemas import ImageCreate, UploadCreate, UploadForm
from runtime.web.dependencies import Resources, ResourcesDep, TransactionDep
from runtime.web.routing import feature_router

router = feature_router("thumbnails")


@router.get(
    "/api/v1/episodes/{episode_id}/thumbnails",
    response_model=PageEnvelope[ThumbnailView],
    dependencies=[allow(Permission.THUMBNAILS_READ)],
)
def list_thumbnails(episode_id: UUID, resources: ResourcesDep) -> PageEnvelope[ThumbnailView]:
    """List the episode's thumbnails, largest first, all on one page."""
    with resources.database.autocommit() as connection:
        EPISODES.ensure_exists(connection, episode_id)
        thumbnails = repository.list_for_entity(connection, "episode", episode_id)
    return PageEnvelope(data=[_view(thumbnail, resources) for thumbnail in thumbnails], page=PageInfo(next=None))


@router.post("/api/v1/episodes/{episode_id}/thumbnails", status_code=201, response_model=DataEnvelope[UploadForm])
def upload_picture(
    caller: Annotated[Caller, allow(Permission.UPLOADS_CREATE)],
    episode_id: UUID,
    body: ImageCreate,
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[UploadForm]:
    """Create an upload of an image for the episode's thumbnails and return its presigned POST form.

    The same as `POST /api/v1/upload/generate-url`; complete it with `POST /api/v1/upload/{upload_id}/complete`.
    """
    declaration = UploadCreate(**body.model_dump(), entity_type=UploadEntity.EPISODE, entity_id=episode_id)
    form = uploads.create_upload(
        transaction, resources.objects, resources.settings, caller, declaration, entity_field="path.episode_id"
    )
    return DataEnvelope(data=form)


@router.get(
    "/api/v1/thumbnails/{thumbnail_id}",
    response_model=DataEnvelope[ThumbnailView],
    dependencies=[allow(Permission.THUMBNAILS_READ)],
)
def get_thumbnail(thumbnail_id: UUID, resources: ResourcesDep) -> DataEnvelope[ThumbnailView]:
    """Get a thumbnail. 404 if its episode is deleted."""
    with resources.database.autocommit() as connection:
        thumbnail = repository.find(connection, thumbnail_id)
        if thumbnail is None or not EPISODES.table.exists(connection, thumbnail.entity_id):
            raise NotFoundError("Thumbnail not found", field="path.thumbnail_id")
    return DataEnvelope(data=_view(thumbnail, resources))


@router.delete("/api/v1/thumbnails/{thumbnail_id}", status_code=204)
def delete_thumbnail(
    caller: Annotated[Caller, allow(Permission.THUMBNAILS_DELETE)],
    thumbnail_id: UUID,
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> None:
    """Delete a thumbnail and its file permanently. Processing the episode again generates it again."""
    service.delete(transaction, outbox=resources.outbox, caller=caller, thumbnail_id=thumbnail_id)


def _view(thumbnail: Thumbnail, resources: Resources) -> ThumbnailView:
    seconds = resources.settings.download_expiry_seconds
    return ThumbnailView(
        thumbnail_id=thumbnail.thumbnail_id,
        entity_type=thumbnail.entity_type,
        entity_id=thumbnail.entity_id,
        variant=thumbnail.size_variant,
        width=thumbnail.width,
        height=thumbnail.height,
        bytes=thumbnail.file_size_bytes,
        format=thumbnail.format,
        mime_type=thumbnail.mime_type,
        status=thumbnail.status,
        file_reference=thumbnail.file_reference,
        url=resources.objects.presign_get(thumbnail.s3_bucket, thumbnail.s3_key, expires_seconds=seconds),
        url_expires_at=datetime.now(UTC) + timedelta(seconds=seconds),
        processed_at=thumbnail.processed_at,
    )
