"""Shows: create, list, get."""

from typing import Annotated
from uuid import UUID

from fastapi import Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.errors import NotFoundError
from runtime.features.shows import repository
from runtime.features.shows.schemas import Show, ShowCreate
from runtime.features.users import repository as users
from runtime.web.dependencies import InTransaction, Paging, list_response
from runtime.web.schemas import Answer, ListAnswer
from runtime.web.strict_json import feature_router

router = feature_router("shows")


@router.post("/api/v1/shows", status_code=201, response_model=Answer[Show])
def create_show(
    caller: Annotated[Caller, allow(Permission.SHOWS_CREATE)], body: ShowCreate, transaction: InTransaction
) -> Answer[Show]:
    """Makes a show. 409 when the name is taken."""
    users.upsert(transaction.connection, caller.user_id, caller.email)
    return Answer(data=repository.insert(transaction.connection, **body.model_dump(), user_id=caller.user_id))


@router.get("/api/v1/shows", response_model=ListAnswer[Show], dependencies=[allow(Permission.SHOWS_READ)])
def list_shows(page: Paging, transaction: InTransaction) -> Response:
    """Shows, newest first."""
    return list_response(repository.list_page(transaction.connection, page))


@router.get("/api/v1/shows/{show_id}", response_model=Answer[Show], dependencies=[allow(Permission.SHOWS_READ)])
def get_show(show_id: UUID, transaction: InTransaction) -> Answer[Show]:
    """One show."""
    show = repository.find(transaction.connection, show_id)
    if show is None:
        raise NotFoundError("There is no such show", field="path.show_id")
    return Answer(data=show)
