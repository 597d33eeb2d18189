"""Users: the caller, and for administrators all users that have called the API."""

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

# The user pool generates the ids, so they do not sort by time.
Sorted = Annotated[PageRequest, sorted_by(repository.ORDERS, newest_first=repository.NEWEST_FIRST)]


@router.get("/api/v1/users/me", response_model=DataEnvelope[CurrentUser])
def get_current_user(
    caller: Annotated[Caller, allow(Permission.USERS_READ_SELF)], transaction: TransactionDep
) -> DataEnvelope[CurrentUser]:
    """Get the calling user with their roles. The first call creates the user's record."""
    repository.upsert(transaction.connection, caller.user_id, caller.email)
    row = repository.find(transaction.connection, caller.user_id)
    assert row is not None, "the row was just upserted"  # noqa: S101
    return DataEnvelope(data=CurrentUser(**row.model_dump(), roles=sorted(caller.roles)))


@router.get("/api/v1/users", response_model=PageEnvelope[User], dependencies=[allow(Permission.USERS_READ)])
def list_users(page: Sorted, database: DatabaseDep) -> Response:
    """List users that have called the API, latest first call first unless `sort` is given."""
    with database.autocommit() as connection:
        return list_response(repository.list_page(connection, page))


@router.get("/api/v1/users/{user_id}", response_model=DataEnvelope[User], dependencies=[allow(Permission.USERS_READ)])
def get_user(user_id: UUID, database: DatabaseDep) -> DataEnvelope[User]:
    """Get a user. 404 if the user has never called the API."""
    with database.autocommit() as connection:
        user = repository.find(connection, user_id)
    if user is None:
        raise NotFoundError("User not found", field="path.user_id")
    return DataEnvelope(data=user)
