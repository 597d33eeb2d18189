"""Request and response schemas of files: uploads and their processing."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from runtime.contract.schemas import Resource
from runtime.contract.values import Timestamp, reject_nul
from runtime.features.jobs.job_types import JobStatus
from runtime.features.uploads.limits import FILE_SIZE_LIMITS, FileKind
from runtime.features.uploads.schemas import FileName, UploadCreate

# Lambda accepts 6 MB per invocation, and base64 turns 4.5 MB into that; the form adds fields and headers.
MAX_DIRECT_BYTES = 4_500_000
MAX_FORM_BYTES = MAX_DIRECT_BYTES + 65_536


class FileStatus(StrEnum):
    """Status of a file. `completed` is final; its processing is the job's status."""

    PENDING = "pending"
    EXPIRED = "expired"
    COMPLETED = "completed"


class UploadQuery(UploadCreate):
    """Declaration of a file to upload as query parameters, where numbers are text."""

    file_name: Annotated[FileName, AfterValidator(reject_nul)]
    byte_count: Annotated[int, Field(ge=1, le=FILE_SIZE_LIMITS[FileKind.IMAGE])]


class FileView(Resource):
    """A file: an upload and the state of its processing."""

    file_id: UUID = Field(description="Id of the file; equals the upload's id.")
    user_id: UUID = Field(description="The user who created the upload.")
    entity_type: str = Field(examples=["episode"])
    entity_id: UUID
    file_name: str = Field(description="The name that the client sent; never part of a URL or an object key.")
    file_type: str = Field(examples=["image/jpeg"])
    byte_count: int
    sha256: str
    status: FileStatus
    job_id: UUID | None = Field(description="The job that generates its thumbnails; null until the file is completed.")
    job_status: JobStatus | None
    error_code: str | None = Field(description="Reason of the job's failure, as a stable code.")
    file_reference: str | None = Field(description="S3 location of the stored file; null until it is completed.")
    created_at: Timestamp
    expires_at: Timestamp = Field(description="When the upload form expires.")
    completed_at: Timestamp | None


class FileUrl(Resource):
    """A presigned download URL of a stored file."""

    url: str = Field(description="Presigned URL: anyone who has it can download the file until `url_expires_at`.")
    url_expires_at: Timestamp
    download_name: str = Field(
        description="The safe name, derived from `file_name`, that browsers save the file under."
    )
