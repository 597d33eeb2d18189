"""One search contract, two engines: the same text finds the same episodes in both."""

import itertools
import json
import string
from typing import Any
from uuid import UUID

import pytest

from runtime.adapters.database import Database
from runtime.adapters.search_index import SearchIndex
from runtime.features.episodes.statuses import EpisodeStatus
from runtime.features.search import service
from runtime.features.search.query_parser import SearchText
from runtime.features.search.schemas import Engine, SearchRequest
from runtime.mechanisms.search_index.stop_words import STOP_WORDS
from runtime.settings import SearchSettings, load_settings
from tests.runtime.features.api_platform import Api
from tests.runtime.features.search.domain import Domain
from tests.runtime.features.search.index_tasks import RunIndexTask

MEADOW, HARBOUR = "Meadow Diaries", "Harbour Lights"
# By the names that the table below uses.
EPISODES: dict[str, dict[str, Any]] = {
    "dandelions": {
        "show": MEADOW,
        "title": "Dandelions",
        "description": "How a meadow turns yellow, and then white.",
        "tags": ["spring", "slow motion"],
        "status": "published",
    },
    "ants": {
        "show": MEADOW,
        "title": "The Ants",
        "script_text": "FADE IN: ants carry a dandelion.",
        "season_number": 2,
    },
    "boats": {
        "show": HARBOUR,
        "title": "Boats",
        "category": "Documentary",
        "genre": "Maritime",
        "description": "It's raining.",
    },
    "well": {
        "show": HARBOUR,
        "title": "A well-known well",
        "description": "snake_case_name and mother's day, 2026-03-01, S01E02",
    },
    "names": {
        "show": HARBOUR,
        "title": "Überraschung für José",
        "tags": ["日本", "naïve"],
        "description": "write to me@example.com or see www.example.com/path",
    },
    "deleted": {"show": MEADOW, "title": "Dandelions again", "deleted": True},
}
QUERIES: dict[str, set[str]] = {
    # stems, case, stop words
    "dandelion": {"dandelions", "ants"},
    "DANDELIONS": {"dandelions", "ants"},
    "turned": {"dandelions"},
    "the ant": {"ants"},
    "the": set(),
    "raining": {"boats"},
    "rains": {"boats"},
    # every field, and words across fields
    "spring": {"dandelions"},
    "documentaries": {"boats"},
    "maritime": {"boats"},
    "diary": {"dandelions", "ants"},
    "harbours": {"boats", "well", "names"},
    "meadow spring": {"dandelions"},
    "diaries ants carry": {"ants"},
    "lights documentary rain": {"boats"},
    "harbour dandelion": set(),
    # phrases, alternatives, exclusions
    '"slow motion"': {"dandelions"},
    '"motion slow"': set(),
    '"turns yellow"': {"dandelions"},
    '"yellow turns"': set(),
    '"yellow and then white"': {"dandelions"},
    '"yellow white"': set(),
    # Any stop word leaves a gap in a phrase.
    '"yellow but while white"': {"dandelions"},
    '"yellow but white"': set(),
    "boats or ants": {"boats", "ants"},
    "boats OR ants or nothing": {"boats", "ants"},
    "meadow -ants": {"dandelions"},
    'meadow -"fade in"': {"dandelions"},
    'meadow -"carry meadow"': {"dandelions", "ants"},
    'harbour -documentary -"well known"': {"names"},
    "dandelion -white or boats": {"ants", "boats"},
    "-ants": set(),
    "or": set(),
    "boats or": {"boats"},
    # what the engines would tokenize differently
    "well-known": {"well"},
    '"well known"': {"well"},
    "known-well": {"well"},
    "known-boats": set(),
    "me@example.com": {"names"},
    "www.example.com": {"names"},
    "snake": {"well"},
    "case_name": {"well"},
    "mother's": {"well"},
    "mothers": {"well"},
    "mother’s day": {"well"},
    "s01e02": {"well"},
    "2026-03-01": {"well"},
    "überraschung": {"names"},
    "ÜBERRASCHUNG": {"names"},
    "josé": {"names"},
    "jose": set(),
    "naïve": {"names"},
    "naive": set(),
    # no text is a query expression
    "title:dandelions": set(),
    "dandel*": set(),
    "*": set(),
    "/.*/": set(),
    "_exists_:title": set(),
    "dandelion~2": set(),
    "dandelion^9": set(),
    "dandelio?": set(),
    "(dandelion)": {"dandelions", "ants"},
    "dandelion AND": {"dandelions", "ants"},
    '"dandelion': {"dandelions", "ants"},
    '""': set(),
    '{"match_all": {}}': set(),
    "<script>": set(),
    "😀": set(),
    "dandelion 😀": {"dandelions", "ants"},
}


@pytest.fixture
def names(real_domain: Domain, api: Api, run_index_task: RunIndexTask) -> dict[str, str]:
    """Create and index all episodes; return their names by id."""
    shows = {name: api.create_show(name=name) for name in (MEADOW, HARBOUR)}
    ids = {}
    for name, fields in EPISODES.items():
        values = {key: value for key, value in fields.items() if key not in ("show", "deleted")}
        episode = api.create_episode(shows[fields["show"]], **values)
        ids[episode["episode_id"]] = name
        if fields.get("deleted"):
            api.delete(f"/api/v1/episodes/{episode['episode_id']}")
    assert run_index_task()["indexed"] == len(EPISODES)
    real_domain.refresh()
    return ids


def ask(api: Api, text: str, **query: Any) -> dict[str, Any]:
    """Search through the API, with a real OpenSearch."""
    response = api.client.get("/api/v1/search", api.viewer, params={"q": text, **query})
    assert response.status_code == 200, (text, response.text)
    body: dict[str, Any] = response.json()
    found_by = "opensearch" if SearchText(text).alternatives else "postgres"
    assert body["page"] == {"next": None, "engine": found_by, "degraded": False}, text
    return body


def by_postgres(api: Api, text: str, *, limit: int = 100, **values: Any) -> dict[str, Any]:
    """Search without a domain, in Postgres."""
    no_domain = SearchIndex(load_settings(SearchSettings).model_copy(update={"search_endpoint_parameter": ""}))
    request = SearchRequest(text=SearchText(text), limit=limit, with_facets=True, **values)
    found = service.search(api.client.app.state.resources.database, no_domain, request)
    assert (found.engine, found.degraded) == (Engine.POSTGRES, False)
    assert found.facets
    return {"data": json.loads(found.items), "facets": found.facets.model_dump(mode="json")}


class TestBothEngines:
    @pytest.mark.requirement("P2-20", "P2-30")
    def test_same_text_finds_the_same_episodes(self, real_domain: Domain, api: Api, names: dict[str, str]) -> None:
        wrong = {}
        for text, expected in QUERIES.items():
            theirs = {names[hit["episode_id"]] for hit in ask(api, text)["data"]}
            ours = {names[hit["episode_id"]] for hit in by_postgres(api, text)["data"]}
            if not theirs == ours == expected:
                wrong[text] = {"opensearch": theirs, "postgres": ours, "expected": expected}
        assert wrong == {}

    def test_hits_differ_only_in_rank(self, real_domain: Domain, api: Api, names: dict[str, str]) -> None:
        theirs, ours = ask(api, "dandelion")["data"], by_postgres(api, "dandelion")["data"]
        for hits in (theirs, ours):
            assert hits == sorted(hits, key=lambda hit: (hit["rank"], hit["episode_id"]), reverse=True)
            assert all(hit.pop("rank") > 0 for hit in hits)
        assert sorted(theirs, key=lambda hit: hit["title"]) == sorted(ours, key=lambda hit: hit["title"])

    @pytest.mark.requirement("P2-21")
    def test_filters_and_facets_are_the_same(self, real_domain: Domain, api: Api, names: dict[str, str]) -> None:
        everything = "meadow or harbour"
        shows = {hit["show_name"]: hit["show_id"] for hit in ask(api, everything)["data"]}
        expected = {
            "statuses": [{"status": "draft", "count": 4}, {"status": "published", "count": 1}],
            "seasons": [{"season_number": 1, "count": 4}, {"season_number": 2, "count": 1}],
            "shows": [
                {"show_id": shows[HARBOUR], "show_name": HARBOUR, "count": 3},
                {"show_id": shows[MEADOW], "show_name": MEADOW, "count": 2},
            ],
        }
        # Facets count all matches, not only the page.
        assert ask(api, everything, facets=True, limit=1)["facets"] == expected
        assert by_postgres(api, everything, limit=1)["facets"] == expected
        assert "facets" not in ask(api, everything)
        cases: list[tuple[dict[str, Any], set[str]]] = [
            ({"status": EpisodeStatus.PUBLISHED}, {"dandelions"}),
            ({"season_number": 2}, {"ants"}),
            ({"show_id": UUID(shows[MEADOW])}, {"dandelions", "ants"}),
            ({"show_id": UUID(shows[MEADOW]), "season_number": 1}, {"dandelions"}),
            ({"status": EpisodeStatus.ARCHIVED}, set()),
        ]
        for filters, found in cases:
            theirs = ask(api, everything, facets=True, **filters)
            ours = by_postgres(api, everything, **filters)
            assert {names[hit["episode_id"]] for hit in theirs["data"]} == found, filters
            assert {names[hit["episode_id"]] for hit in ours["data"]} == found, filters
            assert theirs["facets"] == ours["facets"], filters
            assert sum(each["count"] for each in ours["facets"]["statuses"]) == len(found), filters

    def test_limit_returns_the_best_matches(self, real_domain: Domain, api: Api, run_index_task: RunIndexTask) -> None:
        show = api.create_show()
        for number in range(1, 5):
            api.create_episode(show, title=f"E{number}", description="meadow " * number)
        run_index_task()
        real_domain.refresh()
        assert [hit["title"] for hit in ask(api, "meadow", limit=2)["data"]] == ["E4", "E3"]
        assert [hit["title"] for hit in by_postgres(api, "meadow", limit=2)["data"]] == ["E4", "E3"]

    def test_title_and_show_name_rank_above_scripts(
        self, real_domain: Domain, api: Api, run_index_task: RunIndexTask
    ) -> None:
        show = api.create_show()
        api.create_episode(show, title="Script", script_text="meadow meadow")
        api.create_episode(show, title="Meadow", script_text="nothing else")
        run_index_task()
        real_domain.refresh()
        assert [hit["title"] for hit in ask(api, "meadow")["data"]] == ["Meadow", "Script"]


class TestStopWords:
    def test_stop_words_equal_those_of_postgres(self, application_database: Database) -> None:
        """Among the stop words and all words of up to three letters, Postgres drops exactly the stop words."""
        short = ("".join(letters) for n in (1, 2, 3) for letters in itertools.product(string.ascii_lowercase, repeat=n))
        words = {*STOP_WORDS, *short}
        with application_database.autocommit() as connection:
            rows = connection.execute(
                "SELECT word FROM unnest(%s::text[]) word WHERE to_tsvector('english', word) = ''", [sorted(words)]
            ).fetchall()
        assert {row["word"] for row in rows} == STOP_WORDS
