"""What routes ask for. Each is one annotation: `transaction: TransactionDep`."""

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
from runtime.web.idempotency import attempt_of

V = TypeVar("V", bound=Versioned)


@dataclass(frozen=True, kw_only=True)
class Resources:
    """The application's doors to the outside. The application keeps them as `state.resources`."""

    settings: ApiSettings
    database: Database
    objects: ObjectStore
    outbox: Outbox


# What waits for nothing is `async`: the framework sends every plain function to a thread and back, which takes longer than
# most of these do. What asks the database stays on threads.


async def _resources(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


def _transaction(request: Request, resources: Annotated[Resources, Depends(_resources)]) -> Iterator[Transaction]:
    # The peer's address is the one that API Gateway or the server saw; X-Forwarded-For says what anyone writes into it.
    address = request.client.host if request.client else None
    origin = Origin(ip_address=address, user_agent=request.headers.get("user-agent"))
    with Transaction.begin(resources.database.transaction(), origin=origin) as transaction:
        if attempt := attempt_of(request):
            # The route's guard comes first and has left the caller here: an answer is repeated only to whom it was given.
            attempt.begin(transaction, request.state.caller.user_id)
        yield transaction


async def _database(resources: Annotated[Resources, Depends(_resources)]) -> Database:
    return resources.database


Cursor = Annotated[str | None, Query(max_length=4_000, description="`page.next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]


async def _page_request(cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> PageRequest:
    return PageRequest(limit=limit, after=decode_cursor(cursor) if cursor is not None else None)


def sorted_by(orders: Iterable[str], *, newest_first: str | None = None) -> Any:
    """The parameters of a list that can be had in these orders: `cursor`, `limit`, `sort`. `newest_first` is the order to use
    without `sort`, for rows whose ids do not tell their time."""
    names = [name for order in orders for name in (order, DESCENDING + order)]
    described = Query(
        pattern=f"^({'|'.join(names)})$",
        description="What the list is sorted by, with a minus for the other way round; the newest first without it.",
        json_schema_extra={"enum": names},
    )

    async def page_request(
        cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT, sort: Annotated[str | None, described] = None
    ) -> PageRequest:
        order = sort or newest_first
        after = decode_cursor(cursor, order) if cursor is not None else None
        return PageRequest(limit=limit, order=order, after=after)

    return Depends(page_request)


def paged_by(order: str) -> Any:
    """The parameters of a list that has this order and no other: `cursor`, `limit`."""

    async def page_request(cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> PageRequest:
        after = decode_cursor(cursor, order) if cursor is not None else None
        return PageRequest(limit=limit, order=order, after=after)

    return Depends(page_request)


async def _preconditions(
    if_match: Annotated[
        list[str] | None,
        Header(description="The ETag of the version that is to be changed. Without it, whatever version there is."),
        WithJsonSchema(IF_MATCH_SCHEMA),
    ] = None,
) -> IfMatch:
    return IfMatch.parse(if_match or [])


def owner_filter(permission: Permission) -> Any:
    """The id of the caller, who sees only what is his or her own; None for callers who have this permission besides the
    route's own, and see everybody's."""

    async def user_id(request: Request) -> UUID | None:
        caller: Caller = request.state.caller
        return None if _holds(request, permission) else caller.user_id

    return Depends(user_id)


def _holds(request: Request, permission: Permission) -> bool:
    """Whether the caller has it. The route's guard comes first and has left the caller in the request."""
    access: AccessControl = request.app.state.access
    return is_permitted(access.permissions, request.state.caller.roles, permission)


def include_deleted_parameter(permission: Permission) -> Any:
    """The parameter `include_deleted`, for callers who have this permission besides the route's own."""

    async def include_deleted(
        request: Request, include_deleted: Annotated[bool, Query(description="For administrators.")] = False
    ) -> bool:
        if include_deleted and not _holds(request, permission):
            raise ForbiddenError("You may not see what is deleted", field="query.include_deleted")
        return include_deleted

    return Depends(include_deleted)


ResourcesDep = Annotated[Resources, Depends(_resources)]
# For routes that only read: they take a connection themselves, on the thread that they run on anyway.
DatabaseDep = Annotated[Database, Depends(_database)]
# The scope "function" ends the dependency, and so commits, when the route has returned and before anything is sent.
# The default would commit after the answer: a client could be told of a row that is never stored.
TransactionDep = Annotated[Transaction, Depends(_transaction, scope="function")]
Paging = Annotated[PageRequest, Depends(_page_request)]
IfMatchDep = Annotated[IfMatch, Depends(_preconditions)]
# A parameter and not a body: what a DELETE's body means is nowhere defined, and proxies drop it.
DeletionReason = Annotated[
    Annotated[str, stripped(500), AfterValidator(reject_nul)] | None,
    Query(description="Why it is deleted; kept with it."),
]


def envelope_with_etag(response: Response, thing: V) -> DataEnvelope[V]:
    """The thing in its envelope, and its version in the header."""
    response.headers["ETag"] = thing.etag
    return DataEnvelope(data=thing)


def record_response(thing: Versioned) -> Response:
    """What a route that reads one thing answers: the thing in its envelope and its version in the header, as it was checked
    when it was read. The framework would check it again, on another thread."""
    content = f'{{"data":{thing.model_dump_json(by_alias=True)}}}'
    return Response(content, media_type="application/json", headers={"ETag": thing.etag})


def list_response(page: JsonPage) -> Response:
    """A page that Postgres already wrote as JSON, in the envelope and untouched."""
    cursor = f'"{encode_cursor(page.last, page.order)}"' if page.last else "null"
    return Response(f'{{"data":{page.items},"page":{{"next":{cursor}}}}}', media_type="application/json")
