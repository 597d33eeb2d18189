"""Request and response schemas of jobs."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from runtime.contract.schemas import RequestBody, Resource
from runtime.contract.values import Timestamp
from runtime.features.jobs.job_types import JobStatus, JobType

MAX_RETRIED_JOBS = 100


class JobView(Resource):
    """A job."""

    job_id: UUID
    job_type: str = Field(examples=["thumbnail_generation"])
    entity_type: str = Field(examples=["episode"])
    entity_id: UUID
    status: JobStatus
    source_reference: str
    error_code: str | None = Field(description="Reason of the failure, as a stable code.")
    error_message: str | None
    retry_count: int
    max_retries: int
    created_at: Timestamp
    created_by: UUID | None
    started_at: Timestamp | None
    completed_at: Timestamp | None = Field(description="When the job ended, successfully or not.")


def _distinct(job_ids: list[UUID]) -> list[UUID]:
    if len(set(job_ids)) < len(job_ids):
        raise ValueError("Must not contain the same job twice")
    return job_ids


class ProcessRequest(RequestBody):
    """The kind of job to create for an episode."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"job_type": "thumbnail_generation"}]})

    job_type: Literal[JobType.THUMBNAIL_GENERATION] = JobType.THUMBNAIL_GENERATION


class JobsRetry(RequestBody):
    """The failed jobs to retry, all of them or none."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"job_ids": ["01981b2e-7c3a-7d41-9a55-0242ac120002"]}]})

    job_ids: Annotated[
        list[UUID],
        Field(min_length=1, max_length=MAX_RETRIED_JOBS, json_schema_extra={"uniqueItems": True}),
        AfterValidator(_distinct),
    ]


class JobStats(Resource):
    """State of the job queue."""

    by_status: dict[JobStatus, int]
    by_type: dict[JobType, dict[JobStatus, int]]
    depth: int = Field(description="Number of pending and running jobs.")
    depth_limit: int = Field(description="At this depth, requests for new jobs get 429.")
    oldest_pending_seconds: int | None = Field(
        description="Age of the oldest pending job in seconds; null if no job is pending."
    )
