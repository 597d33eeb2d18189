"""Guests: create, list, get, update, delete, restore."""

from typing import Annotated
from uuid import UUID

from fastapi import Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope, PageEnvelope
from runtime.features.guests.schemas import Guest, GuestCreate, GuestUpdate
from runtime.features.guests.service import GUESTS
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
from runtime.web.parameters import LabelParameter
from runtime.web.routing import feature_router

router = feature_router("guests")

Sorted = Annotated[PageRequest, sorted_by(GUESTS.table.orders)]
IncludeDeleted = Annotated[bool, include_deleted_parameter(Permission.GUESTS_READ_DELETED)]


@router.post("/api/v1/guests", status_code=201, response_model=DataEnvelope[Guest])
def create_guest(
    caller: Annotated[Caller, allow(Permission.GUESTS_CREATE)],
    body: GuestCreate,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Guest]:
    """Create a guest."""
    return envelope_with_etag(response, GUESTS.create(transaction, caller, body.model_dump()))


@router.get("/api/v1/guests", response_model=PageEnvelope[Guest], dependencies=[allow(Permission.GUESTS_READ)])
def list_guests(
    *,
    page: Sorted,
    database: DatabaseDep,
    include_deleted: IncludeDeleted,
    tag: LabelParameter | None = None,
    role: LabelParameter | None = None,
) -> Response:
    """List guests, newest first unless `sort` is given."""
    with database.autocommit() as connection:
        found = GUESTS.table.list_page(connection, page, include_deleted=include_deleted, tag=tag, role=role)
    return list_response(found)


@router.get(
    "/api/v1/guests/{guest_id}", response_model=DataEnvelope[Guest], dependencies=[allow(Permission.GUESTS_READ)]
)
def get_guest(guest_id: UUID, database: DatabaseDep, include_deleted: IncludeDeleted) -> Response:
    """Get a guest."""
    with database.autocommit() as connection:
        return record_response(GUESTS.get(connection, guest_id, include_deleted=include_deleted))


@router.put("/api/v1/guests/{guest_id}", response_model=DataEnvelope[Guest])
@router.patch("/api/v1/guests/{guest_id}", response_model=DataEnvelope[Guest])
def update_guest(
    *,
    caller: Annotated[Caller, allow(Permission.GUESTS_UPDATE)],
    guest_id: UUID,
    body: GuestUpdate,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Guest]:
    """Update a guest.

    PUT and PATCH both merge: a field that is left out keeps its value, null clears it. 412 if `If-Match` does not name the
    current version.
    """
    return envelope_with_etag(response, GUESTS.update(transaction, caller, guest_id, body.columns(), if_match))


@router.delete("/api/v1/guests/{guest_id}", response_model=DataEnvelope[Guest])
def delete_guest(
    *,
    caller: Annotated[Caller, allow(Permission.GUESTS_DELETE)],
    guest_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
    reason: DeletionReason = None,
) -> DataEnvelope[Guest]:
    """Delete a guest; an administrator can restore it."""
    return envelope_with_etag(response, GUESTS.delete(transaction, caller, guest_id, reason, if_match))


@router.post("/api/v1/guests/{guest_id}/restore", response_model=DataEnvelope[Guest])
def restore_guest(
    caller: Annotated[Caller, allow(Permission.GUESTS_RESTORE)],
    guest_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Guest]:
    """Restore a deleted guest. 409 if it is not deleted."""
    return envelope_with_etag(response, GUESTS.restore(transaction, caller, guest_id, if_match))
