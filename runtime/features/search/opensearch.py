"""Full text over episodes by OpenSearch: the request that is sent, and what is read off its answer.

What a caller wrote is only ever the text of a `match`: no query language, no wildcards, no expressions, no scripts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from runtime.adapters.search_index import SearchIndex
from runtime.errors import UnavailableError
from runtime.features.search.repository import MOST_FACET_VALUES
from runtime.features.search.schemas import SearchRequest
from runtime.features.search.words import Alternative
from runtime.mechanisms.search_index.mapping import ALIAS

Query = dict[str, Any]
Counts = Mapping[Any, int]

# Half an answer would pass for a whole one.
PATH = f"/{ALIAS}/_search?allow_partial_search_results=false"
# What says most about an episode counts most.
RANKED_FIELDS = ("title^3", "show_name^2")


@dataclass(frozen=True, kw_only=True)
class Hits:
    """Episodes, best first, with their ranks; and how many of all matches have each value, by column, where it was asked for."""

    ids: tuple[UUID, ...]
    ranks: tuple[float, ...]
    counts: Mapping[str, Counts] | None


def search(index: SearchIndex, request: SearchRequest) -> Hits:
    """The best matches of a search that looks for at least one word. UnavailableError, or NotFoundError before the first index
    is complete."""
    answer = index.send("POST", PATH, body(request))
    try:
        found = answer["hits"]["hits"]
        facets = answer["aggregations"] if request.with_facets else None
        return Hits(
            ids=tuple(UUID(hit["_id"]) for hit in found),
            ranks=tuple(float(hit["sort"][0]) for hit in found),
            counts=facets
            and {
                column: {bucket["key"]: int(bucket["doc_count"]) for bucket in facets[column]["buckets"]}
                for column in facets
            },
        )
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UnavailableError("the search engine answered something else") from error


def body(request: SearchRequest) -> Query:
    """The request, in the engine's query language."""
    words = [word for alternative in request.text.alternatives for word in alternative.wanted]
    filters = {"is_live": True} | request.filters
    asked: Query = {
        "size": request.limit,
        "_source": False,
        "track_total_hits": False,
        "query": {
            "bool": {
                "filter": [{"term": {name: value}} for name, value in filters.items()],
                "must": [{"bool": {"should": [_fits(each) for each in request.text.alternatives]}}],
                "should": [{"multi_match": {"query": " ".join(words), "fields": list(RANKED_FIELDS)}}],
            }
        },
        "sort": [{"_score": "desc"}, {"episode_id": "desc"}],
    }
    if request.with_facets:
        asked["aggs"] = {name: _counted(name) for name in ("status", "season_number", "show_id")}
    return asked


def _fits(alternative: Alternative) -> Query:
    return {
        "bool": {
            "must": [_has(word) for word in alternative.wanted],
            "must_not": [_has(word) for word in alternative.unwanted],
        }
    }


def _has(word: str) -> Query:
    return {"multi_match": {"query": word, "type": "phrase", "fields": ["text"]}}


def _counted(name: str) -> Query:
    return {"terms": {"field": name, "size": MOST_FACET_VALUES, "order": [{"_count": "desc"}, {"_key": "asc"}]}}
