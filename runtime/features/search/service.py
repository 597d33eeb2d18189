"""Choice of the search engine: OpenSearch where the environment has it, with Postgres as the fallback."""

from dataclasses import dataclass

from runtime.adapters.database import Database
from runtime.adapters.search_index import SearchIndex
from runtime.errors import NotFoundError, UnavailableError
from runtime.features.search import opensearch, repository
from runtime.features.search.opensearch import RankedIds
from runtime.features.search.schemas import Engine, Facets, SearchRequest, SeasonCount, ShowCount, StatusCount
from runtime.persistence.transactions import Connection


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """A JSON array of hits, and the engine that found them. `degraded`: Postgres replaced an unavailable OpenSearch."""

    items: str
    engine: Engine
    degraded: bool = False
    facets: Facets | None = None


def search(database: Database, index: SearchIndex, request: SearchRequest) -> SearchResult:
    """Return the best matches.

    Raises:
        UnavailableError: The database is unavailable.
    """
    if not request.text.alternatives:
        facets = Facets(statuses=[], seasons=[], shows=[]) if request.with_facets else None
        return SearchResult(items="[]", engine=Engine.POSTGRES, facets=facets)
    # No database connection is held while the request waits for OpenSearch.
    hits = _search_opensearch(index, request) if index.is_configured else None
    with database.autocommit() as connection:
        if hits is not None:
            return _load_hits(connection, hits)
        return SearchResult(
            items=repository.search(connection, request),
            engine=Engine.POSTGRES,
            degraded=index.is_configured,
            facets=repository.facets(connection, request) if request.with_facets else None,
        )


def _search_opensearch(index: SearchIndex, request: SearchRequest) -> RankedIds | None:
    try:
        return opensearch.search(index, request)
    except (UnavailableError, NotFoundError):
        return None


def _load_hits(connection: Connection, hits: RankedIds) -> SearchResult:
    """Load the hits from the database, so that deleted episodes and outdated values are not returned."""
    return SearchResult(
        items=repository.find_by_ids(connection, hits.ids, hits.ranks),
        engine=Engine.OPENSEARCH,
        facets=None if hits.counts is None else _facets(connection, hits),
    )


def _facets(connection: Connection, hits: RankedIds) -> Facets:
    counts = hits.counts or {}
    names = repository.show_names(connection, tuple(counts["show_id"]))
    return Facets(
        statuses=[StatusCount(status=status, count=count) for status, count in counts["status"].items()],
        seasons=[SeasonCount(season_number=number, count=count) for number, count in counts["season_number"].items()],
        shows=[
            ShowCount(show_id=show_id, show_name=names[show_id], count=count)
            for show_id, count in counts["show_id"].items()
            if show_id in names
        ],
    )
