"""Users: the caller, and the list of users that have called the API."""

from typing import Any
from uuid import uuid4

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.user_pool import User
from tests.runtime.mechanisms.users.test_repository import age, row_of

ME = "/api/v1/users/me"
PATH = "/api/v1/users"


def listed(api: Api, **query: Any) -> list[dict[str, Any]]:
    """List all users, page by page."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        response = api.client.get(PATH, api.admin, params=query | cursor)
        assert response.status_code == 200, response.text
        found += response.json()["data"]
        if not (after := response.json()["page"]["next"]):
            return found
        cursor = {"cursor": after}


class TestGetCurrentUser:
    @pytest.mark.requirement("G-05", "ROAD-103")
    def test_first_call_creates_the_user(self, api: Api) -> None:
        user = User.of("viewer", "editor", "marketing", email="me@example.test")
        database = api.client.app.state.resources.database
        assert row_of(database, user.user_id) is None
        response = api.client.get(ME, user)
        data = response.json()["data"]
        assert response.status_code == 200
        assert data == {
            "user_id": str(user.user_id),
            "email": "me@example.test",
            "roles": ["editor", "viewer"],
            "created_at": data["created_at"],
            "last_seen_at": data["created_at"],
        }
        assert row_of(database, user.user_id) is not None
        assert api.client.get(ME, user).json()["data"] == data

    def test_later_call_updates_last_seen(self, api: Api) -> None:
        user = User.of("viewer")
        first = api.client.get(ME, user).json()["data"]
        age(api.client.app.state.resources.database, user.user_id)
        again = api.client.get(ME, user).json()["data"]
        assert again["created_at"] < first["created_at"] <= again["last_seen_at"]

    @pytest.mark.requirement("C-11")
    def test_machines_get_403(self, api: Api) -> None:
        problems(api.client.get(ME, api.system), 403, "FORBIDDEN")
        problems(api.client.get(ME, api.no_role), 403, "FORBIDDEN")


class TestListUsers:
    @pytest.mark.requirement("G-05")
    def test_latest_first_call_is_listed_first(self, api: Api) -> None:
        users = [User.of("viewer", email=f"{name}@example.test") for name in ("b", "c", "a", "d")]
        created = [api.client.get(ME, user).json()["data"] for user in users]
        shown = [{name: user[name] for name in user if name != "roles"} for user in created]
        ids = {user["user_id"] for user in shown}
        for limit in (1, 3, 100):
            assert [user for user in listed(api, limit=limit) if user["user_id"] in ids] == shown[::-1]
        by_address = [user for user in listed(api, limit=2, sort="email") if user["user_id"] in ids]
        assert by_address == sorted(shown, key=lambda user: user["email"])

    def test_machine_is_listed_after_a_write(self, api: Api) -> None:
        path = f"/api/v1/episodes/{api.create_episode()['episode_id']}/metadata"
        assert api.client.post(path, {}, api.system).status_code == 201
        (machine,) = [user for user in listed(api) if user["user_id"] == str(api.system.user_id)]
        assert machine["email"] is None

    @pytest.mark.parametrize(
        ("query", "field"),
        [("cursor=x", "query.cursor"), ("sort=user_id", "query.sort"), ("limit=0", "query.limit")],
    )
    def test_invalid_page_parameters_are_rejected(self, api: Api, query: str, field: str) -> None:
        assert problems(api.client.get(f"{PATH}?{query}", api.admin), 400, "VALIDATION_ERROR").keys() == {field}

    def test_cursor_of_another_order_is_rejected(self, api: Api) -> None:
        for _ in range(2):
            api.client.get(ME, User.of("viewer"))
        cursor = api.client.get(f"{PATH}?limit=1", api.admin).json()["page"]["next"]
        response = api.client.get(PATH, api.admin, params={"cursor": cursor, "sort": "email"})
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {"query.cursor"}
        response = api.client.get(PATH, api.admin, params={"cursor": cursor, "sort": "-created_at"})
        assert response.status_code == 200


class TestGetUser:
    @pytest.mark.requirement("G-05")
    def test_known_user_is_returned(self, api: Api) -> None:
        user = User.of("editor", email="one@example.test")
        current = api.client.get(ME, user).json()["data"]
        found = api.client.get(f"{PATH}/{user.user_id}", api.admin)
        assert found.status_code == 200
        assert found.json()["data"] == {name: current[name] for name in current if name != "roles"}

    def test_unknown_user_is_404(self, api: Api) -> None:
        response = api.client.get(f"{PATH}/{uuid4()}", api.admin)
        assert problems(response, 404, "NOT_FOUND") == {"path.user_id": "User not found"}
