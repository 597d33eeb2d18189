"""The log of what users did: list, get. It is written by what they do, and by nothing else."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import AfterValidator

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.contract.envelopes import DataEnvelope, PageEnvelope
from runtime.contract.values import reject_nul
from runtime.errors import NotFoundError
from runtime.mechanisms.audit import repository
from runtime.mechanisms.audit.schemas import ActionType, ActivityLog, ResourceType
from runtime.web.dependencies import DatabaseDep, Paging, list_response
from runtime.web.routing import feature_router

router = feature_router("activity logs")

Identifier = Annotated[str, Query(min_length=1, max_length=255), AfterValidator(reject_nul)]


@router.get(
    "/api/v1/activity-logs",
    response_model=PageEnvelope[ActivityLog],
    dependencies=[allow(Permission.ACTIVITY_LOGS_READ)],
)
def list_activity_logs(
    *,
    page: Paging,
    database: DatabaseDep,
    user_id: Identifier | None = None,
    resource_type: ResourceType | None = None,
    resource_id: Identifier | None = None,
    action_type: ActionType | None = None,
) -> Response:
    """What users did, newest first."""
    with database.autocommit() as connection:
        found = repository.list_page(
            connection,
            page,
            user_id=user_id,
            resource_type=resource_type,
            resource_id=resource_id,
            action_type=action_type,
        )
    return list_response(found)


@router.get(
    "/api/v1/activity-logs/{activity_log_id}",
    response_model=DataEnvelope[ActivityLog],
    dependencies=[allow(Permission.ACTIVITY_LOGS_READ)],
)
def get_activity_log(activity_log_id: UUID, database: DatabaseDep) -> DataEnvelope[ActivityLog]:
    """One thing that a user did, with its values whole."""
    with database.autocommit() as connection:
        entry = repository.find(connection, activity_log_id)
    if entry is None:
        raise NotFoundError("There is no such entry", field="path.activity_log_id")
    return DataEnvelope(data=entry)
