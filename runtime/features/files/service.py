"""The rules of files. Whichever way the bytes come, they wait where uploads wait until they are compared with what was
announced, and the same job is made of them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from runtime.access.tokens import Caller
from runtime.adapters.objects import ObjectStore
from runtime.errors import ConflictError, InvalidInputError, NotFoundError, PayloadTooLargeError
from runtime.features.files import repository
from runtime.features.files.content import download_name, image_type
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
# What is kept of an upload that nobody may keep elsewhere.
UPLOAD_CACHE_CONTROL = "no-store"


def get(connection: Connection, file_id: UUID, *, visible_to: UUID | None) -> FileView:
    """The file. NotFoundError, also for a file of somebody else than `visible_to`, where that is given."""
    return _there(repository.find(connection, file_id, visible_to=visible_to))


def upload(
    transaction: Transaction,
    *,
    objects: ObjectStore,
    outbox: Outbox,
    settings: ApiSettings,
    caller: Caller,
    announced: UploadCreate,
    content: bytes,
) -> FileView:
    """The file, stored and completed: announced, uploaded and compared at once. All of it happens or, but for bytes that the
    bucket forgets after a day, nothing.

    PayloadTooLargeError for a file that has to be uploaded by a form, InvalidInputError for one that does not begin like a file of
    its type, NotFoundError when there is nothing to upload for.
    """
    if len(content) > MAX_DIRECT_BYTES:
        raise PayloadTooLargeError(
            f"A file may have {MAX_DIRECT_BYTES} bytes here; larger ones go to storage, see POST /api/v1/upload/generate-url",
            field="body.file",
        )
    found = image_type(content)
    if found is None:
        raise InvalidInputError("This is not a JPEG, PNG, WebP or GIF image", field="body.file")
    if found != announced.file_type:
        raise InvalidInputError(f"The file is {found}", field="body.file_type")
    session = uploads.open_session(transaction, settings, caller, announced)
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
    """The file, completed; see `uploads.service.complete`. Only who announced a file can complete it."""
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


def make_url(
    transaction: Transaction,
    *,
    objects: ObjectStore,
    settings: ApiSettings,
    caller: Caller,
    file_id: UUID,
    visible_to: UUID | None,
) -> FileUrl:
    """Where the stored file is to be had, which is noted. NotFoundError, and ConflictError while it is not stored."""
    record_last_seen(transaction, caller)
    file = get(transaction.connection, file_id, visible_to=visible_to)
    if file.file_reference is None:
        raise ConflictError("The file is not completed, so nothing of it is stored", field=FIELD)
    bucket, key = split_reference(file.file_reference)
    if objects.head(bucket, key) is None:
        raise ConflictError("The file is still on its way to where it is stored; try again", field=FIELD)
    activity.record(transaction, caller, ActionType.DOWNLOAD, ResourceType.UPLOAD, file_id)
    seconds, name = settings.download_expiry_seconds, download_name(file.file_name, file.file_type)
    return FileUrl(
        url=objects.presign_get(bucket, key, expires_seconds=seconds, download_name=name),
        url_expires_at=datetime.now(UTC) + timedelta(seconds=seconds),
        download_name=name,
    )


def delete(transaction: Transaction, caller: Caller, file_id: UUID, *, visible_to: UUID | None) -> None:
    """Ends an upload that is not completed: its form is worth nothing from now on. NotFoundError, and ConflictError for any
    other file."""
    record_last_seen(transaction, caller)
    file = _there(repository.find_for_update(transaction.connection, file_id, visible_to=visible_to))
    if file.status is not FileStatus.PENDING:
        raise ConflictError(f"The file is {file.status}; only pending ones can be deleted", field=FIELD)
    if not repository.delete_pending(transaction.connection, file_id):
        raise ConflictError("A post waits for this file; delete the post", field=FIELD)
    values = file.model_dump(mode="json", include={"file_name", "file_type", "entity_type", "entity_id", "byte_count"})
    activity.record(transaction, caller, ActionType.DELETE, ResourceType.UPLOAD, file_id, old_values=values)


def _there(file: FileView | None) -> FileView:
    if file is None:
        raise NotFoundError("There is no such file", field=FIELD)
    return file
