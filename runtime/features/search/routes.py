"""Search."""

from typing import Annotated

from fastapi import Query, Response
from pydantic import AfterValidator, StringConstraints

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.features.search import repository
from runtime.features.search.schemas import SearchHit
from runtime.web.dependencies import WithDatabase, list_response
from runtime.web.pagination import DEFAULT_LIMIT, MAX_LIMIT, JsonPage
from runtime.web.schemas import ListAnswer, storable
from runtime.web.strict_json import feature_router

router = feature_router("search")

SearchText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(storable),
    Query(description='Words; "quoted words" stand together, `or` and `-word` as in a web search.'),
]


@router.get("/api/v1/search", response_model=ListAnswer[SearchHit], dependencies=[allow(Permission.EPISODES_SEARCH)])
def search_episodes(
    database: WithDatabase, q: SearchText, limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
) -> Response:
    """The episodes whose title, description or script matches best. One page: narrow the words to see others."""
    with database.reading() as connection:
        return list_response(JsonPage(items=repository.search(connection, q, limit=limit), last_id=None))
