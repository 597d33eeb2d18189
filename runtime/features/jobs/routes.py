"""Jobs, under the names of both source documents: /jobs and /processing-queue are one thing."""

from typing import Annotated
from uuid import UUID

from fastapi import Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope, PageEnvelope
from runtime.errors import NotFoundError
from runtime.features.jobs import listing, repository, service
from runtime.features.jobs.job_types import JobStatus, JobType
from runtime.features.jobs.schemas import JobsRetry, JobStats, JobView, ProcessRequest
from runtime.web.dependencies import DatabaseDep, Paging, ResourcesDep, TransactionDep, list_response
from runtime.web.routing import feature_router

router = feature_router("jobs")

READ = [allow(Permission.JOBS_READ)]

# The paths without the prefix of all others are those of one source document.


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
    """Jobs, newest first."""
    with database.autocommit() as connection:
        found = listing.list_page(connection, page, status=status, job_type=job_type, entity_id=entity_id)
    return list_response(found)


@router.get("/api/v1/jobs/stats", response_model=DataEnvelope[JobStats], dependencies=READ)
@router.get("/api/v1/processing-queue/stats", response_model=DataEnvelope[JobStats], dependencies=READ)
def get_job_stats(resources: ResourcesDep) -> DataEnvelope[JobStats]:
    """How many jobs stand where, and how long the oldest one waits."""
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
    """Tries failed jobs again, all of them or none. 409 for one that has not failed, 429 while the queue is full."""
    wanted = [(job_id, f"body.job_ids.{place}") for place, job_id in enumerate(body.job_ids)]
    retried = service.retry(
        transaction, outbox=resources.outbox, settings=resources.settings, caller=caller, wanted=wanted
    )
    return DataEnvelope(data=[JobView.model_validate(job) for job in retried])


@router.get("/api/v1/jobs/{job_id}", response_model=DataEnvelope[JobView], dependencies=READ)
@router.get("/api/v1/processing-queue/{job_id}", response_model=DataEnvelope[JobView], dependencies=READ)
@router.get("/jobs/{job_id}", response_model=DataEnvelope[JobView], dependencies=READ, include_in_schema=False)
def get_job(job_id: UUID, database: DatabaseDep) -> DataEnvelope[JobView]:
    """One job."""
    with database.autocommit() as connection:
        job = repository.find(connection, job_id)
    if job is None:
        raise NotFoundError("There is no such job", field="path.job_id")
    return DataEnvelope(data=JobView.model_validate(job))


@router.post("/api/v1/jobs/{job_id}/retry", status_code=202, response_model=DataEnvelope[JobView])
@router.post("/api/v1/processing-queue/{job_id}/retry", status_code=202, response_model=DataEnvelope[JobView])
def retry_job(
    caller: Annotated[Caller, allow(Permission.JOBS_RETRY)],
    job_id: UUID,
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[JobView]:
    """Tries a failed job again. 409 when it has not failed, 429 while the queue is full."""
    wanted = [(job_id, "path.job_id")]
    (job,) = service.retry(
        transaction, outbox=resources.outbox, settings=resources.settings, caller=caller, wanted=wanted
    )
    return DataEnvelope(data=JobView.model_validate(job))


@router.post("/api/v1/episodes/{episode_id}/process", status_code=202, response_model=DataEnvelope[JobView])
def process_episode(
    *,
    caller: Annotated[Caller, allow(Permission.JOBS_CREATE)],
    episode_id: UUID,
    body: ProcessRequest | None = None,  # noqa: ARG001  (there is one thing to ask for; anything else is refused)
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[JobView]:
    """Makes the episode's thumbnails again from its current original. 409 when it has none, 429 while the queue is full."""
    job = service.process(
        transaction,
        objects=resources.objects,
        outbox=resources.outbox,
        settings=resources.settings,
        caller=caller,
        episode_id=episode_id,
    )
    return DataEnvelope(data=JobView.model_validate(job))
