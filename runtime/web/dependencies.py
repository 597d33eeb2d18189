"""What routes ask for. Each is one annotation: `transaction: InTransaction`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import Response

from runtime.adapters.database import Database
from runtime.adapters.objects import ObjectStore
from runtime.settings import ApiSettings
from runtime.web.pagination import DEFAULT_LIMIT, MAX_LIMIT, JsonPage, PageRequest, cursor_of, row_id_of
from runtime.web.transaction import Transaction


@dataclass(frozen=True, kw_only=True)
class Resources:
    """The application's doors to the outside. The application keeps them as `state.resources`."""

    settings: ApiSettings
    database: Database
    objects: ObjectStore


def _resources(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


def _transaction(resources: Annotated[Resources, Depends(_resources)]) -> Iterator[Transaction]:
    with Transaction.of(resources.database.transaction()) as transaction:
        yield transaction


def _page_request(
    cursor: Annotated[str | None, Query(max_length=64, description="`page.next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> PageRequest:
    return PageRequest(limit=limit, after=row_id_of(cursor) if cursor is not None else None)


WithResources = Annotated[Resources, Depends(_resources)]
# The scope "function" ends the dependency, and so commits, when the route has returned and before anything is sent.
# The default would commit after the answer: a client could be told of a row that is never stored.
InTransaction = Annotated[Transaction, Depends(_transaction, scope="function")]
Paging = Annotated[PageRequest, Depends(_page_request)]


def list_response(page: JsonPage) -> Response:
    """A page that Postgres already wrote as JSON, in the envelope and untouched."""
    cursor = f'"{cursor_of(page.last_id)}"' if page.last_id else "null"
    return Response(f'{{"data":{page.items},"page":{{"next":{cursor}}}}}', media_type="application/json")
