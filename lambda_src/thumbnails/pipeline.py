"""One message, from its body to the rows: claim, fetch, check and render, store, record.

Deliveries repeat, cross and break off; the effect is there once. The job is claimed with a lease before anything is done, and
its result is written in one transaction that only the holder of the lease can make. What is wrong with the image ends the
job with a reason; what passes (no connection, a service away) gives the job back and has the message delivered again. At the
last delivery the job is ended too, while its message goes to the dead-letter queue: moved back from there, it takes the job
up again.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg
from aws_lambda_powertools import Logger

from lambda_src.thumbnails.messages import MessageRefusedError, Source, parse
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

CACHE_CONTROL = "public, max-age=31536000, immutable"  # a key names its content, so what it answers never changes
EXTENSIONS = {"jpeg": "jpg", "webp": "webp"}

# The stored file is larger than the worker fetches.
TOO_MANY_BYTES = "TOO_MANY_BYTES"

MESSAGE_REFUSED = "thumbnail_message_refused"
JOB_CLAIMED = "thumbnail_job_claimed"
JOB_REVIVED = "thumbnail_job_revived"
JOB_SKIPPED = "thumbnail_job_skipped"
JOB_COMPLETED = "thumbnail_job_completed"
JOB_FAILED = "thumbnail_job_failed"
JOB_RELEASED = "thumbnail_job_released"
LEASE_ABANDONED = "thumbnail_lease_abandoned"


@dataclass(frozen=True)
class Message:
    """A delivery of a message. `receive_count` is 1 for the first."""

    message_id: str
    body: str
    receive_count: int


class LeaseHeldError(RetryLaterError):
    """Another worker has the job, or took it over."""


class JobGivenUpError(RetryLaterError):
    """Nothing is left to try in this message's deliveries, and it must not be lost either."""


@dataclass(frozen=True)
class Pipeline:
    """What a worker needs for a message."""

    settings: ThumbnailSettings
    database: Database
    objects: ObjectStore
    log: Logger

    def process(self, message: Message) -> None:
        """Returns when the message has had its effect, now or earlier, or never can. Raises when it is to be delivered again."""
        try:
            sources = parse(message.body)
        except MessageRefusedError as refusal:
            self.log.warning(MESSAGE_REFUSED, extra={"reason": str(refusal)})
            return
        for source in sources:
            try:
                attempt = self._claim(source, message)
            except MessageRefusedError as refusal:
                self.log.warning(MESSAGE_REFUSED, extra={"source": source.reference, "reason": str(refusal)})
                continue
            if attempt is not None:
                self._work(source, attempt, message)

    def _claim(self, source: Source, message: Message) -> "Attempt | None":
        """The right to work on the source's job; None when nothing is left to do."""
        if source.bucket != self.settings.storage_bucket:
            raise MessageRefusedError(f"the bucket {source.bucket} is not the storage bucket")
        if source.entity_type not in PROFILES:
            raise MessageRefusedError(f"there is no image profile for {source.entity_type}")
        with self.database.transaction() as connection:
            job = _job(connection, source, message)
            if job.is_finished and not job.is_abandoned:
                self.log.info(JOB_SKIPPED, extra={"job_id": job.job_id, "status": job.status})
                return None
            claim = self._claim_or_revive(connection, job, message)
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
            raise JobGivenUpError("the job was given up; its message belongs to the dead letters, for a redrive")
        raise LeaseHeldError("another worker has the job")

    def _claim_or_revive(self, connection: Connection, job: jobs.Job, message: Message) -> jobs.Claim | None:
        """The claim on an unfinished job. One that was given up is taken up again for a message that still has deliveries.

        A message's own failures give its job up at its last delivery only. So if an earlier one finds it given up, the message
        was sent later: dead letters were moved back. Any but the last counts, and not just the first, because the first may
        itself break off.
        """
        claim = jobs.claim(connection, job.job_id, self.settings.job_lease_seconds)
        if claim is None and message.receive_count < job.max_retries and jobs.revive(connection, job.job_id):
            self.log.warning(JOB_REVIVED, extra={"job_id": job.job_id, "error_code": job.error_code})
            claim = jobs.claim(connection, job.job_id, self.settings.job_lease_seconds)
        return claim

    def _work(self, source: Source, attempt: "Attempt", message: Message) -> None:
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
            # All at once: each is mostly a wait for S3.
            with ThreadPoolExecutor(len(renditions)) as stores:
                keys = list(stores.map(lambda rendition: self._store(source, attempt, rendition), renditions))
            self._record(source, attempt, renditions, keys)
        except MediaRefusedError as refusal:
            self._fail(attempt, refusal.reason, refusal.message)
        except PayloadTooLargeError as refusal:
            self._fail(attempt, TOO_MANY_BYTES, refusal.message)
        except NotFoundError:
            self._fail(attempt, SOURCE_MISSING, "the uploaded file is no longer there")
        except Exception as error:
            self._give_back(attempt, error, is_last=message.receive_count >= attempt.job.max_retries)
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
                raise LeaseHeldError("the lease ended, and another worker took the job over")
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

    def _give_back(self, attempt: "Attempt", error: Exception, *, is_last: bool) -> None:
        code, reason = PlatformError.code, "the worker failed; its log has the cause"
        # No other code may be written here: these are the ones that a redrive takes up again.
        if isinstance(error, RetryLaterError):
            code, reason = error.code, error.message
        end = jobs.fail if is_last else jobs.release
        fields = {"job_id": attempt.job.job_id, "error_code": code, "reason": reason}
        try:
            with self.database.transaction() as connection:
                end(connection, attempt.claim, error_code=code, error_message=reason)
        except UnavailableError:
            # Nobody can be told; the lease ends by itself.
            self.log.error(LEASE_ABANDONED, extra=fields)
        else:
            self.log.warning(JOB_FAILED if is_last else JOB_RELEASED, extra=fields)


@dataclass(frozen=True)
class Attempt:
    """A claimed job, as it was before the claim."""

    job: jobs.Job
    claim: jobs.Claim


def _job(connection: Connection, source: Source, message: Message) -> jobs.Job:
    """The job that was made for the source, or one made now for the message, once for all its deliveries."""
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
                sqs_message_id=message.message_id,
            )
        except psycopg.errors.ForeignKeyViolation as error:
            raise MessageRefusedError(f"there is no {source.entity_type} {source.entity_id}") from error
    job = jobs.find(connection, source.job_id)
    # The job is committed before the object is stored, so a job that is missing now went with its episode, and will not come.
    if job is None:
        raise MessageRefusedError(f"there is no job {source.job_id}")
    if (job.job_type, job.entity_type, job.entity_id) != (
        JobType.THUMBNAIL_GENERATION,
        source.entity_type,
        source.entity_id,
    ):
        raise MessageRefusedError(f"the job {source.job_id} is not for this {source.entity_type}")
    return job
