"""Outbox topic `upload_copied`: copies an original to the key in the storage bucket whose event notifies the worker.

The source is an upload in the temp bucket, or an original that is to be processed again.
"""

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
class OriginalCopy:
    """Message: copy one version of an object for one job. All values are text, so that JSON holds them unchanged."""

    job_id: str
    source_bucket: str
    source_key: str
    source_version_id: str | None
    target_bucket: str
    target_key: str


class OriginalCopyTopic:
    """Copies originals within S3. Repeating a copy writes the same bytes to the same key, and its job runs once."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def send(self, payload: Mapping[str, Any]) -> None:
        """Copy the object; see `Topic.send`."""
        copy = OriginalCopy(**payload)
        try:
            self._objects.copy(
                source_bucket=copy.source_bucket,
                source_key=copy.source_key,
                source_version_id=copy.source_version_id,
                target_bucket=copy.target_bucket,
                target_key=copy.target_key,
            )
        except NotFoundError as error:
            # The temp bucket expires uploads after a day; what could not be copied until then is lost.
            raise UndeliverableError("the uploaded file no longer exists") from error
        except ConflictError as error:
            raise UndeliverableError("the uploaded file is archived") from error

    def abandon(self, connection: Connection, payload: Mapping[str, Any], reason: str) -> None:
        """Fail the job that waits for the file; see `Topic.abandon`."""
        jobs.fail_pending(
            connection, UUID(OriginalCopy(**payload).job_id), error_code=SOURCE_MISSING, error_message=reason
        )
