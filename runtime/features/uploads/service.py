"""The rules of an upload: storage is handed a form for exactly the announced file, and no worker sees a byte of it before
it was compared with what was announced."""

from dataclasses import asdict
from uuid import UUID

from runtime import object_keys
from runtime.access.tokens import Caller
from runtime.adapters.objects import ObjectStore, StoredObject
from runtime.errors import ConflictError, FieldProblem, InvalidInputError, NotFoundError
from runtime.features.episodes.service import EPISODES
from runtime.features.jobs import admission, intake, originals
from runtime.features.jobs import repository as jobs
from runtime.features.jobs.job_types import JobType
from runtime.features.jobs.originals import UploadCopy
from runtime.features.uploads import repository
from runtime.features.uploads.repository import UploadSession
from runtime.features.uploads.schemas import CompletedUpload, UploadCreate, UploadForm
from runtime.mechanisms.audit import service as activity
from runtime.mechanisms.audit.schemas import ActionType, ResourceType
from runtime.mechanisms.outbox.service import Outbox
from runtime.mechanisms.records.service import record_last_seen
from runtime.persistence.transactions import Transaction
from runtime.settings import ApiSettings


def open_session(
    transaction: Transaction,
    settings: ApiSettings,
    caller: Caller,
    body: UploadCreate,
    *,
    entity_field: str = "body.entity_id",
) -> UploadSession:
    """A session for a file. NotFoundError, which names `entity_field`, when there is nothing to upload for."""
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
    announced = body.model_dump(mode="json")
    activity.record(
        transaction, caller, ActionType.CREATE, ResourceType.UPLOAD, session.upload_id, new_values=announced
    )
    return session


def announce(
    transaction: Transaction,
    objects: ObjectStore,
    settings: ApiSettings,
    caller: Caller,
    body: UploadCreate,
    *,
    entity_field: str = "body.entity_id",
) -> UploadForm:
    """A session and its form; see `open_session`."""
    session = open_session(transaction, settings, caller, body, entity_field=entity_field)
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
    """The upload's job. The first completion compares what is stored with what was announced, makes the job, and has the
    compared version copied to where the worker is notified of it. A repeated one answers the same job. `field` is what
    refusals name.

    NotFoundError for a session that is not the caller's or whose episode is deleted, ConflictError while nothing is
    uploaded or when it came too late, InvalidInputError for a file that is not the announced one, RateLimitError while the
    queue is full: the upload stays as it is, and can be completed later.
    """
    record_last_seen(transaction, caller)
    session = repository.find_for_update(transaction.connection, upload_id, caller.user_id)
    if session is None:
        raise NotFoundError("There is no such upload", field=field)
    if session.job_id is not None:
        return _answer(session, _job_of(transaction, session.job_id, field))
    if not EPISODES.table.exists(transaction.connection, session.entity_id):
        raise NotFoundError("The episode of this upload is gone", field=field)
    stored = _compared(objects, settings, session, field)
    admission.admit(transaction.connection, 1, limit=settings.queue_depth_limit)
    job_id = intake.new_job_id(transaction.connection)
    copy = UploadCopy(
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
        # The version of the copy is not known before it is made; the job's id in the key already makes it the only one.
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
    outbox.enqueue(transaction, originals.TOPIC, asdict(copy))
    return _answer(session, job)


def _job_of(transaction: Transaction, job_id: UUID, field: str) -> jobs.Job:
    job = jobs.find(transaction.connection, job_id)
    if job is None:
        raise NotFoundError("The job of this upload is gone", field=field)
    return job


def _compared(objects: ObjectStore, settings: ApiSettings, session: UploadSession, field: str) -> StoredObject:
    if session.is_expired:
        raise ConflictError("The upload came too late; announce it again", field=field)
    stored = objects.head(settings.temp_bucket, session.temp_key)
    if stored is None:
        raise ConflictError("Nothing is uploaded yet", field=field)
    comparisons = [
        ("byte_count", stored.byte_count, session.byte_count),
        ("file_type", stored.content_type, session.content_type),
        ("sha256", stored.sha256, session.file_hash),
    ]
    problems = [
        FieldProblem(f"The uploaded file has another {name} than was announced", name)
        for name, found, announced in comparisons
        if found != announced
    ]
    if problems:
        raise InvalidInputError("The uploaded file is not the announced one", problems=problems)
    return stored


def _answer(session: UploadSession, job: jobs.Job) -> CompletedUpload:
    return CompletedUpload(
        upload_id=session.upload_id,
        job_id=job.job_id,
        status=job.status,
        entity_type=session.entity_type,
        entity_id=session.entity_id,
        file_reference=job.source_reference,
    )
