"""Search: over episodes, by whichever engine there is, and over shows and what episodes are made of. What the index is told."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query, Response
from pydantic import AfterValidator

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.adapters.search_index import SearchIndex, get_search_index
from runtime.contract.envelopes import DataEnvelope, PageEnvelope, PageInfo
from runtime.contract.values import MAX_INTEGER, reject_nul, stripped
from runtime.errors import NotFoundError
from runtime.features.episodes.statuses import EpisodeStatus
from runtime.features.search import assets, reindexing, repository, service
from runtime.features.search.schemas import (
    AssetHit,
    Facets,
    ReindexAccepted,
    ReindexRequest,
    SearchPage,
    SearchPageEnvelope,
    SearchRequest,
    Suggestion,
)
from runtime.features.search.words import SearchText
from runtime.persistence.pages import DEFAULT_LIMIT, MAX_LIMIT, JsonPage
from runtime.web.dependencies import DatabaseDep, ResourcesDep, TransactionDep, list_response
from runtime.web.routing import feature_router

router = feature_router("search")

Text = Annotated[
    str,
    stripped(200),
    AfterValidator(reject_nul),
    Query(
        description='Words; "quoted words" stand together, `or` and `-word` as in a web search. At least one has to be wanted.'
    ),
]
Beginning = Annotated[
    str,
    stripped(200),
    AfterValidator(reject_nul),
    Query(description="How the titles begin. No character of it is a wildcard."),
]
MOST_SUGGESTIONS = 10


async def _index(resources: ResourcesDep) -> SearchIndex:
    return get_search_index(resources.settings)


@router.get("/api/v1/search", response_model=SearchPageEnvelope, dependencies=[allow(Permission.EPISODES_SEARCH)])
@router.get(
    "/api/v1/search/episodes", response_model=SearchPageEnvelope, dependencies=[allow(Permission.EPISODES_SEARCH)]
)
@router.get(
    "/search",
    response_model=SearchPageEnvelope,
    dependencies=[allow(Permission.EPISODES_SEARCH)],
    include_in_schema=False,
)
@router.get(
    "/search/episodes",
    response_model=SearchPageEnvelope,
    dependencies=[allow(Permission.EPISODES_SEARCH)],
    include_in_schema=False,
)
def search_episodes(
    *,
    database: DatabaseDep,
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


@router.get(
    "/api/v1/search/facets", response_model=DataEnvelope[Facets], dependencies=[allow(Permission.EPISODES_SEARCH)]
)
def count_episodes(
    *,
    database: DatabaseDep,
    index: Annotated[SearchIndex, Depends(_index)],
    q: Text,
    show_id: UUID | None = None,
    status: EpisodeStatus | None = None,
    season_number: Annotated[int | None, Query(ge=1, le=MAX_INTEGER)] = None,
) -> Response:
    """What all episodes that match have in common, and how many of them: what `facets` of the search answers, without the
    hits."""
    request = SearchRequest(
        text=SearchText(q), limit=1, show_id=show_id, status=status, season_number=season_number, with_facets=True
    )
    found = service.search(database, index, request)
    assert found.facets is not None, "they were asked for"  # noqa: S101
    return Response(f'{{"data":{found.facets.model_dump_json()}}}', media_type="application/json")


@router.get(
    "/api/v1/search/suggest", response_model=PageEnvelope[Suggestion], dependencies=[allow(Permission.EPISODES_SEARCH)]
)
def suggest_titles(database: DatabaseDep, q: Beginning) -> PageEnvelope[Suggestion]:
    """Up to ten titles of episodes that begin with this, in any case of letters; each once."""
    with database.autocommit() as connection:
        titles = repository.suggest(connection, q, limit=MOST_SUGGESTIONS)
    return PageEnvelope(data=[Suggestion(title=title) for title in titles], page=PageInfo(next=None))


@router.post("/api/v1/search/index", status_code=202, response_model=DataEnvelope[ReindexAccepted])
@router.post("/search/index", status_code=202, response_model=DataEnvelope[ReindexAccepted], include_in_schema=False)
def index_episodes(
    _: Annotated[Caller, allow(Permission.SEARCH_INDEX)], body: ReindexRequest, transaction: TransactionDep
) -> DataEnvelope[ReindexAccepted]:
    """Has the search index brought up to date, for these episodes or, with `{}`, for all. It hears of them within a minute or
    so."""
    return DataEnvelope(data=reindexing.request_reindex(transaction, body.episode_ids))


@router.get(
    "/api/v1/search/{type}", response_model=PageEnvelope[AssetHit], dependencies=[allow(Permission.ASSETS_SEARCH)]
)
@router.get(
    "/search/{type}",
    response_model=PageEnvelope[AssetHit],
    dependencies=[allow(Permission.ASSETS_SEARCH)],
    include_in_schema=False,
)
def search_assets(
    type: Annotated[str, Path(json_schema_extra={"enum": sorted(assets.TABLES)})],  # noqa: A002  (the parameter's name)
    database: DatabaseDep,
    q: Text,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> Response:
    """The shows, outfits, UI elements, backgrounds or clips whose name, description or tags match best. 404 for any other
    type. One page: narrow the words to see others."""
    if type not in assets.TABLES:
        raise NotFoundError("Nothing of this type is searched", field="path.type")
    with database.autocommit() as connection:
        return list_response(JsonPage(items=assets.search(connection, type, SearchText(q), limit=limit), last=None))


def _response(found: service.Found) -> Response:
    """The hits are JSON already, and stay untouched."""
    page = SearchPage(next=None, engine=found.engine, degraded=found.degraded).model_dump_json()
    facets = "" if found.facets is None else f',"facets":{found.facets.model_dump_json()}'
    return Response(f'{{"data":{found.items},"page":{page}{facets}}}', media_type="application/json")
