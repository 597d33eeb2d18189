"""The rules of asking for work: thumbnails made again, failed jobs tried again, and how the queue stands.

A worker hears of a job when its original is stored. So one that is to be worked on again is copied to the job's key, which is a
copy onto itself where it lies there already; the outbox does it, and S3 notifies the queue as it does of every upload.
"""

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from runtime import object_keys
from runtime.access.tokens import Caller
from runtime.adapters.objects import ObjectStore
from runtime.errors import ConflictError, FieldProblem, NotFoundError
from runtime.features.episodes.service import EPISODES
from runtime.features.jobs import admission, intake, originals, repository
from runtime.features.jobs.job_types import JobStatus, JobType
from runtime.features.jobs.originals import UploadCopy
from runtime.features.jobs.repository import Job
from runtime.features.jobs.schemas import JobStats
from runtime.mechanisms.audit import service as activity
from runtime.mechanisms.audit.schemas import ActionType, ResourceType
from runtime.mechanisms.outbox.service import Outbox
from runtime.mechanisms.records.service import record_last_seen
from runtime.persistence.transactions import Connection, Transaction
from runtime.settings import ApiSettings

# As many copies as a request has time for; the relay makes more.
COPIES_AT_ONCE = 10
EPISODE = "episode"


def process(
    transaction: Transaction,
    *,
    objects: ObjectStore,
    outbox: Outbox,
    settings: ApiSettings,
    caller: Caller,
    episode_id: UUID,
) -> Job:
    """A new job that makes the episode's thumbnails from its current original: the newest one that was not refused as no
    picture. NotFoundError, ConflictError when it has none that can be read, RateLimitError while the queue is full."""
    connection = transaction.connection
    record_last_seen(transaction, caller)
    EPISODES.ensure_exists(connection, episode_id)
    source_key = _original_of(connection, objects, settings, episode_id)
    admission.admit(connection, 1, limit=settings.queue_depth_limit)
    job_id = intake.new_job_id(connection)
    key = object_keys.original_key(EPISODE, episode_id, job_id)
    job = repository.insert(
        connection,
        job_id=job_id,
        job_type=JobType.THUMBNAIL_GENERATION,
        entity_type=EPISODE,
        entity_id=episode_id,
        source_reference=object_keys.reference(settings.storage_bucket, key),
        source_version_id=None,
        created_by=caller.user_id,
    )
    made = {"job_id": str(job_id), "job_type": job.job_type}
    activity.record(transaction, caller, ActionType.PROCESS, ResourceType.EPISODE, episode_id, new_values=made)
    outbox.enqueue(transaction, originals.TOPIC, asdict(_copy(settings, source_key, job)))
    return job


def retry(
    transaction: Transaction,
    *,
    outbox: Outbox,
    settings: ApiSettings,
    caller: Caller,
    wanted: Sequence[tuple[UUID, str]],
) -> list[Job]:
    """The jobs, pending again, all of them or none. Each id comes with the field that refusals name. NotFoundError for those
    that are not there, ConflictError for those that have not failed or cannot be repeated, RateLimitError while the queue has
    no place for all of them."""
    connection = transaction.connection
    record_last_seen(transaction, caller)
    found = intake.find_for_update(connection, [job_id for job_id, _ in wanted])
    if missing := [field for job_id, field in wanted if job_id not in found]:
        problems = [FieldProblem("There is no such job", field) for field in missing]
        raise NotFoundError("There is no such job", problems=problems)
    prefix = _originals(settings)
    refusals = [(field, _refusal(found[job_id], prefix)) for job_id, field in wanted]
    if refused := [FieldProblem(message, field) for field, message in refusals if message]:
        raise ConflictError("Only failed jobs can be tried again", problems=refused)
    admission.admit(connection, len(wanted), limit=settings.queue_depth_limit)
    pending = intake.retry(connection, list(found))
    for job_id, _ in wanted:
        before, job = found[job_id], pending[job_id]
        activity.record(
            transaction,
            caller,
            ActionType.PROCESS,
            ResourceType.JOB,
            job_id,
            old_values={"status": before.status, "error_code": before.error_code},
            new_values={"status": job.status, "error_code": job.error_code},
        )
        _, source_key = object_keys.split_reference(job.source_reference)
        message = asdict(_copy(settings, source_key, job))
        outbox.enqueue(transaction, originals.TOPIC, message, send_immediately=len(wanted) <= COPIES_AT_ONCE)
    return [pending[job_id] for job_id, _ in wanted]


def stats(connection: Connection, settings: ApiSettings) -> JobStats:
    """How many jobs stand where, and since when the first one waits."""
    by_type = {job_type: dict.fromkeys(JobStatus, 0) for job_type in JobType}
    counts = intake.count(connection)
    for found in counts:
        by_type[JobType(found.job_type)][JobStatus(found.status)] = found.jobs
    by_status = {status: sum(of_type[status] for of_type in by_type.values()) for status in JobStatus}
    waiting = [found.oldest_seconds for found in counts if found.status == JobStatus.PENDING]
    return JobStats(
        by_status=by_status,
        by_type=by_type,
        depth=by_status[JobStatus.PENDING] + by_status[JobStatus.PROCESSING],
        depth_limit=settings.queue_depth_limit,
        oldest_pending_seconds=max(waiting, default=None),
    )


def _originals(settings: ApiSettings) -> str:
    return object_keys.reference(settings.storage_bucket, object_keys.ORIGINALS_PREFIX)


def _original_of(connection: Connection, objects: ObjectStore, settings: ApiSettings, episode_id: UUID) -> str:
    """The key of the episode's current original. ConflictError when there is none that can be read."""
    bucket = settings.storage_bucket
    job = intake.find_original(
        connection,
        EPISODE,
        episode_id,
        job_type=JobType.THUMBNAIL_GENERATION,
        originals=_originals(settings),
    )
    _, key = object_keys.split_reference(job.source_reference) if job else (bucket, "")
    stored = objects.head(bucket, key) if key else None
    if stored is None and job is not None and job.status == JobStatus.PENDING:
        # The one before is no substitute: its thumbnails, made by a newer job, would take the place of the newer picture's.
        raise ConflictError("The episode's newest original is on its way, and so is a job", field="path.episode_id")
    if stored is None:
        raise ConflictError("The episode has no original; upload a picture first", field="path.episode_id")
    if stored.is_archived:
        raise ConflictError("The episode's original is in an archive; upload it again", field="path.episode_id")
    return key


def _refusal(job: Job, originals: str) -> str | None:
    if job.status != JobStatus.FAILED:
        return f"The job is {job.status}; only failed ones can be tried again"
    if job.job_type != JobType.THUMBNAIL_GENERATION or not job.source_reference.startswith(originals):
        return "No worker could be told of this job"
    return None


def _copy(settings: ApiSettings, source_key: str, job: Job) -> UploadCopy:
    return UploadCopy(
        job_id=str(job.job_id),
        source_bucket=settings.storage_bucket,
        source_key=source_key,
        # Whatever version there is: nobody else writes to a key that has a job's id.
        source_version_id=None,
        target_bucket=settings.storage_bucket,
        target_key=object_keys.original_key(job.entity_type, job.entity_id, job.job_id),
    )
