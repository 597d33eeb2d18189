"""Shows: create, list, get, update, delete, restore."""

from typing import Annotated
from uuid import UUID

from fastapi import Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope, PageEnvelope
from runtime.features.shows.schemas import Show, ShowCreate, ShowUpdate
from runtime.features.shows.service import SHOWS
from runtime.persistence.pages import PageRequest
from runtime.web.dependencies import (
    DatabaseDep,
    DeletionReason,
    IfMatchDep,
    TransactionDep,
    envelope_with_etag,
    include_deleted_parameter,
    list_response,
    record_response,
    sorted_by,
)
from runtime.web.routing import feature_router

router = feature_router("shows")

Sorted = Annotated[PageRequest, sorted_by(SHOWS.table.orders)]
IncludeDeleted = Annotated[bool, include_deleted_parameter(Permission.SHOWS_READ_DELETED)]


@router.post("/api/v1/shows", status_code=201, response_model=DataEnvelope[Show])
def create_show(
    caller: Annotated[Caller, allow(Permission.SHOWS_CREATE)],
    body: ShowCreate,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Show]:
    """Create a show. 409 if the name is taken, even by a deleted show."""
    return envelope_with_etag(response, SHOWS.create(transaction, caller, body.model_dump()))


@router.get("/api/v1/shows", response_model=PageEnvelope[Show], dependencies=[allow(Permission.SHOWS_READ)])
def list_shows(page: Sorted, database: DatabaseDep, include_deleted: IncludeDeleted) -> Response:
    """List shows, newest first unless `sort` is given."""
    with database.autocommit() as connection:
        return list_response(SHOWS.table.list_page(connection, page, include_deleted=include_deleted))


@router.get("/api/v1/shows/{show_id}", response_model=DataEnvelope[Show], dependencies=[allow(Permission.SHOWS_READ)])
def get_show(show_id: UUID, database: DatabaseDep, include_deleted: IncludeDeleted) -> Response:
    """Get a show."""
    with database.autocommit() as connection:
        return record_response(SHOWS.get(connection, show_id, include_deleted=include_deleted))


@router.put("/api/v1/shows/{show_id}", response_model=DataEnvelope[Show])
@router.patch("/api/v1/shows/{show_id}", response_model=DataEnvelope[Show])
def update_show(
    *,
    caller: Annotated[Caller, allow(Permission.SHOWS_UPDATE)],
    show_id: UUID,
    body: ShowUpdate,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Show]:
    """Update a show.

    PUT and PATCH both merge: a field that is left out keeps its value, null clears it. 412 if `If-Match` does not name the
    current version.
    """
    return envelope_with_etag(response, SHOWS.update(transaction, caller, show_id, body.columns(), if_match))


@router.delete("/api/v1/shows/{show_id}", response_model=DataEnvelope[Show])
def delete_show(
    *,
    caller: Annotated[Caller, allow(Permission.SHOWS_DELETE)],
    show_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
    reason: DeletionReason = None,
) -> DataEnvelope[Show]:
    """Delete a show; an administrator can restore it. 409 while it has episodes."""
    return envelope_with_etag(response, SHOWS.delete(transaction, caller, show_id, reason, if_match))


@router.post("/api/v1/shows/{show_id}/restore", response_model=DataEnvelope[Show])
def restore_show(
    caller: Annotated[Caller, allow(Permission.SHOWS_RESTORE)],
    show_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Show]:
    """Restore a deleted show. 409 if it is not deleted."""
    return envelope_with_etag(response, SHOWS.restore(transaction, caller, show_id, if_match))
