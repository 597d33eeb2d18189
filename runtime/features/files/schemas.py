"""Files as clients get them: uploads that were announced, and what became of each."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from runtime.contract.schemas import Resource
from runtime.contract.values import Timestamp, reject_nul
from runtime.features.jobs.job_types import JobStatus
from runtime.features.uploads.limits import FILE_SIZE_LIMITS, FileKind
from runtime.features.uploads.schemas import FileName, UploadCreate

# What goes through the API in one request. A function is called with 6 MB at most (Lambda's limit), of which the base64 that
# bytes travel in takes a quarter; beside the file, a form has fields and headers.
MAX_DIRECT_BYTES = 4_500_000
MAX_FORM_BYTES = MAX_DIRECT_BYTES + 65_536


class FileStatus(StrEnum):
    """Where a file stands. `completed` is final; what became of a completed file then is its job's status."""

    PENDING = "pending"
    EXPIRED = "expired"
    COMPLETED = "completed"


class UploadQuery(UploadCreate):
    """An announcement in an address, where numbers are text."""

    file_name: Annotated[FileName, AfterValidator(reject_nul)]
    byte_count: Annotated[int, Field(ge=1, le=FILE_SIZE_LIMITS[FileKind.IMAGE])]


class FileView(Resource):
    """A file that was announced."""

    file_id: UUID = Field(description="The upload's.")
    user_id: UUID = Field(description="Who announced it.")
    entity_type: str = Field(examples=["episode"])
    entity_id: UUID
    file_name: str = Field(description="As its sender called it: data, and no part of any address.")
    file_type: str = Field(examples=["image/jpeg"])
    byte_count: int
    sha256: str
    status: FileStatus
    job_id: UUID | None = Field(description="The job that makes thumbnails of it, once it is completed.")
    job_status: JobStatus | None
    error_code: str | None = Field(description="Why its job failed, as a stable code.")
    file_reference: str | None = Field(description="Where it is stored, once it is completed.")
    created_at: Timestamp
    expires_at: Timestamp = Field(description="When it can no longer be uploaded.")
    completed_at: Timestamp | None


class FileUrl(Resource):
    """Where a stored file is to be had."""

    url: str = Field(description="Answers the file to anyone who has it, without a header, until `url_expires_at`.")
    url_expires_at: Timestamp
    download_name: str = Field(description="The name that browsers save it under; made of `file_name`, and safe.")
