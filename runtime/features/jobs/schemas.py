"""Jobs: what clients ask for, and what they get of them."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from runtime.contract.schemas import RequestBody, Resource
from runtime.contract.values import Timestamp
from runtime.features.jobs.job_types import JobStatus, JobType

MAX_RETRIED = 100


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


def _distinct(job_ids: list[UUID]) -> list[UUID]:
    if len(set(job_ids)) < len(job_ids):
        raise ValueError("Name each job once")
    return job_ids


class ProcessRequest(RequestBody):
    """What is to be done to an episode again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"job_type": "thumbnail_generation"}]})

    job_type: Literal[JobType.THUMBNAIL_GENERATION] = JobType.THUMBNAIL_GENERATION


class JobsRetry(RequestBody):
    """The failed jobs that are to be tried again, all of them or none."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"job_ids": ["01981b2e-7c3a-7d41-9a55-0242ac120002"]}]})

    job_ids: Annotated[
        list[UUID],
        Field(min_length=1, max_length=MAX_RETRIED, json_schema_extra={"uniqueItems": True}),
        AfterValidator(_distinct),
    ]


class JobStats(Resource):
    """How the queue stands."""

    by_status: dict[JobStatus, int]
    by_type: dict[JobType, dict[JobStatus, int]]
    depth: int = Field(description="How many jobs wait or run.")
    depth_limit: int = Field(description="With so many, new ones are refused with 429 until there are fewer.")
    oldest_pending_seconds: int | None = Field(
        description="How long ago the oldest job that waits was made; null when none waits."
    )
