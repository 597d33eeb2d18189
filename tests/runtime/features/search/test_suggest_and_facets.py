"""Title suggestions, and facets without hits."""

import json

import psycopg
import pytest

from runtime.features.search import repository
from tests.conftest import DatabaseAddress
from tests.runtime.features.api_platform import Api, problems


def suggest(api: Api, beginning: str) -> list[str]:
    response = api.client.get("/api/v1/search/suggest", api.viewer, params={"q": beginning})
    assert response.status_code == 200, response.text
    assert response.json()["page"] == {"next": None}
    return [suggestion["title"] for suggestion in response.json()["data"]]


class TestSuggest:
    @pytest.mark.requirement("G-01", "P2-36")
    def test_distinct_titles_with_the_prefix_are_sorted(self, api: Api) -> None:
        for title in ("Meadow", "meadow", "Meadows in spring", "The meadow", "Über den Wolken", "Ants"):
            api.create_episode(title=title)
        assert suggest(api, "MEA") == ["Meadow", "Meadows in spring"]
        assert suggest(api, "meadows") == ["Meadows in spring"]
        assert suggest(api, "üBER") == ["Über den Wolken"]
        assert suggest(api, "dow") == []

    def test_at_most_10_titles(self, api: Api) -> None:
        show = api.create_show()
        for number in range(12):
            api.create_episode(show, title=f"Meadow {number:02}")
        assert suggest(api, "mea") == [f"Meadow {number:02}" for number in range(10)]

    def test_no_character_is_a_wildcard(self, api: Api) -> None:
        for title in ("100 % wool", "a_b", "a\\b", "axb"):
            api.create_episode(title=title)
        assert suggest(api, "100 %") == ["100 % wool"]
        assert suggest(api, "a_") == ["a_b"]
        assert suggest(api, "a\\") == ["a\\b"]
        for text in ("%", "_", "\\", "%%", "100 _", "'", "[a-z]"):
            assert suggest(api, text) == [], text

    def test_deleted_episodes_are_not_suggested(self, api: Api) -> None:
        deleted, orphan = api.create_episode(title="Meadow"), api.create_episode(title="Meadow two")
        api.delete(f"/api/v1/episodes/{deleted['episode_id']}")
        with api.client.app.state.resources.database.transaction() as connection:
            connection.execute("UPDATE shows SET deleted_at = now() WHERE show_id = %s", [orphan["show_id"]])
        assert suggest(api, "meadow") == []

    def test_invalid_queries_are_rejected(self, api: Api) -> None:
        for query in ("", "q=", "q=%20", "q=a%00", f"q={'x' * 201}"):
            response = api.client.get(f"/api/v1/search/suggest?{query}", api.viewer)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {"query.q"}, query

    def test_suggest_uses_the_index(self, api: Api, database: DatabaseAddress) -> None:
        with psycopg.connect(database.conninfo, autocommit=True) as owner:
            owner.execute(
                """WITH show AS (INSERT INTO shows (name) VALUES ('Numbers') RETURNING show_id)
                INSERT INTO episodes (show_id, title, episode_number) SELECT show_id, 'Title ' || n, n
                FROM show, generate_series(1, 5000) n"""
            )
            owner.execute("VACUUM ANALYZE episodes, shows")
        with api.client.app.state.resources.database.autocommit() as connection:
            explained = b"EXPLAIN (FORMAT JSON) " + repository.SUGGEST_STATEMENT.as_bytes(connection)
            (plan,) = connection.execute(explained, {"prefix": "title 12", "limit": 10}).fetchall()
        assert "idx_episodes_title_prefix" in json.dumps(plan)
        assert suggest(api, "title 1234") == ["Title 1234"]


class TestFacets:
    @pytest.mark.requirement("G-01", "P2-21", "P2-36")
    def test_facets_equal_those_of_the_search(self, api: Api) -> None:
        show = api.create_show(name="Meadow Diaries")
        api.create_episode(show, title="One", status="published")
        api.create_episode(show, title="Two", season_number=2)
        for query in (
            "q=meadow",
            "q=meadow&status=draft",
            f"q=meadow&show_id={show['show_id']}&season_number=1",
            "q=the",
        ):
            facets = api.client.get(f"/api/v1/search/facets?{query}", api.viewer).json()
            searched = api.client.get(f"/api/v1/search?{query}&facets=true", api.viewer).json()
            assert facets == {"data": searched["facets"]}, query
        everything = api.client.get("/api/v1/search/facets?q=meadow", api.viewer).json()["data"]
        assert everything["shows"] == [{"show_id": show["show_id"], "show_name": "Meadow Diaries", "count": 2}]

    def test_invalid_queries_are_rejected(self, api: Api) -> None:
        for query, field in [("", "q"), ("q=a&status=lost", "status"), ("q=a&season_number=0", "season_number")]:
            response = api.client.get(f"/api/v1/search/facets?{query}", api.viewer)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"query.{field}"}, query
