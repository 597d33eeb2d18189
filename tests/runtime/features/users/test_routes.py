"""Users: who one is oneself, and who was seen."""

from typing import Any
from uuid import uuid4

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.user_pool import User
from tests.runtime.mechanisms.users.test_repository import age, row_of

ME = "/api/v1/users/me"
PATH = "/api/v1/users"


def listed(api: Api, **query: Any) -> list[dict[str, Any]]:
    """Every user, by as many pages as it takes."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = api.client.get(PATH, api.admin, params=query | cursor)
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        if not (after := answer.json()["page"]["next"]):
            return found
        cursor = {"cursor": after}


class TestGetCurrentUser:
    @pytest.mark.requirement("G-05", "ROAD-103")
    def test_asking_makes_the_row(self, api: Api) -> None:
        user = User.of("viewer", "editor", "marketing", email="me@example.test")
        database = api.client.app.state.resources.database
        assert row_of(database, user.user_id) is None
        answer = api.client.get(ME, user)
        data = answer.json()["data"]
        assert answer.status_code == 200
        assert data == {
            "user_id": str(user.user_id),
            "email": "me@example.test",
            "roles": ["editor", "viewer"],
            "created_at": data["created_at"],
            "last_seen_at": data["created_at"],
        }
        assert row_of(database, user.user_id) is not None
        assert api.client.get(ME, user).json()["data"] == data

    def test_user_who_is_back_is_seen_again(self, api: Api) -> None:
        user = User.of("viewer")
        first = api.client.get(ME, user).json()["data"]
        age(api.client.app.state.resources.database, user.user_id)
        again = api.client.get(ME, user).json()["data"]
        assert again["created_at"] < first["created_at"] <= again["last_seen_at"]

    @pytest.mark.requirement("C-11")
    def test_is_for_people(self, api: Api) -> None:
        problems(api.client.get(ME, api.system), 403, "FORBIDDEN")
        problems(api.client.get(ME, api.nobody), 403, "FORBIDDEN")


class TestListUsers:
    @pytest.mark.requirement("G-05")
    def test_newest_comes_first_whatever_the_ids_say(self, api: Api) -> None:
        users = [User.of("viewer", email=f"{name}@example.test") for name in ("b", "c", "a", "d")]
        made = [api.client.get(ME, user).json()["data"] for user in users]
        shown = [{name: user[name] for name in user if name != "roles"} for user in made]
        ids = {user["user_id"] for user in shown}
        for limit in (1, 3, 100):
            assert [user for user in listed(api, limit=limit) if user["user_id"] in ids] == shown[::-1]
        by_address = [user for user in listed(api, limit=2, sort="email") if user["user_id"] in ids]
        assert by_address == sorted(shown, key=lambda user: user["email"])

    def test_machine_that_wrote_is_among_them(self, api: Api) -> None:
        path = f"/api/v1/episodes/{api.create_episode()['episode_id']}/metadata"
        assert api.client.post(path, {}, api.system).status_code == 201
        (machine,) = [user for user in listed(api) if user["user_id"] == str(api.system.user_id)]
        assert machine["email"] is None

    @pytest.mark.parametrize(
        ("query", "field"),
        [("cursor=x", "query.cursor"), ("sort=user_id", "query.sort"), ("limit=0", "query.limit")],
    )
    def test_odd_page_is_refused(self, api: Api, query: str, field: str) -> None:
        assert problems(api.client.get(f"{PATH}?{query}", api.admin), 400, "VALIDATION_ERROR").keys() == {field}

    def test_cursor_of_another_order_is_refused(self, api: Api) -> None:
        for _ in range(2):
            api.client.get(ME, User.of("viewer"))
        cursor = api.client.get(f"{PATH}?limit=1", api.admin).json()["page"]["next"]
        answer = api.client.get(PATH, api.admin, params={"cursor": cursor, "sort": "email"})
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"query.cursor"}
        answer = api.client.get(PATH, api.admin, params={"cursor": cursor, "sort": "-created_at"})
        assert answer.status_code == 200


class TestGetUser:
    @pytest.mark.requirement("G-05")
    def test_user_who_was_seen_is_there(self, api: Api) -> None:
        user = User.of("editor", email="one@example.test")
        seen = api.client.get(ME, user).json()["data"]
        found = api.client.get(f"{PATH}/{user.user_id}", api.admin)
        assert found.status_code == 200
        assert found.json()["data"] == {name: seen[name] for name in seen if name != "roles"}

    def test_user_who_was_not_is_404(self, api: Api) -> None:
        answer = api.client.get(f"{PATH}/{uuid4()}", api.admin)
        assert problems(answer, 404, "NOT_FOUND") == {"path.user_id": "There is no such user"}
