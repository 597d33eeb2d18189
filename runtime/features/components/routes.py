"""Components: create, list, get, update, delete, restore."""

from typing import Annotated
from uuid import UUID

from fastapi import Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope, PageEnvelope
from runtime.features.components.schemas import Component, ComponentCreate, ComponentUpdate
from runtime.features.components.service import COMPONENTS
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

router = feature_router("components")

Sorted = Annotated[PageRequest, sorted_by(COMPONENTS.table.orders)]
IncludeDeleted = Annotated[bool, include_deleted_parameter(Permission.COMPONENTS_READ_DELETED)]


@router.post("/api/v1/components", status_code=201, response_model=DataEnvelope[Component])
def create_component(
    caller: Annotated[Caller, allow(Permission.COMPONENTS_CREATE)],
    body: ComponentCreate,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Component]:
    """Create a component."""
    return envelope_with_etag(response, COMPONENTS.create(transaction, caller, body.model_dump()))


@router.get(
    "/api/v1/components", response_model=PageEnvelope[Component], dependencies=[allow(Permission.COMPONENTS_READ)]
)
def list_components(
    *,
    page: Sorted,
    database: DatabaseDep,
    include_deleted: IncludeDeleted,
    tag: LabelParameter | None = None,
    component_type: LabelParameter | None = None,
) -> Response:
    """List components, newest first unless `sort` is given."""
    with database.autocommit() as connection:
        found = COMPONENTS.table.list_page(
            connection, page, include_deleted=include_deleted, tag=tag, component_type=component_type
        )
    return list_response(found)


@router.get(
    "/api/v1/components/{component_id}",
    response_model=DataEnvelope[Component],
    dependencies=[allow(Permission.COMPONENTS_READ)],
)
def get_component(component_id: UUID, database: DatabaseDep, include_deleted: IncludeDeleted) -> Response:
    """Get a component."""
    with database.autocommit() as connection:
        return record_response(COMPONENTS.get(connection, component_id, include_deleted=include_deleted))


@router.put("/api/v1/components/{component_id}", response_model=DataEnvelope[Component])
@router.patch("/api/v1/components/{component_id}", response_model=DataEnvelope[Component])
def update_component(
    *,
    caller: Annotated[Caller, allow(Permission.COMPONENTS_UPDATE)],
    component_id: UUID,
    body: ComponentUpdate,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Component]:
    """Update a component.

    PUT and PATCH both merge: a field that is left out keeps its value, null clears it. 412 if `If-Match` does not name the
    current version.
    """
    return envelope_with_etag(response, COMPONENTS.update(transaction, caller, component_id, body.columns(), if_match))


@router.delete("/api/v1/components/{component_id}", response_model=DataEnvelope[Component])
def delete_component(
    *,
    caller: Annotated[Caller, allow(Permission.COMPONENTS_DELETE)],
    component_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
    reason: DeletionReason = None,
) -> DataEnvelope[Component]:
    """Delete a component; an administrator can restore it."""
    return envelope_with_etag(response, COMPONENTS.delete(transaction, caller, component_id, reason, if_match))


@router.post("/api/v1/components/{component_id}/restore", response_model=DataEnvelope[Component])
def restore_component(
    caller: Annotated[Caller, allow(Permission.COMPONENTS_RESTORE)],
    component_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[Component]:
    """Restore a deleted component. 409 if it is not deleted."""
    return envelope_with_etag(response, COMPONENTS.restore(transaction, caller, component_id, if_match))
