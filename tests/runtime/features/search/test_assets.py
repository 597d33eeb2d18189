"""Search by type: shows, outfits, UI elements, backgrounds and clips, with the syntax of the episode search."""

import json
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from runtime.features.search import assets_repository
from runtime.features.search.query_parser import SearchText
from tests.conftest import DatabaseAddress
from tests.runtime.features.api_platform import Api, problems

# The required columns beside the name, with SQL values.
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
    """Insert an asset of this type and return its id."""
    kind = assets_repository.TABLES[asset_type]
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
    response = api.client.get(f"/api/v1/search/{asset_type}", api.viewer, params={"q": text} | query)
    assert response.status_code == 200, response.text
    assert response.json()["page"] == {"next": None}
    found: list[dict[str, Any]] = response.json()["data"]
    return found


def find(api: Api, asset_type: str, text: str, **query: Any) -> list[str]:
    return [hit["name"] for hit in hits(api, asset_type, text, **query)]


class TestSearchByType:
    @pytest.mark.requirement("P2-31")
    @pytest.mark.parametrize("asset_type", REQUIRED)
    def test_names_descriptions_and_tags_are_searched(self, api: Api, asset_type: str) -> None:
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

    def test_hit_has_type_and_id(self, api: Api) -> None:
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

    def test_names_rank_first_and_the_limit_applies(self, api: Api) -> None:
        store(api, "clips", "Described", description="meadow")
        store(api, "clips", "Tagged", tags=["meadow"])
        store(api, "clips", "Meadow")
        store(api, "outfits", "Meadow")
        assert find(api, "clips", "meadow") == ["Meadow", "Tagged", "Described"]
        assert find(api, "clips", "meadow", limit=1) == ["Meadow"]

    def test_deleted_are_not_found(self, api: Api) -> None:
        for asset_type, kind in assets_repository.TABLES.items():
            store(api, asset_type, "Meadow")
            with api.client.app.state.resources.database.transaction() as connection:
                connection.execute(SQL("UPDATE {} SET deleted_at = now()").format(Identifier(kind.table)))
            assert find(api, asset_type, "meadow") == [], asset_type

    @pytest.mark.requirement("P2-31", "C-09")
    def test_type_episodes_equals_the_episode_search(self, api: Api) -> None:
        api.create_episode(title="Meadow", status="published")
        query = "q=meadow&facets=true&status=published"
        of_all = api.client.get(f"/api/v1/search?{query}", api.viewer).json()
        for path in ("/api/v1/search/episodes", "/search/episodes", "/search"):
            assert api.client.get(f"{path}?{query}", api.viewer).json() == of_all, path
        assert [hit["title"] for hit in of_all["data"]] == ["Meadow"]

    @pytest.mark.requirement("C-08")
    def test_paths_without_prefix_work_and_are_not_in_openapi(self, api: Api) -> None:
        store(api, "outfits", "Meadow")
        alias = api.client.get("/search/outfits?q=meadow", api.viewer).json()
        assert alias["data"] == hits(api, "outfits", "meadow")
        assert not [path for path in api.client.get("/openapi.json").json()["paths"] if path.startswith("/search")]

    @pytest.mark.requirement("C-09")
    def test_unknown_types_are_404(self, api: Api) -> None:
        for asset_type in ("index", "users", "ui_elements", "Outfits", "%00", "..%2fshows", "x" * 500):
            response = api.client.get(f"/api/v1/search/{asset_type}?q=a", api.viewer)
            assert response.status_code == 404, asset_type
            assert problems(response, 404, "NOT_FOUND").keys() <= {"path.type", None}, asset_type

    def test_no_text_is_a_syntax_error_and_invalid_queries_are_rejected(self, api: Api) -> None:
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
            response = api.client.get(f"/api/v1/search/outfits?{query}", api.viewer)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"query.{field}"}, query

    def test_search_uses_the_indexes(self, api: Api, database: DatabaseAddress) -> None:
        with psycopg.connect(database.conninfo, autocommit=True) as owner:
            for asset_type, kind in assets_repository.TABLES.items():
                columns = {kind.name: "'Name' || n", "description": "'word' || n"} | REQUIRED[asset_type]
                owner.execute(
                    f"INSERT INTO {kind.table} ({', '.join(columns)}) "  # noqa: S608  (names from here)
                    f"SELECT {', '.join(columns.values())} FROM generate_series(1, 3000) n".encode()
                )
                owner.execute(f"VACUUM ANALYZE {kind.table}".encode())
        for asset_type, kind in assets_repository.TABLES.items():
            created, values = assets_repository.statement(asset_type, SearchText("word1234"))
            with api.client.app.state.resources.database.autocommit() as connection:
                explained = b"EXPLAIN (FORMAT JSON) " + created.as_bytes(connection)
                (plan,) = connection.execute(explained, values | {"limit": 20}).fetchall()
            assert f"idx_{kind.table}_fts" in json.dumps(plan), asset_type
            assert find(api, asset_type, "word1234") == ["Name1234"]
