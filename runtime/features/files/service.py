"""Rules of files.

A direct upload takes the same path as a presigned one: temp bucket, verification against its declaration, job.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from runtime.access.tokens import Caller
from runtime.adapters.objects import ObjectStore
from runtime.errors import ConflictError, InvalidInputError, NotFoundError, PayloadTooLargeError
from runtime.features.files import repository
from runtime.features.files.content import detect_image_type, download_name
from runtime.features.files.schemas import MAX_DIRECT_BYTES, FileStatus, FileUrl, FileView
from runtime.features.uploads import service as uploads
from runtime.features.uploads.schemas import UploadCreate
from runtime.mechanisms.audit import service as activity
from runtime.mechanisms.audit.schemas import ActionType, ResourceType
from runtime.mechanisms.outbox.service import Outbox
from runtime.mechanisms.records.service import record_last_seen
from runtime.object_keys import split_reference
from runtime.persistence.transactions import Connection, Transaction
from runtime.settings import ApiSettings

FIELD = "path.file_id"
# Uploads are private: no cache may store them.
UPLOAD_CACHE_CONTROL = "no-store"


def get(connection: Connection, file_id: UUID, *, visible_to: UUID | None) -> FileView:
    """Return the file.

    Raises:
        NotFoundError: The file does not exist, or is not of the user `visible_to`, if given.
    """
    return _require_found(repository.find(connection, file_id, visible_to=visible_to))


def upload(
    transaction: Transaction,
    *,
    objects: ObjectStore,
    outbox: Outbox,
    settings: ApiSettings,
    caller: Caller,
    declaration: UploadCreate,
    content: bytes,
) -> FileView:
    """Create an upload, store its file and complete it.

    If it fails, nothing remains but possibly an object that the temp bucket expires after a day.

    Raises:
        PayloadTooLargeError: The file is too large for a direct upload.
        InvalidInputError: The first bytes are not those of the declared image type.
        NotFoundError: The entity does not exist or is deleted.
    """
    if len(content) > MAX_DIRECT_BYTES:
        raise PayloadTooLargeError(
            f"The file must have at most {MAX_DIRECT_BYTES} bytes; upload larger files with POST /api/v1/upload/generate-url",
            field="body.file",
        )
    detected_type = detect_image_type(content)
    if detected_type is None:
        raise InvalidInputError("Must be a JPEG, PNG, WebP or GIF image", field="body.file")
    if detected_type != declaration.file_type:
        raise InvalidInputError(
            f"The file is {detected_type}, not {declaration.file_type.value}", field="body.file_type"
        )
    session = uploads.create_session(transaction, settings, caller, declaration)
    objects.put(
        settings.temp_bucket,
        session.temp_key,
        content,
        content_type=session.content_type,
        cache_control=UPLOAD_CACHE_CONTROL,
        metadata={},
    )
    return complete(
        transaction, objects=objects, outbox=outbox, settings=settings, caller=caller, file_id=session.upload_id
    )


def complete(
    transaction: Transaction,
    *,
    objects: ObjectStore,
    outbox: Outbox,
    settings: ApiSettings,
    caller: Caller,
    file_id: UUID,
) -> FileView:
    """Complete the caller's own upload; see `uploads.service.complete`."""
    uploads.complete(
        transaction,
        objects=objects,
        outbox=outbox,
        settings=settings,
        caller=caller,
        upload_id=file_id,
        field=FIELD,
    )
    return get(transaction.connection, file_id, visible_to=caller.user_id)


def create_download_url(
    transaction: Transaction,
    *,
    objects: ObjectStore,
    settings: ApiSettings,
    caller: Caller,
    file_id: UUID,
    visible_to: UUID | None,
) -> FileUrl:
    """Create a presigned download URL and record the download in the activity log.

    Raises:
        NotFoundError: As in `get`.
        ConflictError: The file is not stored yet.
    """
    record_last_seen(transaction, caller)
    file = get(transaction.connection, file_id, visible_to=visible_to)
    if file.file_reference is None:
        raise ConflictError("The file is not stored; complete its upload first", field=FIELD)
    bucket, key = split_reference(file.file_reference)
    if objects.head(bucket, key) is None:
        raise ConflictError("The file is not copied to its storage yet; try again later", field=FIELD)
    activity.record(transaction, caller, ActionType.DOWNLOAD, ResourceType.UPLOAD, file_id)
    seconds, name = settings.download_expiry_seconds, download_name(file.file_name, file.file_type)
    return FileUrl(
        url=objects.presign_get(bucket, key, expires_seconds=seconds, download_name=name),
        url_expires_at=datetime.now(UTC) + timedelta(seconds=seconds),
        download_name=name,
    )


def delete(transaction: Transaction, caller: Caller, file_id: UUID, *, visible_to: UUID | None) -> None:
    """Delete a pending upload, so that it can no longer be completed.

    Raises:
        NotFoundError: As in `get`.
        ConflictError: The upload is not pending, or belongs to a post.
    """
    record_last_seen(transaction, caller)
    file = _require_found(repository.find_for_update(transaction.connection, file_id, visible_to=visible_to))
    if file.status is not FileStatus.PENDING:
        raise ConflictError(f"The file is {file.status}; only pending files can be deleted", field=FIELD)
    if not repository.delete_pending(transaction.connection, file_id):
        raise ConflictError("The file belongs to a post; delete the post instead", field=FIELD)
    values = file.model_dump(mode="json", include={"file_name", "file_type", "entity_type", "entity_id", "byte_count"})
    activity.record(transaction, caller, ActionType.DELETE, ResourceType.UPLOAD, file_id, old_values=values)


def _require_found(file: FileView | None) -> FileView:
    if file is None:
        raise NotFoundError("File not found", field=FIELD)
    return file
