"""UI elements: create, list, get, update, delete, restore; links to episodes."""

from typing import Annotated
from uuid import UUID

from fastapi import Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope, PageEnvelope
from runtime.features.ui_elements.schemas import (
    UiElement,
    UiElementCreate,
    UiElementEpisode,
    UiElementLink,
    UiElementLinksCreate,
    UiElementUpdate,
    UsedUiElement,
)
from runtime.features.ui_elements.service import EPISODE_UI_ELEMENTS, UI_ELEMENTS
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
from runtime.web.link_routes import LinkSchemas, add_link_routes
from runtime.web.parameters import LabelParameter
from runtime.web.routing import feature_router

router = feature_router("ui elements")

Sorted = Annotated[PageRequest, sorted_by(UI_ELEMENTS.table.orders)]
IncludeDeleted = Annotated[bool, include_deleted_parameter(Permission.UI_ELEMENTS_READ_DELETED)]


@router.post("/api/v1/ui-elements", status_code=201, response_model=DataEnvelope[UiElement])
def create_ui_element(
    caller: Annotated[Caller, allow(Permission.UI_ELEMENTS_CREATE)],
    body: UiElementCreate,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[UiElement]:
    """Create a UI element."""
    return envelope_with_etag(response, UI_ELEMENTS.create(transaction, caller, body.model_dump()))


@router.get(
    "/api/v1/ui-elements", response_model=PageEnvelope[UiElement], dependencies=[allow(Permission.UI_ELEMENTS_READ)]
)
def list_ui_elements(
    *,
    page: Sorted,
    database: DatabaseDep,
    include_deleted: IncludeDeleted,
    tag: LabelParameter | None = None,
    element_type: LabelParameter | None = None,
) -> Response:
    """List UI elements, newest first unless `sort` is given."""
    with database.autocommit() as connection:
        found = UI_ELEMENTS.table.list_page(
            connection, page, include_deleted=include_deleted, tag=tag, element_type=element_type
        )
    return list_response(found)


@router.get(
    "/api/v1/ui-elements/{ui_element_id}",
    response_model=DataEnvelope[UiElement],
    dependencies=[allow(Permission.UI_ELEMENTS_READ)],
)
def get_ui_element(ui_element_id: UUID, database: DatabaseDep, include_deleted: IncludeDeleted) -> Response:
    """Get a UI element."""
    with database.autocommit() as connection:
        return record_response(UI_ELEMENTS.get(connection, ui_element_id, include_deleted=include_deleted))


@router.put("/api/v1/ui-elements/{ui_element_id}", response_model=DataEnvelope[UiElement])
@router.patch("/api/v1/ui-elements/{ui_element_id}", response_model=DataEnvelope[UiElement])
def update_ui_element(
    *,
    caller: Annotated[Caller, allow(Permission.UI_ELEMENTS_UPDATE)],
    ui_element_id: UUID,
    body: UiElementUpdate,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[UiElement]:
    """Update a UI element.

    PUT and PATCH both merge: a field that is left out keeps its value, null clears it. 412 if `If-Match` does not name the
    current version.
    """
    return envelope_with_etag(
        response, UI_ELEMENTS.update(transaction, caller, ui_element_id, body.columns(), if_match)
    )


@router.delete("/api/v1/ui-elements/{ui_element_id}", response_model=DataEnvelope[UiElement])
def delete_ui_element(
    *,
    caller: Annotated[Caller, allow(Permission.UI_ELEMENTS_DELETE)],
    ui_element_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
    reason: DeletionReason = None,
) -> DataEnvelope[UiElement]:
    """Delete a UI element; an administrator can restore it. Episodes no longer list it."""
    return envelope_with_etag(response, UI_ELEMENTS.delete(transaction, caller, ui_element_id, reason, if_match))


@router.post("/api/v1/ui-elements/{ui_element_id}/restore", response_model=DataEnvelope[UiElement])
def restore_ui_element(
    caller: Annotated[Caller, allow(Permission.UI_ELEMENTS_RESTORE)],
    ui_element_id: UUID,
    if_match: IfMatchDep,
    transaction: TransactionDep,
    response: Response,
) -> DataEnvelope[UiElement]:
    """Restore a deleted UI element with its links to episodes. 409 if it is not deleted."""
    return envelope_with_etag(response, UI_ELEMENTS.restore(transaction, caller, ui_element_id, if_match))


add_link_routes(
    router,
    EPISODE_UI_ELEMENTS,
    LinkSchemas(record=UsedUiElement, episode=UiElementEpisode, link=UiElementLink, body=UiElementLinksCreate),
    record_path="/api/v1/ui-elements/{ui_element_id}/episodes",
    episode_path="/api/v1/episodes/{episode_id}/ui-elements",
    read=Permission.UI_ELEMENTS_READ,
    write=Permission.EPISODES_UPDATE,
)
