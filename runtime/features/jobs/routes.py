"""Jobs: list, get, count, retry; process an episode again. Both source documents' paths: /jobs and /processing-queue."""

from typing import Annotated
from uuid import UUID

from fastapi import Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope, PageEnvelope
from runtime.errors import NotFoundError
from runtime.features.jobs import queue_repository, repository, service
from runtime.features.jobs.job_types import JobStatus, JobType
from runtime.features.jobs.schemas import JobsRetry, JobStats, JobView, ProcessRequest
from runtime.web.dependencies import DatabaseDep, Paging, ResourcesDep, TransactionDep, list_response
from runtime.web.routing import feature_router

router = feature_router("jobs")

READ = [allow(Permission.JOBS_READ)]

# One source document names the paths without the prefix /api/v1.


@router.get("/api/v1/jobs", response_model=PageEnvelope[JobView], dependencies=READ)
@router.get("/api/v1/processing-queue", response_model=PageEnvelope[JobView], dependencies=READ)
@router.get("/jobs", response_model=PageEnvelope[JobView], dependencies=READ, include_in_schema=False)
def list_jobs(
    page: Paging,
    database: DatabaseDep,
    status: JobStatus | None = None,
    job_type: JobType | None = None,
    entity_id: UUID | None = None,
) -> Response:
    """List jobs, newest first."""
    with database.autocommit() as connection:
        found = queue_repository.list_page(connection, page, status=status, job_type=job_type, entity_id=entity_id)
    return list_response(found)


@router.get("/api/v1/jobs/stats", response_model=DataEnvelope[JobStats], dependencies=READ)
@router.get("/api/v1/processing-queue/stats", response_model=DataEnvelope[JobStats], dependencies=READ)
def get_job_stats(resources: ResourcesDep) -> DataEnvelope[JobStats]:
    """Get the number of jobs by type and status, the depth of the queue, and the age of the oldest pending job."""
    with resources.database.autocommit() as connection:
        return DataEnvelope(data=service.stats(connection, resources.settings))


@router.post("/api/v1/jobs/retry", status_code=202, response_model=DataEnvelope[list[JobView]])
@router.post("/api/v1/processing-queue/retry", status_code=202, response_model=DataEnvelope[list[JobView]])
@router.post("/jobs/retry", status_code=202, response_model=DataEnvelope[list[JobView]], include_in_schema=False)
def retry_jobs(
    caller: Annotated[Caller, allow(Permission.JOBS_RETRY)],
    body: JobsRetry,
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[list[JobView]]:
    """Retry up to 100 failed jobs, all of them or none.

    404 if one does not exist, 409 if one has not failed, 429 while the queue is full.
    """
    fields = {job_id: f"body.job_ids.{index}" for index, job_id in enumerate(body.job_ids)}
    retried = service.retry(
        transaction, outbox=resources.outbox, settings=resources.settings, caller=caller, fields=fields
    )
    return DataEnvelope(data=[JobView.model_validate(job) for job in retried])


@router.get("/api/v1/jobs/{job_id}", response_model=DataEnvelope[JobView], dependencies=READ)
@router.get("/api/v1/processing-queue/{job_id}", response_model=DataEnvelope[JobView], dependencies=READ)
@router.get("/jobs/{job_id}", response_model=DataEnvelope[JobView], dependencies=READ, include_in_schema=False)
def get_job(job_id: UUID, database: DatabaseDep) -> DataEnvelope[JobView]:
    """Get a job."""
    with database.autocommit() as connection:
        job = repository.find(connection, job_id)
    if job is None:
        raise NotFoundError("Job not found", field="path.job_id")
    return DataEnvelope(data=JobView.model_validate(job))


@router.post("/api/v1/jobs/{job_id}/retry", status_code=202, response_model=DataEnvelope[JobView])
@router.post("/api/v1/processing-queue/{job_id}/retry", status_code=202, response_model=DataEnvelope[JobView])
def retry_job(
    caller: Annotated[Caller, allow(Permission.JOBS_RETRY)],
    job_id: UUID,
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[JobView]:
    """Retry a failed job. 409 if it has not failed, 429 while the queue is full."""
    (job,) = service.retry(
        transaction,
        outbox=resources.outbox,
        settings=resources.settings,
        caller=caller,
        fields={job_id: "path.job_id"},
    )
    return DataEnvelope(data=JobView.model_validate(job))


@router.post("/api/v1/episodes/{episode_id}/process", status_code=202, response_model=DataEnvelope[JobView])
def process_episode(
    *,
    caller: Annotated[Caller, allow(Permission.JOBS_CREATE)],
    episode_id: UUID,
    body: ProcessRequest | None = None,  # noqa: ARG001  (validated only: one job type can be requested)
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[JobView]:
    """Generate the episode's thumbnails again from its current original.

    409 if it has no original, if the newest one is not stored yet or if it is archived; 429 while the queue is full.
    """
    job = service.process(
        transaction,
        objects=resources.objects,
        outbox=resources.outbox,
        settings=resources.settings,
        caller=caller,
        episode_id=episode_id,
    )
    return DataEnvelope(data=JobView.model_validate(job))
