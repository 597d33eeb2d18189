"""Requests to OpenSearch for any text, and the handling of its responses."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.adapters.search_index import SearchIndex
from runtime.errors import UnavailableError
from runtime.features.episodes.statuses import EpisodeStatus
from runtime.features.search import opensearch
from runtime.features.search.query_parser import SearchText
from runtime.features.search.schemas import SearchRequest
from runtime.settings import SearchSettings, load_settings
from tests.runtime.features.search.domain import Domain, StubEngine

ALLOWED = {"match", "multi_match", "term", "range", "bool"}
HOSTILE = [
    "title:*",
    "_exists_:title",
    "/.*/",
    "*",
    "a AND (b OR c)",
    '{"script": {"source": "1"}}',
    "size=1000000000",
    "~" * 200,
]


def kinds(query: Any) -> Iterator[str]:
    """Yield the query types within a query, recursively."""
    for kind, body in query.items():
        yield kind
        if kind == "bool":
            for clause in ("must", "must_not", "should", "filter"):
                for each in body.get(clause, []):
                    yield from kinds(each)
            assert body.keys() <= {"must", "must_not", "should", "filter"}


def check(request: SearchRequest) -> None:
    body = opensearch.request_body(request)
    assert set(kinds(body["query"])) <= ALLOWED
    assert {"term": {"is_live": True}} in body["query"]["bool"]["filter"]
    assert 1 <= body["size"] <= 100
    assert body.keys() <= {"size", "_source", "track_total_hits", "query", "sort", "aggs"}
    assert len(json.dumps(body)) < 30_000


class TestRequestBody:
    @given(
        text=st.one_of(
            st.text(max_size=200), st.sampled_from(HOSTILE), st.from_regex(r"(-?\w{1,3} )*", fullmatch=True)
        ),
        limit=st.integers(1, 100),
        status=st.none() | st.sampled_from(EpisodeStatus),
        show_id=st.none() | st.uuids(),
        season_number=st.none() | st.integers(1, 100),
        with_facets=st.booleans(),
    )
    def test_request_contains_only_match_and_term_queries(self, text: str, **values: Any) -> None:
        check(SearchRequest(text=SearchText(text[:200]), **values))

    def test_longest_text_stays_below_the_clause_limit(self) -> None:
        words = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(300)]
        text = SearchText(" or ".join(word for word in words if SearchText(word).alternatives)[:200])
        assert len(text.alternatives) < 100
        check(SearchRequest(text=text, limit=100))
        check(SearchRequest(text=SearchText(" ".join(chr(0x4E00 + n) for n in range(100))), limit=100))


class TestSearch:
    def test_request_body_is_sent(self, stub: StubEngine) -> None:
        episode_id = uuid4()
        stub.response = {"hits": {"hits": [{"_id": str(episode_id), "sort": [1.5, str(episode_id)]}]}}
        request = SearchRequest(text=SearchText('meadow "turns white" -ants'), limit=7)
        hits = opensearch.search(SearchIndex(load_settings(SearchSettings)), request)
        assert (hits.ids, hits.ranks, hits.counts) == ((episode_id,), (1.5,), None)
        ((method, path, _, sent),) = stub.requests
        assert (method, path) == ("POST", "/episodes/_search?allow_partial_search_results=false")
        assert json.loads(sent) == opensearch.request_body(request)

    @pytest.mark.parametrize(
        "response",
        [
            {},
            {"hits": {"hits": [{"_id": "x", "sort": [1.0]}]}},
            {"hits": {"hits": [{"_id": str(uuid4()), "sort": []}]}},
            {"hits": {"hits": [{"_id": str(uuid4()), "sort": [None]}]}},
            {"hits": {"hits": []}},
            {"hits": {"hits": []}, "aggregations": {"status": {}}},
            {"hits": []},
        ],
    )
    def test_unexpected_response_raises_unavailable(self, stub: StubEngine, domain: Domain, response: Any) -> None:
        stub.response = response
        request = SearchRequest(text=SearchText("meadow"), limit=7, with_facets=True)
        with pytest.raises(UnavailableError, match="unexpected response"):
            opensearch.search(SearchIndex(load_settings(SearchSettings)), request)
