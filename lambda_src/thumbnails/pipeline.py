"""The processing of one message: claim the job, fetch, check and render the image, store the variants, record the result.

Messages may be delivered repeatedly, concurrently and partially; the effect occurs once. The job is claimed with a lease before
any work, and its result is written in one transaction that only the holder of the lease can commit. A problem with the image
fails the job with a reason. A transient error (no connection, a service unavailable) releases the job and has the message
delivered again. At the last delivery it fails the job, too, and the message moves to the dead-letter queue; a redrive from there
revives the job.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from lambda_src.thumbnails.messages import MessageRejectedError, Source, parse
from lambda_src.thumbnails.profiles import PROFILES
from lambda_src.thumbnails.rendering import Rendition, render
from runtime.adapters.database import Database
from runtime.adapters.objects import ObjectStore
from runtime.errors import (
    MediaRefusedError,
    NotFoundError,
    PayloadTooLargeError,
    PlatformError,
    RetryLaterError,
    UnavailableError,
)
from runtime.features.jobs import repository as jobs
from runtime.features.jobs.error_codes import ATTEMPTS_EXHAUSTED, SOURCE_MISSING
from runtime.features.jobs.job_types import JobType
from runtime.features.thumbnails import repository as thumbnails
from runtime.object_keys import rendition_key
from runtime.persistence.transactions import Connection
from runtime.settings import ThumbnailSettings

CACHE_CONTROL = "public, max-age=31536000, immutable"  # a key contains the digest of its content, which never changes
EXTENSIONS = {"jpeg": "jpg", "webp": "webp"}

# The stored file is larger than the worker fetches.
TOO_MANY_BYTES = "TOO_MANY_BYTES"

MESSAGE_REJECTED = "thumbnail_message_rejected"
JOB_CLAIMED = "thumbnail_job_claimed"
JOB_REVIVED = "thumbnail_job_revived"
JOB_SKIPPED = "thumbnail_job_skipped"
JOB_COMPLETED = "thumbnail_job_completed"
JOB_FAILED = "thumbnail_job_failed"
JOB_RELEASED = "thumbnail_job_released"
LEASE_ABANDONED = "thumbnail_lease_abandoned"


class LeaseHeldError(RetryLaterError):
    """Another worker holds the lease on the job."""


class JobAbandonedError(RetryLaterError):
    """The job's attempts are exhausted; the message must move to the dead-letter queue and not be deleted."""


@dataclass(frozen=True)
class Pipeline:
    """The resources for processing messages."""

    settings: ThumbnailSettings
    database: Database
    objects: ObjectStore
    log: Logger

    def process(self, record: SQSRecord) -> None:
        """Process one message; return if its jobs are finished or it is rejected.

        Raises:
            Exception: Any error means that the message is to be delivered again; RetryLaterError is an expected one.
        """
        try:
            sources = parse(record.body)
        except MessageRejectedError as error:
            self.log.warning(MESSAGE_REJECTED, extra={"reason": str(error)})
            return
        for source in sources:
            try:
                attempt = self._claim(source, record)
            except MessageRejectedError as error:
                self.log.warning(MESSAGE_REJECTED, extra={"source": source.reference, "reason": str(error)})
                continue
            if attempt is not None:
                self._run(source, attempt, record)

    def _claim(self, source: Source, record: SQSRecord) -> "Attempt | None":
        """Claim the source's job; return None if it is finished."""
        if source.bucket != self.settings.storage_bucket:
            raise MessageRejectedError(f"the bucket {source.bucket} is not the storage bucket")
        if source.entity_type not in PROFILES:
            raise MessageRejectedError(f"no image profile for entity type {source.entity_type}")
        with self.database.transaction() as connection:
            job = _find_or_insert_job(connection, source, record)
            if job.is_finished and not job.is_abandoned:
                self.log.info(JOB_SKIPPED, extra={"job_id": job.job_id, "status": job.status})
                return None
            claim = self._claim_or_revive(connection, job, record)
            if claim is not None:
                self.log.info(JOB_CLAIMED, extra={"job_id": job.job_id})
                return Attempt(job=job, claim=claim)
            is_exhausted = jobs.fail_exhausted(
                connection,
                job.job_id,
                error_code=ATTEMPTS_EXHAUSTED,
                error_message=f"no worker finished the job in {job.max_retries} attempts",
            )
        if is_exhausted:
            self.log.error(JOB_FAILED, extra={"job_id": job.job_id, "error_code": ATTEMPTS_EXHAUSTED})
        if is_exhausted or job.is_abandoned:
            raise JobAbandonedError("the job was abandoned; its message moves to the dead-letter queue for a redrive")
        raise LeaseHeldError("another worker holds the lease on the job")

    def _claim_or_revive(self, connection: Connection, job: jobs.Job, record: SQSRecord) -> jobs.Claim | None:
        """Claim an unfinished job; revive an abandoned one for a message that has deliveries left.

        The failures of a message abandon its job only at the last delivery. If the job is abandoned at an earlier one, the
        message is a redriven dead letter. Every delivery but the last counts, not just the first, which may be interrupted.
        """
        claim = jobs.claim(connection, job.job_id, self.settings.job_lease_seconds)
        if claim is None and _receive_count(record) < job.max_retries and jobs.revive(connection, job.job_id):
            self.log.warning(JOB_REVIVED, extra={"job_id": job.job_id, "error_code": job.error_code})
            claim = jobs.claim(connection, job.job_id, self.settings.job_lease_seconds)
        return claim

    def _run(self, source: Source, attempt: "Attempt", record: SQSRecord) -> None:
        try:
            image = self.objects.get(
                source.bucket, source.key, max_bytes=self.settings.image_max_bytes, version_id=source.version_id
            )
            renditions = render(
                image.content,
                PROFILES[source.entity_type],
                max_pixels=self.settings.image_max_pixels,
                declared_type=image.content_type,
            )
            # Concurrently, because each upload mostly waits for S3.
            with ThreadPoolExecutor(len(renditions)) as executor:
                keys = list(executor.map(lambda rendition: self._store(source, attempt, rendition), renditions))
            self._record(source, attempt, renditions, keys)
        except MediaRefusedError as error:
            self._fail(attempt, error.reason, error.message)
        except PayloadTooLargeError as error:
            self._fail(attempt, TOO_MANY_BYTES, error.message)
        except NotFoundError:
            self._fail(attempt, SOURCE_MISSING, "the uploaded file no longer exists")
        except Exception as error:
            self._release(attempt, error, is_last=_receive_count(record) >= attempt.job.max_retries)
            raise

    def _store(self, source: Source, attempt: "Attempt", rendition: Rendition) -> str:
        digest = hashlib.sha256(rendition.body).hexdigest()
        key = rendition_key(
            source.entity_type, source.entity_id, rendition.name, sha256=digest, extension=EXTENSIONS[rendition.format]
        )
        self.objects.put(
            self.settings.thumbnails_bucket,
            key,
            rendition.body,
            content_type=f"image/{rendition.format}",
            cache_control=CACHE_CONTROL,
            metadata={"job-id": str(attempt.job.job_id), "variant": rendition.name},
        )
        return key

    def _record(self, source: Source, attempt: "Attempt", renditions: list[Rendition], keys: list[str]) -> None:
        with self.database.transaction() as connection:
            if not jobs.complete(connection, attempt.claim):
                raise LeaseHeldError("the lease expired, and another worker claimed the job")
            for rendition, key in zip(renditions, keys, strict=True):
                thumbnails.upsert(
                    connection,
                    job_id=attempt.job.job_id,
                    entity_type=source.entity_type,
                    entity_id=source.entity_id,
                    size_variant=rendition.name,
                    s3_bucket=self.settings.thumbnails_bucket,
                    s3_key=key,
                    width=rendition.width,
                    height=rendition.height,
                    file_size_bytes=len(rendition.body),
                    mime_type=f"image/{rendition.format}",
                    format=rendition.format,
                )
        sizes = {rendition.name: len(rendition.body) for rendition in renditions}
        self.log.info(JOB_COMPLETED, extra={"job_id": attempt.job.job_id, "byte_counts": sizes})

    def _fail(self, attempt: "Attempt", error_code: str, error_message: str) -> None:
        with self.database.transaction() as connection:
            jobs.fail(connection, attempt.claim, error_code=error_code, error_message=error_message)
        self.log.warning(
            JOB_FAILED, extra={"job_id": attempt.job.job_id, "error_code": error_code, "reason": error_message}
        )

    def _release(self, attempt: "Attempt", error: Exception, *, is_last: bool) -> None:
        code, reason = PlatformError.code, "the worker failed; its log has the cause"
        # Only these codes may be written here: a redrive revives only jobs with them.
        if isinstance(error, RetryLaterError):
            code, reason = error.code, error.message
        update = jobs.fail if is_last else jobs.release
        fields = {"job_id": attempt.job.job_id, "error_code": code, "reason": reason}
        try:
            with self.database.transaction() as connection:
                update(connection, attempt.claim, error_code=code, error_message=reason)
        except UnavailableError:
            # The job cannot be updated; its lease will expire.
            self.log.error(LEASE_ABANDONED, extra=fields)
        else:
            self.log.warning(JOB_FAILED if is_last else JOB_RELEASED, extra=fields)


@dataclass(frozen=True)
class Attempt:
    """A claim, and the job as it was before."""

    job: jobs.Job
    claim: jobs.Claim


def _receive_count(record: SQSRecord) -> int:
    """Return the number of this delivery of the message, from 1."""
    return int(record.attributes.approximate_receive_count)


def _find_or_insert_job(connection: Connection, source: Source, record: SQSRecord) -> jobs.Job:
    """Return the source's job; insert one if it has none, once for all deliveries of the message."""
    if source.job_id is None:
        try:
            return jobs.insert(
                connection,
                job_type=JobType.THUMBNAIL_GENERATION,
                entity_type=source.entity_type,
                entity_id=source.entity_id,
                source_reference=source.reference,
                source_version_id=source.version_id,
                created_by=None,
                sqs_message_id=record.message_id,
            )
        except psycopg.errors.ForeignKeyViolation as error:
            raise MessageRejectedError(f"{source.entity_type} {source.entity_id} not found") from error
    job = jobs.find(connection, source.job_id)
    # The job is committed before the object is stored, so a missing job was deleted with its episode.
    if job is None:
        raise MessageRejectedError(f"job {source.job_id} not found")
    if (job.job_type, job.entity_type, job.entity_id) != (
        JobType.THUMBNAIL_GENERATION,
        source.entity_type,
        source.entity_id,
    ):
        raise MessageRejectedError(f"the job {source.job_id} is not for this {source.entity_type}")
    return job
