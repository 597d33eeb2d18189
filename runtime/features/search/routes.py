"""Search: episodes with facets, title suggestions, shows and assets; reindexing."""

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
from runtime.features.search import assets_repository, reindexing, repository, service
from runtime.features.search.query_parser import SearchText
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
from runtime.persistence.pages import DEFAULT_LIMIT, MAX_LIMIT, JsonPage
from runtime.web.dependencies import DatabaseDep, ResourcesDep, TransactionDep, list_response
from runtime.web.routing import feature_router

router = feature_router("search")

Text = Annotated[
    str,
    stripped(200),
    AfterValidator(reject_nul),
    Query(
        description='Words that must all occur; `"quoted words"` are a phrase, `or` separates alternatives, `-word` excludes.'
        " Without a required word nothing matches."
    ),
]
TitlePrefix = Annotated[
    str,
    stripped(200),
    AfterValidator(reject_nul),
    Query(description="Prefix of the titles, case-insensitive; no character is a wildcard."),
]
MAX_SUGGESTIONS = 10


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
    facets: Annotated[bool, Query(description="Also count all matches by status, season and show.")] = False,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> Response:
    """Search episodes by title, description, script, tags, category, genre and show name, best matches first.

    Returns one page of at most `limit` hits; refine the query to see others.
    """
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
    """Count all matching episodes by status, season and show: the `facets` of a search without its hits."""
    request = SearchRequest(
        text=SearchText(q), limit=1, show_id=show_id, status=status, season_number=season_number, with_facets=True
    )
    result = service.search(database, index, request)
    assert result.facets is not None, "the request has with_facets"  # noqa: S101
    return Response(f'{{"data":{result.facets.model_dump_json()}}}', media_type="application/json")


@router.get(
    "/api/v1/search/suggest", response_model=PageEnvelope[Suggestion], dependencies=[allow(Permission.EPISODES_SEARCH)]
)
def suggest_titles(database: DatabaseDep, q: TitlePrefix) -> PageEnvelope[Suggestion]:
    """List up to ten distinct episode titles that start with `q`, ignoring case, in alphabetical order."""
    with database.autocommit() as connection:
        titles = repository.suggest(connection, q, limit=MAX_SUGGESTIONS)
    return PageEnvelope(data=[Suggestion(title=title) for title in titles], page=PageInfo(next=None))


@router.post("/api/v1/search/index", status_code=202, response_model=DataEnvelope[ReindexAccepted])
@router.post("/search/index", status_code=202, response_model=DataEnvelope[ReindexAccepted], include_in_schema=False)
def index_episodes(
    _: Annotated[Caller, allow(Permission.SEARCH_INDEX)], body: ReindexRequest, transaction: TransactionDep
) -> DataEnvelope[ReindexAccepted]:
    """Index these episodes again, or all episodes with `{}`. The index is updated within about a minute.

    404 if one of the episodes does not exist; deleted episodes do exist.
    """
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
    type: Annotated[str, Path(json_schema_extra={"enum": sorted(assets_repository.TABLES)})],  # noqa: A002  (parameter name)
    database: DatabaseDep,
    q: Text,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> Response:
    """Search shows, outfits, UI elements, backgrounds or clips by name, description and tags, best matches first.

    Returns one page of at most `limit` hits; refine the query to see others. 404 for any other type.
    """
    if type not in assets_repository.TABLES:
        expected = ", ".join(sorted(assets_repository.TABLES))
        raise NotFoundError(f"Unknown type; must be one of {expected}", field="path.type")
    with database.autocommit() as connection:
        items = assets_repository.search(connection, type, SearchText(q), limit=limit)
    return list_response(JsonPage(items=items, last=None))


def _response(result: service.SearchResult) -> Response:
    """Build the response around the hits, which are JSON already."""
    page = SearchPage(next=None, engine=result.engine, degraded=result.degraded).model_dump_json()
    facets = "" if result.facets is None else f',"facets":{result.facets.model_dump_json()}'
    return Response(f'{{"data":{result.items},"page":{page}{facets}}}', media_type="application/json")
