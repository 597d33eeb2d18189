"""Search over episodes."""

import json
from typing import Any

import psycopg
import pytest

from runtime.features.search.query_parser import SearchText
from runtime.features.search.repository import search_statement
from runtime.features.search.schemas import SearchRequest
from tests.conftest import DatabaseAddress
from tests.runtime.features.api_platform import Api, problems


def find(api: Api, text: str, **query: Any) -> list[str]:
    response = api.client.get("/api/v1/search", api.viewer, params={"q": text} | query)
    assert response.status_code == 200, response.text
    assert response.json()["page"] == {"next": None, "engine": "postgres", "degraded": False}
    return [hit["title"] for hit in response.json()["data"]]


class TestSearch:
    @pytest.mark.requirement("ROAD-77", "ROAD-106")
    def test_title_description_and_script_are_searched_with_stemming(self, api: Api) -> None:
        api.create_episode(title="Dandelions")
        api.create_episode(title="Second", description="A dandelion turns white.")
        api.create_episode(title="Third", script_text="FADE IN: dandelions, dandelions, dandelions.")
        api.create_episode(title="Other", description="Ants.")
        assert sorted(find(api, "dandelion")) == ["Dandelions", "Second", "Third"]
        assert find(api, "Dandelions")[0] == "Third"
        assert find(api, "white -ants dandelion") == ["Second"]
        assert find(api, '"turns white"') == ["Second"]
        assert find(api, '"white turns"') == []
        assert sorted(find(api, "white or ants")) == ["Other", "Second"]

    def test_labels_and_show_name_are_searched(self, api: Api) -> None:
        show = api.create_show(name="Meadow Diaries")
        api.create_episode(
            show, title="Labelled", tags=["spring", "slow motion"], category="Nature", genre="Documentary"
        )
        api.create_episode(title="Elsewhere", description="A meadow in spring.")
        for text in ("slow", '"slow motion"', "natural", "documentaries", "diary", "diaries documentary spring"):
            assert find(api, text) == ["Labelled"], text
        assert find(api, "spring -diaries") == ["Elsewhere"]

    def test_episode_matching_in_several_fields_is_one_hit(self, api: Api) -> None:
        show = api.create_show(name="Meadow")
        api.create_episode(show, title="Meadow", description="Meadow", tags=["meadow"], genre="Meadow")
        for text in ("meadow", "meadow or meadows", "meadow -ants", '"meadow"'):
            assert find(api, text) == ["Meadow"], text
            facets = api.client.get("/api/v1/search", api.viewer, params={"q": text, "facets": True}).json()["facets"]
            assert facets["seasons"] == [{"season_number": 1, "count": 1}], text

    def test_longest_text_is_accepted(self, api: Api) -> None:
        api.create_episode(title="Meadow")
        words = [chr(0x4E00 + number) for number in range(98)]
        assert find(api, " ".join(words)) == []
        assert find(api, "meadow -" + " -".join(words[:60])) == ["Meadow"]

    @pytest.mark.requirement("P2-21")
    def test_filters_select_and_facets_count(self, api: Api) -> None:
        show = api.create_show(name="Meadow Diaries")
        api.create_episode(show, title="Meadow one", status="published")
        api.create_episode(show, title="Meadow two", season_number=2)
        api.create_episode(title="Meadow three")
        assert find(api, "meadow", status="published") == ["Meadow one"]
        assert find(api, "meadow", season_number=2) == ["Meadow two"]
        assert sorted(find(api, "meadow", show_id=show["show_id"])) == ["Meadow one", "Meadow two"]
        body = api.client.get("/api/v1/search", api.viewer, params={"q": "meadow", "facets": True, "limit": 1}).json()
        assert len(body["data"]) == 1
        assert body["facets"]["statuses"] == [{"status": "draft", "count": 2}, {"status": "published", "count": 1}]
        assert body["facets"]["shows"][0] == {"show_id": show["show_id"], "show_name": "Meadow Diaries", "count": 2}
        nothing = api.client.get("/api/v1/search", api.viewer, params={"q": "the", "facets": True}).json()
        assert nothing["facets"] == {"statuses": [], "seasons": [], "shows": []}

    def test_hit_is_a_summary_with_a_rank(self, api: Api) -> None:
        episode = api.create_episode(title="Dandelions", script_text="secret ending")
        (hit,) = api.client.get("/api/v1/search?q=ending", api.viewer).json()["data"]
        assert hit.pop("rank") > 0
        assert hit == {name: value for name, value in episode.items() if name != "script_text"}

    def test_limit_returns_the_best_matches(self, api: Api) -> None:
        for number in range(1, 5):
            api.create_episode(title=f"E{number}", description="meadow " * number)
        assert find(api, "meadow", limit=2) == ["E4", "E3"]

    @pytest.mark.requirement("ROAD-97", "C-38")
    def test_deleted_episodes_are_not_found(self, api: Api) -> None:
        deleted, orphan = api.create_episode(title="Meadow"), api.create_episode(title="Meadow")
        api.create_episode(title="Meadow stays")
        with api.client.app.state.resources.database.transaction() as connection:
            connection.execute("UPDATE episodes SET deleted_at = now() WHERE episode_id = %s", [deleted["episode_id"]])
            connection.execute("UPDATE shows SET deleted_at = now() WHERE show_id = %s", [orphan["show_id"]])
        assert find(api, "meadow") == ["Meadow stays"]

    def test_no_text_is_a_syntax_error(self, api: Api) -> None:
        api.create_episode(title="Dandelions")
        hostile = [
            "title:*",
            "*",
            "/.*/",
            "a & | ! b",
            "((((",
            '"',
            "'; DROP TABLE episodes --",
            "\\",
            "_exists_:x",
            "the",
        ]
        hostile += ["%", "x" * 200, "- - -", "😀", "a:*b<->c", "or or or"]
        for text in hostile:
            assert find(api, text) == [], text

    def test_invalid_queries_are_rejected(self, api: Api) -> None:
        for query, field in [
            ("", "query.q"),
            ("q=", "query.q"),
            ("q=%20%20", "query.q"),
            ("q=a%00b", "query.q"),
            (f"q={'x' * 201}", "query.q"),
            ("q=a&limit=0", "query.limit"),
            ("q=a&limit=101", "query.limit"),
            ("q=a&status=lost", "query.status"),
            ("q=a&season_number=0", "query.season_number"),
            ("q=a&show_id=x", "query.show_id"),
            ("q=a&facets=many", "query.facets"),
        ]:
            response = api.client.get(f"/api/v1/search?{query}", api.viewer)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {field}, query

    @pytest.mark.requirement("ROAD-77")
    def test_search_uses_the_indexes(self, api: Api, database: DatabaseAddress) -> None:
        with psycopg.connect(database.conninfo, autocommit=True) as owner:
            owner.execute(
                """WITH made AS (
                    INSERT INTO shows (name) SELECT 'Show' || n FROM generate_series(1, 3000) n RETURNING show_id, name
                )
                INSERT INTO episodes (show_id, title, episode_number, description, tags)
                SELECT show_id, 'Episode ' || name, 1, 'word' || name || ' and more', ARRAY['tag' || name] FROM made"""
            )
            owner.execute("VACUUM ANALYZE episodes, shows")
        statement, values = search_statement(SearchRequest(text=SearchText("wordShow1234"), limit=20))
        with api.client.app.state.resources.database.autocommit() as connection:
            explained = b"EXPLAIN (FORMAT JSON) " + statement.as_bytes(connection)
            (plan,) = connection.execute(explained, values).fetchall()
        for index in ("idx_episodes_fts", "idx_episodes_labels_fts", "idx_shows_name_fts"):
            assert index in json.dumps(plan), index
        assert find(api, "wordShow1234") == find(api, "tagShow1234") == ["Episode Show1234"]
        assert find(api, "show1234") == ["Episode Show1234"]
