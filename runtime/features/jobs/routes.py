"""Jobs, under the names of both source documents: /jobs and /processing-queue are one thing."""

from uuid import UUID

from fastapi import Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.errors import NotFoundError
from runtime.features.jobs import listing, repository
from runtime.features.jobs.schemas import JobStatus, JobView
from runtime.web.dependencies import Paging, WithDatabase, list_response
from runtime.web.schemas import Answer, ListAnswer
from runtime.web.strict_json import feature_router

router = feature_router("jobs")


@router.get("/api/v1/jobs", response_model=ListAnswer[JobView], dependencies=[allow(Permission.JOBS_READ)])
@router.get("/api/v1/processing-queue", response_model=ListAnswer[JobView], dependencies=[allow(Permission.JOBS_READ)])
def list_jobs(
    page: Paging, database: WithDatabase, status: JobStatus | None = None, entity_id: UUID | None = None
) -> Response:
    """Jobs, newest first."""
    with database.reading() as connection:
        return list_response(listing.list_page(connection, page, status=status, entity_id=entity_id))


@router.get("/api/v1/jobs/{job_id}", response_model=Answer[JobView], dependencies=[allow(Permission.JOBS_READ)])
@router.get(
    "/api/v1/processing-queue/{job_id}", response_model=Answer[JobView], dependencies=[allow(Permission.JOBS_READ)]
)
def get_job(job_id: UUID, database: WithDatabase) -> Answer[JobView]:
    """One job."""
    with database.reading() as connection:
        job = repository.find(connection, job_id)
    if job is None:
        raise NotFoundError("There is no such job", field="path.job_id")
    return Answer(data=JobView.model_validate(job))
