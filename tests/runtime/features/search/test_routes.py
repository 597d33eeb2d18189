"""Search over episodes."""

import json
from typing import Any

import psycopg
import pytest

from runtime.features.search.repository import SEARCH
from tests.conftest import DatabaseAddress
from tests.runtime.features.api_platform import Api, problems


def find(api: Api, text: str, **query: Any) -> list[str]:
    answer = api.client.get("/api/v1/search", api.viewer, params={"q": text} | query)
    assert answer.status_code == 200, answer.text
    assert answer.json()["page"] == {"next": None}
    return [hit["title"] for hit in answer.json()["data"]]


class TestSearch:
    @pytest.mark.requirement("ROAD-77", "ROAD-106")
    def test_finds_words_of_title_description_and_script_by_their_stems(self, api: Api) -> None:
        api.create_episode(title="Dandelions")
        api.create_episode(title="Second", description="A dandelion turns white.")
        api.create_episode(title="Third", script_text="FADE IN: dandelions, dandelions, dandelions.")
        api.create_episode(title="Other", description="Ants.", tags=["dandelion"])
        assert sorted(find(api, "dandelion")) == ["Dandelions", "Second", "Third"]
        assert find(api, "Dandelions")[0] == "Third"
        assert find(api, "white -ants dandelion") == ["Second"]
        assert find(api, '"turns white"') == ["Second"]
        assert find(api, '"white turns"') == []
        assert sorted(find(api, "white or ants")) == ["Other", "Second"]

    def test_hit_is_a_summary_with_a_rank(self, api: Api) -> None:
        episode = api.create_episode(title="Dandelions", script_text="secret ending")
        (hit,) = api.client.get("/api/v1/search?q=ending", api.viewer).json()["data"]
        assert hit.pop("rank") > 0
        assert hit == {name: value for name, value in episode.items() if name != "script_text"}

    def test_limit_keeps_the_best(self, api: Api) -> None:
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

    def test_bad_queries_are_refused(self, api: Api) -> None:
        for query, field in [
            ("", "query.q"),
            ("q=", "query.q"),
            ("q=%20%20", "query.q"),
            ("q=a%00b", "query.q"),
            (f"q={'x' * 201}", "query.q"),
            ("q=a&limit=0", "query.limit"),
            ("q=a&limit=101", "query.limit"),
        ]:
            answer = api.client.get(f"/api/v1/search?{query}", api.viewer)
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {field}, query

    @pytest.mark.requirement("ROAD-77")
    def test_the_index_answers(self, api: Api, database: DatabaseAddress) -> None:
        show_id = api.create_show()["show_id"]
        with psycopg.connect(database.conninfo, autocommit=True) as owner:
            owner.execute(
                "INSERT INTO episodes (show_id, title, episode_number, description) "
                "SELECT %s, 'Episode ' || n, n, 'word' || n || ' and more' FROM generate_series(1, 3000) n",
                [show_id],
            )
            owner.execute("VACUUM ANALYZE episodes")
        with api.client.app.state.resources.database.transaction() as connection:
            values = {"text": "word1234", "limit": 20}
            (plan,) = connection.execute(b"EXPLAIN (FORMAT JSON) " + SEARCH.as_bytes(connection), values).fetchall()
        assert "idx_episodes_fts" in json.dumps(plan)
        assert find(api, "word1234") == ["Episode 1234"]
