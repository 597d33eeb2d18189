"""Users: who one is oneself, and for administrators, who was seen."""

from typing import Annotated
from uuid import UUID

from fastapi import Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope, PageEnvelope
from runtime.errors import NotFoundError
from runtime.mechanisms.users import repository
from runtime.mechanisms.users.schemas import CurrentUser, User
from runtime.persistence.pages import PageRequest
from runtime.web.dependencies import DatabaseDep, TransactionDep, list_response, sorted_by
from runtime.web.routing import feature_router

router = feature_router("users")

# The user pool makes the ids, and nothing in them tells when.
Sorted = Annotated[PageRequest, sorted_by(repository.ORDERS, newest_first=repository.NEWEST_FIRST)]


@router.get("/api/v1/users/me", response_model=DataEnvelope[CurrentUser])
def get_current_user(
    caller: Annotated[Caller, allow(Permission.USERS_READ_SELF)], transaction: TransactionDep
) -> DataEnvelope[CurrentUser]:
    """Who the caller is. At first sight of them this makes their row."""
    repository.upsert(transaction.connection, caller.user_id, caller.email)
    row = repository.find(transaction.connection, caller.user_id)
    assert row is not None, "the row was just made"  # noqa: S101
    return DataEnvelope(data=CurrentUser(**row.model_dump(), roles=sorted(caller.roles)))


@router.get("/api/v1/users", response_model=PageEnvelope[User], dependencies=[allow(Permission.USERS_READ)])
def list_users(page: Sorted, database: DatabaseDep) -> Response:
    """Users that the API has seen, those it saw last for the first time first unless `sort` says otherwise."""
    with database.autocommit() as connection:
        return list_response(repository.list_page(connection, page))


@router.get("/api/v1/users/{user_id}", response_model=DataEnvelope[User], dependencies=[allow(Permission.USERS_READ)])
def get_user(user_id: UUID, database: DatabaseDep) -> DataEnvelope[User]:
    """One user, if the API has seen them."""
    with database.autocommit() as connection:
        user = repository.find(connection, user_id)
    if user is None:
        raise NotFoundError("There is no such user", field="path.user_id")
    return DataEnvelope(data=user)
