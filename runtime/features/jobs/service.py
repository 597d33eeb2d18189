"""Rules of jobs that users request: process an episode again, retry failed jobs, statistics of the queue.

The S3 event of a stored original starts its job. To run a job again, the outbox copies the original to the job's key, which may
be a copy onto itself, and S3 notifies the queue as it does for an upload.
"""

from collections.abc import Mapping
from dataclasses import asdict
from uuid import UUID

from runtime import object_keys
from runtime.access.tokens import Caller
from runtime.adapters.objects import ObjectStore
from runtime.errors import ConflictError, FieldProblem, NotFoundError
from runtime.features.episodes.service import EPISODES
from runtime.features.jobs import admission, messages, queue_repository, repository
from runtime.features.jobs.job_types import JobStatus, JobType
from runtime.features.jobs.messages import OriginalCopy
from runtime.features.jobs.repository import Job
from runtime.features.jobs.schemas import JobStats
from runtime.mechanisms.audit import service as activity
from runtime.mechanisms.audit.schemas import ActionType, ResourceType
from runtime.mechanisms.outbox.service import Outbox
from runtime.mechanisms.records.service import record_last_seen
from runtime.persistence.transactions import Connection, Transaction
from runtime.settings import ApiSettings

# The number of copies that a request has time for; the relay makes the rest.
MAX_IMMEDIATE_COPIES = 10
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
    """Create a job that generates the episode's thumbnails from its current original.

    That is the newest original that did not fail permanently.

    Raises:
        NotFoundError: The episode does not exist or is deleted.
        ConflictError: The episode has no original, or none that can be read.
        RateLimitError: The queue is full.
    """
    connection = transaction.connection
    record_last_seen(transaction, caller)
    EPISODES.ensure_exists(connection, episode_id)
    source_key = _find_original_key(connection, objects, settings, episode_id)
    admission.require_capacity(connection, 1, limit=settings.queue_depth_limit)
    job_id = queue_repository.generate_job_id(connection)
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
    new_values = {"job_id": str(job_id), "job_type": job.job_type}
    activity.record(transaction, caller, ActionType.PROCESS, ResourceType.EPISODE, episode_id, new_values=new_values)
    outbox.enqueue(transaction, messages.TOPIC, asdict(_copy_message(settings, source_key, job)))
    return job


def retry(
    transaction: Transaction,
    *,
    outbox: Outbox,
    settings: ApiSettings,
    caller: Caller,
    fields: Mapping[UUID, str],
) -> list[Job]:
    """Make failed jobs pending again, all of them or none.

    The keys of `fields` are the ids of the jobs, the values the request fields that errors name.

    Raises:
        NotFoundError: Some jobs do not exist.
        ConflictError: Some jobs have not failed or cannot be repeated.
        RateLimitError: The queue has no capacity for all of them.
    """
    connection = transaction.connection
    record_last_seen(transaction, caller)
    found = queue_repository.find_for_update(connection, list(fields))
    if missing := [field for job_id, field in fields.items() if job_id not in found]:
        raise NotFoundError("Job not found", problems=[FieldProblem("Job not found", field) for field in missing])
    prefix = _originals_prefix(settings)
    reasons = {field: _retry_problem(found[job_id], prefix) for job_id, field in fields.items()}
    if problems := [FieldProblem(reason, field) for field, reason in reasons.items() if reason]:
        raise ConflictError("Only failed jobs can be retried", problems=problems)
    admission.require_capacity(connection, len(fields), limit=settings.queue_depth_limit)
    pending = queue_repository.retry(connection, list(found))
    for job_id in fields:
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
        message = asdict(_copy_message(settings, source_key, job))
        outbox.enqueue(transaction, messages.TOPIC, message, send_immediately=len(fields) <= MAX_IMMEDIATE_COPIES)
    return [pending[job_id] for job_id in fields]


def stats(connection: Connection, settings: ApiSettings) -> JobStats:
    """Return the number of jobs by type and status, the queue's depth, and the age of the oldest pending job."""
    by_type = {job_type: dict.fromkeys(JobStatus, 0) for job_type in JobType}
    counts = queue_repository.count(connection)
    for entry in counts:
        by_type[JobType(entry.job_type)][JobStatus(entry.status)] = entry.jobs
    by_status = {status: sum(of_type[status] for of_type in by_type.values()) for status in JobStatus}
    pending_seconds = [entry.oldest_seconds for entry in counts if entry.status == JobStatus.PENDING]
    return JobStats(
        by_status=by_status,
        by_type=by_type,
        depth=by_status[JobStatus.PENDING] + by_status[JobStatus.PROCESSING],
        depth_limit=settings.queue_depth_limit,
        oldest_pending_seconds=max(pending_seconds, default=None),
    )


def _originals_prefix(settings: ApiSettings) -> str:
    return object_keys.reference(settings.storage_bucket, object_keys.ORIGINALS_PREFIX)


def _find_original_key(connection: Connection, objects: ObjectStore, settings: ApiSettings, episode_id: UUID) -> str:
    """Return the key of the episode's current original; ConflictError if there is none that can be read."""
    bucket = settings.storage_bucket
    job = queue_repository.find_latest_with_original(
        connection,
        EPISODE,
        episode_id,
        job_type=JobType.THUMBNAIL_GENERATION,
        originals=_originals_prefix(settings),
    )
    _, key = object_keys.split_reference(job.source_reference) if job else (bucket, "")
    stored = objects.head(bucket, key) if key else None
    if stored is None and job is not None and job.status == JobStatus.PENDING:
        # The previous original is no substitute: its thumbnails, from a newer job, would replace those of the newer image.
        raise ConflictError(
            "The episode's newest original is not stored yet; its job is pending", field="path.episode_id"
        )
    if stored is None:
        raise ConflictError("The episode has no original; upload an image first", field="path.episode_id")
    if stored.is_archived:
        raise ConflictError("The episode's original is archived; upload it again", field="path.episode_id")
    return key


def _retry_problem(job: Job, originals_prefix: str) -> str | None:
    if job.status != JobStatus.FAILED:
        return f"The job is {job.status}; only failed jobs can be retried"
    if job.job_type != JobType.THUMBNAIL_GENERATION or not job.source_reference.startswith(originals_prefix):
        return "No worker processes this job; only thumbnail jobs of stored originals can be retried"
    return None


def _copy_message(settings: ApiSettings, source_key: str, job: Job) -> OriginalCopy:
    return OriginalCopy(
        job_id=str(job.job_id),
        source_bucket=settings.storage_bucket,
        source_key=source_key,
        # The current version is the right one: nobody else writes to a key with a job's id.
        source_version_id=None,
        target_bucket=settings.storage_bucket,
        target_key=object_keys.original_key(job.entity_type, job.entity_id, job.job_id),
    )
