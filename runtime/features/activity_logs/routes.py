"""The activity log of users' writes: list, get. Entries are only written by the changes themselves."""

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
    """List activity log entries, newest first.

    Values of more than 500 bytes are replaced by their size; get the entry for the full values.
    """
    with database.autocommit() as connection:
        entries = repository.list_page(
            connection,
            page,
            user_id=user_id,
            resource_type=resource_type,
            resource_id=resource_id,
            action_type=action_type,
        )
    return list_response(entries)


@router.get(
    "/api/v1/activity-logs/{activity_log_id}",
    response_model=DataEnvelope[ActivityLog],
    dependencies=[allow(Permission.ACTIVITY_LOGS_READ)],
)
def get_activity_log(activity_log_id: UUID, database: DatabaseDep) -> DataEnvelope[ActivityLog]:
    """Get an activity log entry with its full values."""
    with database.autocommit() as connection:
        entry = repository.find(connection, activity_log_id)
    if entry is None:
        raise NotFoundError("Activity log entry not found", field="path.activity_log_id")
    return DataEnvelope(data=entry)
