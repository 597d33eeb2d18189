"""Originals on their way to where the worker is notified of them, be they uploads or worked on before: a topic of the outbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from runtime.adapters.objects import ObjectStore
from runtime.errors import ConflictError, NotFoundError
from runtime.features.jobs import repository as jobs
from runtime.features.jobs.error_codes import SOURCE_MISSING
from runtime.mechanisms.outbox.service import UndeliverableError
from runtime.persistence.transactions import Connection

TOPIC = "upload_copied"


@dataclass(frozen=True, kw_only=True)
class UploadCopy:
    """One version of an object to copy, for one job. All values are text, so that it goes through JSON as it is."""

    job_id: str
    source_bucket: str
    source_key: str
    source_version_id: str | None
    target_bucket: str
    target_key: str


class UploadCopies:
    """Copies inside S3. A copy made twice is the same bytes under the same key, and its job is done once."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def send(self, payload: Mapping[str, Any]) -> None:
        """See Topic."""
        copy = UploadCopy(**payload)
        try:
            self._objects.copy(
                source_bucket=copy.source_bucket,
                source_key=copy.source_key,
                source_version_id=copy.source_version_id,
                target_bucket=copy.target_bucket,
                target_key=copy.target_key,
            )
        except NotFoundError as error:
            # The bucket forgets uploads after a day; what could not be copied in that time is gone.
            raise UndeliverableError("the uploaded file is gone") from error
        except ConflictError as error:
            raise UndeliverableError("the uploaded file is in an archive") from error

    def abandon(self, connection: Connection, payload: Mapping[str, Any], reason: str) -> None:
        """See Topic: the job that waits for the file ends."""
        jobs.fail_pending(
            connection, UUID(UploadCopy(**payload).job_id), error_code=SOURCE_MISSING, error_message=reason
        )
