"""Search by type: shows, outfits, UI elements, backgrounds and clips, in the words that the search of episodes takes."""

import json
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from runtime.features.search import assets
from runtime.features.search.words import SearchText
from tests.conftest import DatabaseAddress
from tests.runtime.features.api_platform import Api, problems

# The columns that each needs beside its name, and their values.
REQUIRED = {
    "shows": {},
    "outfits": {},
    "ui-elements": {},
    "backgrounds": {"background_type": "'studio'"},
    "clips": {"talent_source": "'Lala'"},
}


def store(
    api: Api, asset_type: str, name: str, *, description: str | None = None, tags: list[str] | None = None
) -> str:
    """A row of this type, as its room would make it. Its id."""
    kind = assets.TABLES[asset_type]
    required = REQUIRED[asset_type]
    columns = {kind.name: "%(name)s", "description": "%(description)s"} | required
    if asset_type != "shows":
        columns["tags"] = "%(tags)s"
    statement = (
        f"INSERT INTO {kind.table} ({', '.join(columns)}) VALUES ({', '.join(columns.values())}) "  # noqa: S608  (names from here)
        f"RETURNING {kind.row_id}::text AS id"
    )
    values = {"name": name, "description": description, "tags": tags or []}
    with api.client.app.state.resources.database.transaction() as connection:
        row = connection.execute(statement.encode(), values).fetchone()
    assert row
    return str(row["id"])


def hits(api: Api, asset_type: str, text: str, **query: Any) -> list[dict[str, Any]]:
    answer = api.client.get(f"/api/v1/search/{asset_type}", api.viewer, params={"q": text} | query)
    assert answer.status_code == 200, answer.text
    assert answer.json()["page"] == {"next": None}
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def find(api: Api, asset_type: str, text: str, **query: Any) -> list[str]:
    return [hit["name"] for hit in hits(api, asset_type, text, **query)]


class TestSearchByType:
    @pytest.mark.requirement("P2-31")
    @pytest.mark.parametrize("asset_type", REQUIRED)
    def test_finds_names_descriptions_and_tags_in_the_words_of_every_search(self, api: Api, asset_type: str) -> None:
        has_tags = asset_type != "shows"
        store(api, asset_type, "Red blazers", description="Worn while it rains", tags=["slow motion"])
        store(api, asset_type, "Blue trainers", description="A blazer's friend")
        store(api, asset_type, "Snake_case", description="well-known")
        for text, expected in {
            "blazer": {"Red blazers", "Blue trainers"},
            "BLAZERS": {"Red blazers", "Blue trainers"},
            "raining": {"Red blazers"},
            "red friend": set(),
            "red or friends": {"Red blazers", "Blue trainers"},
            "blazer -rain": {"Blue trainers"},
            'blazer -"blazers friend" or snake': {"Red blazers", "Blue trainers", "Snake_case"},
            '"red blazer"': {"Red blazers"},
            '"blazer red"': set(),
            "well-known": {"Snake_case"},
            "known-well": set(),
            '"slow motion"': {"Red blazers"} if has_tags else set(),
            "slow -red": set(),
            "the": set(),
            "-red": set(),
        }.items():
            assert set(find(api, asset_type, text)) == expected, text

    def test_hit_says_what_it_is(self, api: Api) -> None:
        outfit_id = store(api, "outfits", "Red blazer", description="Wool", tags=["winter"])
        (hit,) = hits(api, "outfits", "winter")
        assert hit.pop("rank") > 0
        assert hit == {
            "type": "outfits",
            "id": outfit_id,
            "name": "Red blazer",
            "description": "Wool",
            "tags": ["winter"],
            "thumbnail_reference": None,
        }
        show_id = store(api, "shows", "Meadow")
        (hit,) = hits(api, "shows", "meadow")
        assert (hit["id"], hit["tags"], hit["thumbnail_reference"]) == (show_id, [], None)

    def test_names_count_most_and_the_limit_keeps_the_best(self, api: Api) -> None:
        store(api, "clips", "Described", description="meadow")
        store(api, "clips", "Tagged", tags=["meadow"])
        store(api, "clips", "Meadow")
        store(api, "outfits", "Meadow")
        assert find(api, "clips", "meadow") == ["Meadow", "Tagged", "Described"]
        assert find(api, "clips", "meadow", limit=1) == ["Meadow"]

    def test_deleted_are_not_found(self, api: Api) -> None:
        for asset_type, kind in assets.TABLES.items():
            store(api, asset_type, "Meadow")
            with api.client.app.state.resources.database.transaction() as connection:
                connection.execute(SQL("UPDATE {} SET deleted_at = now()").format(Identifier(kind.table)))
            assert find(api, asset_type, "meadow") == [], asset_type

    @pytest.mark.requirement("P2-31", "C-09")
    def test_episodes_are_a_type_with_all_that_their_search_has(self, api: Api) -> None:
        api.create_episode(title="Meadow", status="published")
        query = "q=meadow&facets=true&status=published"
        of_all = api.client.get(f"/api/v1/search?{query}", api.viewer).json()
        for path in ("/api/v1/search/episodes", "/search/episodes", "/search"):
            assert api.client.get(f"{path}?{query}", api.viewer).json() == of_all, path
        assert [hit["title"] for hit in of_all["data"]] == ["Meadow"]

    @pytest.mark.requirement("C-08")
    def test_paths_without_prefix_are_the_same_and_hidden(self, api: Api) -> None:
        store(api, "outfits", "Meadow")
        alias = api.client.get("/search/outfits?q=meadow", api.viewer).json()
        assert alias["data"] == hits(api, "outfits", "meadow")
        assert not [path for path in api.client.get("/openapi.json").json()["paths"] if path.startswith("/search")]

    @pytest.mark.requirement("C-09")
    def test_unknown_types_are_404(self, api: Api) -> None:
        for asset_type in ("index", "users", "ui_elements", "Outfits", "%00", "..%2fshows", "x" * 500):
            answer = api.client.get(f"/api/v1/search/{asset_type}?q=a", api.viewer)
            assert answer.status_code == 404, asset_type
            assert problems(answer, 404, "NOT_FOUND").keys() <= {"path.type", None}, asset_type

    def test_no_text_is_a_syntax_error_and_bad_queries_are_refused(self, api: Api) -> None:
        for text in (
            "title:*",
            "((((",
            '"',
            "'; DROP TABLE shows --",
            "\\",
            "a:*b<->c",
            "!! &",
            "%",
            "%s",
            "x" * 200,
            "😀",
        ):
            assert find(api, "shows", text) == [], text
        for query, field in [
            ("", "q"),
            ("q=", "q"),
            ("q=a%00", "q"),
            ("q=a&limit=0", "limit"),
            ("q=a&limit=101", "limit"),
        ]:
            answer = api.client.get(f"/api/v1/search/outfits?{query}", api.viewer)
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {f"query.{field}"}, query

    def test_the_indexes_answer(self, api: Api, database: DatabaseAddress) -> None:
        with psycopg.connect(database.conninfo, autocommit=True) as owner:
            for asset_type, kind in assets.TABLES.items():
                columns = {kind.name: "'Name' || n", "description": "'word' || n"} | REQUIRED[asset_type]
                owner.execute(
                    f"INSERT INTO {kind.table} ({', '.join(columns)}) "  # noqa: S608  (names from here)
                    f"SELECT {', '.join(columns.values())} FROM generate_series(1, 3000) n".encode()
                )
                owner.execute(f"VACUUM ANALYZE {kind.table}".encode())
        for asset_type, kind in assets.TABLES.items():
            made, values = assets.statement(asset_type, SearchText("word1234"))
            with api.client.app.state.resources.database.autocommit() as connection:
                explained = b"EXPLAIN (FORMAT JSON) " + made.as_bytes(connection)
                (plan,) = connection.execute(explained, values | {"limit": 20}).fetchall()
            assert f"idx_{kind.table}_fts" in json.dumps(plan), asset_type
            assert find(api, asset_type, "word1234") == ["Name1234"]
