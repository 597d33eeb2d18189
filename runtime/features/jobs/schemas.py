"""Jobs as clients get them."""

from enum import StrEnum
from uuid import UUID

from pydantic import Field

from runtime.web.schemas import Resource, Timestamp


class JobStatus(StrEnum):
    """Where a job stands. `completed` is final; `failed` is unless its message is redriven after a cause that passed."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class JobView(Resource):
    """A job."""

    job_id: UUID
    job_type: str = Field(examples=["thumbnail_generation"])
    entity_type: str = Field(examples=["episode"])
    entity_id: UUID
    status: JobStatus
    source_reference: str
    error_code: str | None = Field(description="Why it failed, as a stable code.")
    error_message: str | None
    retry_count: int
    max_retries: int
    created_at: Timestamp
    created_by: UUID | None
    started_at: Timestamp | None
    completed_at: Timestamp | None = Field(description="When it ended, well or not.")
