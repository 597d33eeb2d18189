"""Dependencies and response helpers of routes. A dependency is one annotation: `transaction: TransactionDep`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Header, Query, Request
from fastapi.responses import Response
from pydantic import AfterValidator, WithJsonSchema

from runtime.access.guards import AccessControl
from runtime.access.roles import Permission, is_permitted
from runtime.access.tokens import Caller
from runtime.adapters.database import Database
from runtime.adapters.objects import ObjectStore
from runtime.contract.envelopes import DataEnvelope
from runtime.contract.preconditions import SCHEMA as IF_MATCH_SCHEMA
from runtime.contract.preconditions import IfMatch
from runtime.contract.schemas import Versioned
from runtime.contract.values import reject_nul, stripped
from runtime.errors import ForbiddenError
from runtime.mechanisms.outbox.service import Outbox
from runtime.persistence.pages import (
    DEFAULT_LIMIT,
    DESCENDING,
    MAX_LIMIT,
    JsonPage,
    PageRequest,
    decode_cursor,
    encode_cursor,
)
from runtime.persistence.transactions import Origin, Transaction
from runtime.settings import ApiSettings
from runtime.web.idempotency import find_idempotent_request

V = TypeVar("V", bound=Versioned)


@dataclass(frozen=True, kw_only=True)
class Resources:
    """The settings and clients that all requests share, in `app.state.resources`."""

    settings: ApiSettings
    database: Database
    objects: ObjectStore
    outbox: Outbox


# Dependencies without blocking calls are `async`: FastAPI runs plain functions on a thread, and the switch takes longer than most
# of them. Those that use the database are plain functions.


async def _resources(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


def _transaction(request: Request, resources: Annotated[Resources, Depends(_resources)]) -> Iterator[Transaction]:
    # The peer's address as API Gateway or the server reports it; clients can put anything into X-Forwarded-For.
    address = request.client.host if request.client else None
    origin = Origin(ip_address=address, user_agent=request.headers.get("user-agent"))
    with Transaction.begin(resources.database.transaction(), origin=origin) as transaction:
        if idempotent := find_idempotent_request(request):
            # The route's guard runs first and sets the caller: a response is replayed only to the user who got it first.
            idempotent.claim_key(transaction, request.state.caller.user_id)
        yield transaction


async def _database(resources: Annotated[Resources, Depends(_resources)]) -> Database:
    return resources.database


Cursor = Annotated[str | None, Query(max_length=4_000, description="`page.next` of the previous page.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]


async def _page_request(cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> PageRequest:
    return PageRequest(limit=limit, after=decode_cursor(cursor) if cursor is not None else None)


def sorted_by(orders: Iterable[str], *, newest_first: str | None = None) -> Any:
    """Return a dependency with the parameters `cursor`, `limit` and `sort`.

    Args:
        orders: The sort orders of the list.
        newest_first: The order to use without `sort`, for rows whose ids are not sorted by time.
    """
    names = [name for order in orders for name in (order, DESCENDING + order)]
    sort_parameter = Query(
        pattern=f"^({'|'.join(names)})$",
        description="Field to sort by; a leading minus sorts in descending order. Newest first by default.",
        json_schema_extra={"enum": names},
    )

    async def page_request(
        cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT, sort: Annotated[str | None, sort_parameter] = None
    ) -> PageRequest:
        order = sort or newest_first
        after = decode_cursor(cursor, order) if cursor is not None else None
        return PageRequest(limit=limit, order=order, after=after)

    return Depends(page_request)


def paged_by(order: str) -> Any:
    """Return a dependency with the parameters `cursor` and `limit`, for a list with a fixed order."""

    async def page_request(cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> PageRequest:
        after = decode_cursor(cursor, order) if cursor is not None else None
        return PageRequest(limit=limit, order=order, after=after)

    return Depends(page_request)


async def _preconditions(
    if_match: Annotated[
        list[str] | None,
        Header(description="ETag of the version to update. Without it, the current version is updated."),
        WithJsonSchema(IF_MATCH_SCHEMA),
    ] = None,
) -> IfMatch:
    return IfMatch.parse(if_match or [])


def owner_filter(permission: Permission) -> Any:
    """Return a dependency that is the caller's user id, or None for callers who also have this permission.

    A list filtered by it shows callers their own rows, and all rows to those with the permission.
    """

    async def user_id(request: Request) -> UUID | None:
        caller: Caller = request.state.caller
        return None if _has_permission(request, permission) else caller.user_id

    return Depends(user_id)


def _has_permission(request: Request, permission: Permission) -> bool:
    # The route's guard runs first and sets the caller.
    access: AccessControl = request.app.state.access
    return is_permitted(access.permissions, request.state.caller.roles, permission)


def include_deleted_parameter(permission: Permission) -> Any:
    """Return a dependency with the parameter `include_deleted`, for callers who also have this permission."""

    async def include_deleted(
        request: Request,
        include_deleted: Annotated[bool, Query(description="Include deleted records; for administrators.")] = False,
    ) -> bool:
        if include_deleted and not _has_permission(request, permission):
            raise ForbiddenError(
                "Permission denied: deleted records are visible to administrators only", field="query.include_deleted"
            )
        return include_deleted

    return Depends(include_deleted)


ResourcesDep = Annotated[Resources, Depends(_resources)]
# For routes that only read: they open a connection themselves, on the thread on which they already run.
DatabaseDep = Annotated[Database, Depends(_database)]
# The scope "function" ends the dependency, and so commits, after the route has returned and before the response is sent. The
# default scope would commit after the response: a client could get the id of a row that is never stored.
TransactionDep = Annotated[Transaction, Depends(_transaction, scope="function")]
Paging = Annotated[PageRequest, Depends(_page_request)]
IfMatchDep = Annotated[IfMatch, Depends(_preconditions)]
# A parameter and not a body: the body of a DELETE has no defined semantics, and proxies may drop it.
DeletionReason = Annotated[
    Annotated[str, stripped(500), AfterValidator(reject_nul)] | None,
    Query(description="Reason of the deletion, stored with the record."),
]


def envelope_with_etag(response: Response, record: V) -> DataEnvelope[V]:
    """Return the record in its envelope, and set the ETag header."""
    response.headers["ETag"] = record.etag
    return DataEnvelope(data=record)


def record_response(record: Versioned) -> Response:
    """Return a response with the record in its envelope and the ETag header.

    It is serialized here, because FastAPI would validate the record a second time, on another thread.
    """
    content = f'{{"data":{record.model_dump_json(by_alias=True)}}}'
    return Response(content, media_type="application/json", headers={"ETag": record.etag})


def list_response(page: JsonPage) -> Response:
    """Return a response with the page in its envelope, in the JSON that Postgres produced."""
    cursor = f'"{encode_cursor(page.last, page.order)}"' if page.last else "null"
    return Response(f'{{"data":{page.items},"page":{{"next":{cursor}}}}}', media_type="application/json")
