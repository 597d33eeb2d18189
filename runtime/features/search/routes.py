"""Search."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import AfterValidator, StringConstraints

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.adapters.search_index import SearchIndex, search_index
from runtime.features.episodes.statuses import EpisodeStatus
from runtime.features.search import service
from runtime.features.search.schemas import SearchAnswer, SearchPage, SearchRequest
from runtime.features.search.words import SearchText
from runtime.web.dependencies import WithDatabase, WithResources
from runtime.web.pagination import DEFAULT_LIMIT, MAX_LIMIT
from runtime.web.schemas import MAX_INTEGER, storable
from runtime.web.strict_json import feature_router

router = feature_router("search")

Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(storable),
    Query(
        description='Words; "quoted words" stand together, `or` and `-word` as in a web search. At least one has to be wanted.'
    ),
]


async def _index(resources: WithResources) -> SearchIndex:
    return search_index(resources.settings)


@router.get(
    "/api/v1/search",
    response_model=SearchAnswer,
    dependencies=[allow(Permission.EPISODES_SEARCH)],
)
def search_episodes(
    *,
    database: WithDatabase,
    index: Annotated[SearchIndex, Depends(_index)],
    q: Text,
    show_id: UUID | None = None,
    status: EpisodeStatus | None = None,
    season_number: Annotated[int | None, Query(ge=1, le=MAX_INTEGER)] = None,
    facets: Annotated[bool, Query(description="Count what all matches have in common.")] = False,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> Response:
    """The episodes whose title, description, script, tags, category, genre or show's name matches best. One page: narrow the
    words to see others."""
    request = SearchRequest(
        text=SearchText(q),
        limit=limit,
        show_id=show_id,
        status=status,
        season_number=season_number,
        with_facets=facets,
    )
    return _response(service.search(database, index, request))


def _response(found: service.Found) -> Response:
    """The hits are JSON already, and stay untouched."""
    page = SearchPage(next=None, engine=found.engine, degraded=found.degraded).model_dump_json()
    facets = "" if found.facets is None else f',"facets":{found.facets.model_dump_json()}'
    return Response(f'{{"data":{found.items},"page":{page}{facets}}}', media_type="application/json")
