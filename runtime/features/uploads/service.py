"""Rules of uploads.

The presigned form accepts exactly the declared file, and no worker sees a file before it was verified against its declaration.
"""

from dataclasses import asdict
from uuid import UUID

from runtime import object_keys
from runtime.access.tokens import Caller
from runtime.adapters.objects import ObjectStore, StoredObject
from runtime.errors import ConflictError, FieldProblem, InvalidInputError, NotFoundError
from runtime.features.episodes.service import EPISODES
from runtime.features.jobs import admission, messages, queue_repository
from runtime.features.jobs import repository as jobs
from runtime.features.jobs.job_types import JobType
from runtime.features.jobs.messages import OriginalCopy
from runtime.features.uploads import repository
from runtime.features.uploads.repository import UploadSession
from runtime.features.uploads.schemas import CompletedUpload, UploadCreate, UploadForm
from runtime.mechanisms.audit import service as activity
from runtime.mechanisms.audit.schemas import ActionType, ResourceType
from runtime.mechanisms.outbox.service import Outbox
from runtime.mechanisms.records.service import record_last_seen
from runtime.persistence.transactions import Transaction
from runtime.settings import ApiSettings


def create_session(
    transaction: Transaction,
    settings: ApiSettings,
    caller: Caller,
    body: UploadCreate,
    *,
    entity_field: str = "body.entity_id",
) -> UploadSession:
    """Create an upload session.

    Raises:
        NotFoundError: The entity does not exist or is deleted; names `entity_field`.
    """
    connection = transaction.connection
    EPISODES.ensure_exists(connection, body.entity_id, field=entity_field)
    record_last_seen(transaction, caller)
    session = repository.insert(
        connection,
        user_id=caller.user_id,
        entity_type=body.entity_type,
        entity_id=body.entity_id,
        file_name=body.file_name,
        content_type=body.file_type,
        byte_count=body.byte_count,
        file_hash=body.sha256,
        expiry_seconds=settings.upload_expiry_seconds,
    )
    new_values = body.model_dump(mode="json")
    activity.record(
        transaction, caller, ActionType.CREATE, ResourceType.UPLOAD, session.upload_id, new_values=new_values
    )
    return session


def create_upload(
    transaction: Transaction,
    objects: ObjectStore,
    settings: ApiSettings,
    caller: Caller,
    body: UploadCreate,
    *,
    entity_field: str = "body.entity_id",
) -> UploadForm:
    """Create an upload session and its presigned form; see `create_session`."""
    session = create_session(transaction, settings, caller, body, entity_field=entity_field)
    form = objects.presign_post(
        settings.temp_bucket,
        session.temp_key,
        content_type=session.content_type,
        byte_count=session.byte_count,
        sha256=session.file_hash,
        expires_seconds=settings.upload_expiry_seconds,
    )
    return UploadForm(
        upload_id=session.upload_id,
        uploadUrl=form.url,
        fileReference=object_keys.reference(settings.temp_bucket, session.temp_key),
        fields=form.fields,
        expires_at=session.expires_at,
    )


def complete(
    transaction: Transaction,
    *,
    objects: ObjectStore,
    outbox: Outbox,
    settings: ApiSettings,
    caller: Caller,
    upload_id: UUID,
    field: str = "path.upload_id",
) -> CompletedUpload:
    """Complete an upload and return its job.

    The first call verifies the stored object against its declaration, creates the job, and posts the message that copies the
    verified version to the storage bucket. A repeated call returns the same job. Errors name `field`.

    Raises:
        NotFoundError: The session does not exist or is not the caller's, or its episode is deleted.
        ConflictError: Nothing is uploaded yet, or the upload expired.
        InvalidInputError: The stored object differs from its declaration.
        RateLimitError: The queue is full; the upload stays pending and can be completed later.
    """
    record_last_seen(transaction, caller)
    session = repository.find_for_update(transaction.connection, upload_id, caller.user_id)
    if session is None:
        raise NotFoundError("Upload not found", field=field)
    if session.job_id is not None:
        return _completed_upload(session, _require_job(transaction, session.job_id, field))
    if not EPISODES.table.exists(transaction.connection, session.entity_id):
        raise NotFoundError("The upload's episode was deleted", field=field)
    stored = _verify_object(objects, settings, session, field)
    admission.require_capacity(transaction.connection, 1, limit=settings.queue_depth_limit)
    job_id = queue_repository.generate_job_id(transaction.connection)
    copy = OriginalCopy(
        job_id=str(job_id),
        source_bucket=settings.temp_bucket,
        source_key=session.temp_key,
        source_version_id=stored.version_id,
        target_bucket=settings.storage_bucket,
        target_key=object_keys.original_key(session.entity_type, session.entity_id, job_id),
    )
    job = jobs.insert(
        transaction.connection,
        job_id=job_id,
        job_type=JobType.THUMBNAIL_GENERATION,
        entity_type=session.entity_type,
        entity_id=session.entity_id,
        source_reference=object_keys.reference(copy.target_bucket, copy.target_key),
        # The copy's version id is not known yet; the job's id makes the key unique anyway.
        source_version_id=None,
        created_by=caller.user_id,
    )
    repository.complete(transaction.connection, upload_id, job_id=job_id, version_id=stored.version_id)
    activity.record(
        transaction,
        caller,
        ActionType.UPLOAD,
        ResourceType.EPISODE,
        session.entity_id,
        new_values={"upload_id": str(upload_id), "job_id": str(job_id), "sha256": session.file_hash},
    )
    outbox.enqueue(transaction, messages.TOPIC, asdict(copy))
    return _completed_upload(session, job)


def _require_job(transaction: Transaction, job_id: UUID, field: str) -> jobs.Job:
    job = jobs.find(transaction.connection, job_id)
    if job is None:
        raise NotFoundError("The upload's job no longer exists", field=field)
    return job


def _verify_object(objects: ObjectStore, settings: ApiSettings, session: UploadSession, field: str) -> StoredObject:
    if session.is_expired:
        raise ConflictError("The upload has expired; create a new one", field=field)
    stored = objects.head(settings.temp_bucket, session.temp_key)
    if stored is None:
        raise ConflictError("No file is uploaded yet; send it with the upload's form first", field=field)
    comparisons = [
        ("byte_count", stored.byte_count, session.byte_count),
        ("file_type", stored.content_type, session.content_type),
        ("sha256", stored.sha256, session.file_hash),
    ]
    problems = [
        FieldProblem(f"The uploaded file's {name} differs from the declared one", name)
        for name, actual, declared in comparisons
        if actual != declared
    ]
    if problems:
        raise InvalidInputError("The uploaded file differs from its declaration", problems=problems)
    return stored


def _completed_upload(session: UploadSession, job: jobs.Job) -> CompletedUpload:
    return CompletedUpload(
        upload_id=session.upload_id,
        job_id=job.job_id,
        status=job.status,
        entity_type=session.entity_type,
        entity_id=session.entity_id,
        file_reference=job.source_reference,
    )
