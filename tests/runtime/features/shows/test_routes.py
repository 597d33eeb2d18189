"""Shows: create, list, get."""

import re
from uuid import UUID, uuid4

import pytest

from tests.runtime.features.api_platform import Api, problems

# Fields that a client must not set: ids, owners, deletion marks, and columns of other tables.
PRIVILEGED = [
    "show_id",
    "id",
    "owner",
    "created_by",
    "created_at",
    "updated_by",
    "role",
    "sha256",
    "s3_key",
    "deleted_at",
]
PRIVILEGED += ["deleted_by", "restored_at", "approved_by"]


class TestCreateShow:
    @pytest.mark.requirement("ROAD-71", "ROAD-101", "ROAD-105")
    def test_created_show_is_returned(self, api: Api) -> None:
        body = {"name": "  Meadow Diaries ", "description": "A year.", "metadata": {"colour": ["green", 1, None]}}
        response = api.client.post("/api/v1/shows", body, api.admin)
        assert response.status_code == 201
        show = response.json()["data"]
        assert response.json().keys() == {"data"}
        assert (show["name"], show["description"], show["status"]) == ("Meadow Diaries", "A year.", "active")
        assert show["metadata"] == body["metadata"]
        assert show["created_by"] == show["updated_by"] == str(api.admin.user_id)
        assert UUID(show["show_id"]).version == 7
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", show["created_at"])

    @pytest.mark.requirement("ROAD-71", "ROAD-95")
    def test_taken_name_is_409_with_its_field(self, api: Api) -> None:
        api.create_show(name="Twice")
        response = api.client.post("/api/v1/shows", {"name": "Twice"}, api.admin)
        assert problems(response, 409, "CONFLICT").keys() == {"body.name"}

    def test_privileged_fields_are_rejected(self, api: Api) -> None:
        for field in PRIVILEGED:
            response = api.client.post("/api/v1/shows", {"name": "Mine", field: str(uuid4())}, api.admin)
            assert problems(response, 400, "VALIDATION_ERROR") == {f"body.{field}": "Unknown field"}
        assert api.client.get("/api/v1/shows", api.viewer).json()["data"] == []

    @pytest.mark.requirement("ROAD-72", "ROAD-95", "P1-29")
    def test_each_invalid_field_has_one_error(self, api: Api) -> None:
        body = {"name": "  ", "description": 5, "status": "lost", "metadata": [], "canary-7f3a": "canary-7f3a"}
        response = api.client.post("/api/v1/shows", body, api.admin)
        expected = {"body.name", "body.description", "body.status", "body.metadata", "body.canary-7f3a"}
        assert problems(response, 400, "VALIDATION_ERROR").keys() == expected

    def test_name_over_255_characters_is_rejected(self, api: Api) -> None:
        assert api.create_show(name="é" * 255)["name"] == "é" * 255
        response = api.client.post("/api/v1/shows", {"name": "é" * 256}, api.admin)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.name"}

    def test_large_metadata_is_rejected(self, api: Api) -> None:
        response = api.client.post("/api/v1/shows", {"name": "Big", "metadata": {"text": "x" * 17_000}}, api.admin)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.metadata"}


class TestGetShow:
    def test_created_show_is_returned(self, api: Api) -> None:
        show = api.create_show(description="One", metadata={"deep": {"er": [1.5, True]}})
        assert api.client.get(f"/api/v1/shows/{show['show_id']}", api.viewer).json() == {"data": show}

    @pytest.mark.requirement("ROAD-97", "C-38")
    def test_unknown_and_deleted_are_the_same_404(self, api: Api) -> None:
        deleted = api.create_show()["show_id"]
        with api.client.app.state.resources.database.transaction() as connection:
            connection.execute("UPDATE shows SET deleted_at = now() WHERE show_id = %s", [deleted])
        messages = [
            problems(api.client.get(f"/api/v1/shows/{show_id}", api.viewer), 404, "NOT_FOUND")
            for show_id in (deleted, uuid4())
        ]
        assert messages[0] == messages[1]

    def test_invalid_uuid_is_400_and_not_echoed(self, api: Api) -> None:
        response = api.client.get("/api/v1/shows/canary-7f3a", api.viewer)
        assert problems(response, 400, "VALIDATION_ERROR") == {"path.show_id": "Input should be a valid UUID"}


class TestListShows:
    @pytest.mark.requirement("G-07")
    @pytest.mark.parametrize("limit", [1, 3, 7, 100])
    def test_pages_have_no_gaps_or_duplicates(self, api: Api, limit: int) -> None:
        shows = [api.create_show() for _ in range(7)]
        seen, cursor = [], None
        for _ in range(10):
            query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            page = api.client.get("/api/v1/shows", api.viewer, params=query).json()
            assert page.keys() == {"data", "page"}
            seen += page["data"]
            # A row that is added meanwhile is newer than all remaining pages.
            api.create_show(name=f"Meanwhile {limit} {len(seen)} {cursor}")
            cursor = page["page"]["next"]
            if cursor is None:
                break
        assert seen == shows[::-1]

    def test_default_page_has_20_shows(self, api: Api) -> None:
        for _ in range(21):
            api.create_show()
        page = api.client.get("/api/v1/shows", api.viewer).json()
        assert len(page["data"]) == 20
        assert page["page"]["next"]

    def test_no_shows_are_an_empty_page(self, api: Api) -> None:
        response = api.client.get("/api/v1/shows", api.viewer)
        assert response.json() == {"data": [], "page": {"next": None}}
        assert response.headers["content-type"] == "application/json"

    def test_invalid_paging_is_rejected(self, api: Api) -> None:
        limits = ["limit=0", "limit=101", "limit=1e9", "limit=99999999999999999999", "limit=%00"]
        cursors = ["", "AAAA", "A" * 22 + "%3D%3D", "A" * 21 + "B", "A" * 20 + "%00A", "%C3%A9" + "A" * 21, "A" * 65]
        for query in limits + [f"cursor={cursor}" for cursor in cursors]:
            response = api.client.get(f"/api/v1/shows?{query}", api.viewer)
            field = f"query.{query.partition('=')[0]}"
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {field}, query

    @pytest.mark.requirement("ROAD-97", "C-38")
    def test_deleted_shows_are_not_listed(self, api: Api) -> None:
        kept, deleted = api.create_show(), api.create_show()
        with api.client.app.state.resources.database.transaction() as connection:
            connection.execute("UPDATE shows SET deleted_at = now() WHERE show_id = %s", [deleted["show_id"]])
        assert api.client.get("/api/v1/shows", api.viewer).json()["data"] == [kept]
