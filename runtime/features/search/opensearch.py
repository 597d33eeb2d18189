"""Full-text search over episodes in OpenSearch: building the request and parsing the response.

The caller's text is only ever the text of a `match` query: no query language, no wildcards, no expressions, no scripts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from runtime.adapters.search_index import SearchIndex
from runtime.errors import UnavailableError
from runtime.features.search.query_parser import Alternative
from runtime.features.search.repository import MAX_FACET_VALUES
from runtime.features.search.schemas import SearchRequest
from runtime.mechanisms.search_index.mapping import ALIAS

Query = dict[str, Any]
Counts = Mapping[Any, int]

# Partial results would be indistinguishable from complete ones.
PATH = f"/{ALIAS}/_search?allow_partial_search_results=false"
# A match in these fields ranks higher.
RANKED_FIELDS = ("title^3", "show_name^2")


@dataclass(frozen=True, kw_only=True)
class RankedIds:
    """Episode ids, best first, with their ranks, and with facets the number of all matches by column and value."""

    ids: tuple[UUID, ...]
    ranks: tuple[float, ...]
    counts: Mapping[str, Counts] | None


def search(index: SearchIndex, request: SearchRequest) -> RankedIds:
    """Return the best matches of a request with at least one alternative.

    Raises:
        UnavailableError: OpenSearch is unavailable or returned an unexpected response.
        NotFoundError: The first index is not complete yet.
    """
    response = index.send("POST", PATH, request_body(request))
    try:
        hits = response["hits"]["hits"]
        facets = response["aggregations"] if request.with_facets else None
        return RankedIds(
            ids=tuple(UUID(hit["_id"]) for hit in hits),
            ranks=tuple(float(hit["sort"][0]) for hit in hits),
            counts=facets
            and {
                column: {bucket["key"]: int(bucket["doc_count"]) for bucket in facets[column]["buckets"]}
                for column in facets
            },
        )
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UnavailableError("the search engine returned an unexpected response") from error


def request_body(request: SearchRequest) -> Query:
    """Build the request body in the OpenSearch query DSL."""
    words = [word for alternative in request.text.alternatives for word in alternative.required]
    filters = {"is_live": True} | request.filters
    body: Query = {
        "size": request.limit,
        "_source": False,
        "track_total_hits": False,
        "query": {
            "bool": {
                "filter": [{"term": {name: value}} for name, value in filters.items()],
                "must": [{"bool": {"should": [_alternative_query(each) for each in request.text.alternatives]}}],
                "should": [{"multi_match": {"query": " ".join(words), "fields": list(RANKED_FIELDS)}}],
            }
        },
        "sort": [{"_score": "desc"}, {"episode_id": "desc"}],
    }
    if request.with_facets:
        body["aggs"] = {name: _terms_aggregation(name) for name in ("status", "season_number", "show_id")}
    return body


def _alternative_query(alternative: Alternative) -> Query:
    return {
        "bool": {
            "must": [_phrase_query(word) for word in alternative.required],
            "must_not": [_phrase_query(word) for word in alternative.excluded],
        }
    }


def _phrase_query(word: str) -> Query:
    return {"multi_match": {"query": word, "type": "phrase", "fields": ["text"]}}


def _terms_aggregation(name: str) -> Query:
    return {"terms": {"field": name, "size": MAX_FACET_VALUES, "order": [{"_count": "desc"}, {"_key": "asc"}]}}
