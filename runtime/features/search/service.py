"""Which engine searches: the one that the environment has, and Postgres wherever that one cannot answer."""

from dataclasses import dataclass

from runtime.adapters.database import Database
from runtime.adapters.search_index import SearchIndex
from runtime.errors import NotFoundError, UnavailableError
from runtime.features.search import opensearch, repository
from runtime.features.search.opensearch import Hits
from runtime.features.search.schemas import Engine, Facets, SearchRequest, SeasonCount, ShowCount, StatusCount
from runtime.persistence.transactions import Connection


@dataclass(frozen=True, kw_only=True)
class Found:
    """A JSON array of hits, and who found them. `degraded` when the engine that should have answered could not."""

    items: str
    engine: Engine
    degraded: bool = False
    facets: Facets | None = None


def search(database: Database, index: SearchIndex, request: SearchRequest) -> Found:
    """The best matches. UnavailableError when the database does not answer either."""
    if not request.text.alternatives:
        facets = Facets(statuses=[], seasons=[], shows=[]) if request.with_facets else None
        return Found(items="[]", engine=Engine.POSTGRES, facets=facets)
    # Before a connection is taken: nobody has to wait for one that waits for the engine.
    hits = _hits(index, request) if index.is_configured else None
    with database.autocommit() as connection:
        if hits is not None:
            return _shown(connection, hits)
        return Found(
            items=repository.search(connection, request),
            engine=Engine.POSTGRES,
            degraded=index.is_configured,
            facets=repository.facets(connection, request) if request.with_facets else None,
        )


def _hits(index: SearchIndex, request: SearchRequest) -> Hits | None:
    try:
        return opensearch.search(index, request)
    except (UnavailableError, NotFoundError):
        return None


def _shown(connection: Connection, hits: Hits) -> Found:
    """The hits as the database has them now, so that nothing is shown that is deleted or was changed."""
    return Found(
        items=repository.find_hits(connection, hits.ids, hits.ranks),
        engine=Engine.OPENSEARCH,
        facets=None if hits.counts is None else _facets(connection, hits),
    )


def _facets(connection: Connection, hits: Hits) -> Facets:
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
