"""Shows: update, delete, restore, If-Match."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.runtime.features.api_platform import Api, Client, problems
from tests.runtime.features.user_pool import User

# Fields that a client must not set: ids, owners, versions, deletion marks, and columns of other tables.
PRIVILEGED = [
    "show_id",
    "id",
    "owner",
    "created_by",
    "created_at",
    "updated_by",
    "updated_at",
    "role",
    "sha256",
    "s3_key",
]
PRIVILEGED += ["deleted_at", "deleted_by", "restored_at", "approved_by", "etag", "version"]
EDITORS = 50


def path_of(show: dict[str, Any]) -> str:
    return f"/api/v1/shows/{show['show_id']}"


def version_of(api: Api, show: dict[str, Any]) -> int:
    with api.client.app.state.resources.database.transaction() as connection:
        row = connection.execute("SELECT version FROM shows WHERE show_id = %s", [show["show_id"]]).fetchone()
    assert row
    return int(row["version"])


class TestUpdateShow:
    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_sent_fields_are_merged(self, api: Api, method: str) -> None:
        show = api.create_show(description="A year.", metadata={"a": 1})
        response = api.client.send(method, path_of(show), api.editor, json={"status": "archived"})
        assert response.status_code == 200
        changed = response.json()["data"]
        differing = {name for name in show if show[name] != changed[name]}
        assert differing == {"status", "updated_at", "updated_by", "etag"}
        assert (changed["status"], changed["updated_by"]) == ("archived", str(api.editor.user_id))
        assert api.client.get(path_of(show), api.viewer).json()["data"] == changed

    def test_null_clears_only_optional_fields(self, api: Api) -> None:
        show = api.create_show(description="A year.", metadata={"a": 1})
        changed = api.client.patch(path_of(show), {"description": None, "metadata": None}, api.editor).json()["data"]
        assert (changed["description"], changed["metadata"], changed["name"]) == (None, {}, show["name"])
        response = api.client.patch(path_of(show), {"name": None, "status": None}, api.editor)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.name", "body.status"}

    def test_no_change_keeps_the_version(self, api: Api) -> None:
        show = api.create_show(metadata={"a": 1})
        for body in ({}, {"name": show["name"]}, {"name": show["name"], "metadata": {"a": 1}, "status": "active"}):
            assert api.client.patch(path_of(show), body, api.editor).json()["data"] == show
        # 1 and True are equal in Python but not in JSON.
        changed = api.client.patch(path_of(show), {"metadata": {"a": True}}, api.editor).json()["data"]
        assert changed["metadata"]["a"] is True
        assert changed["etag"] != show["etag"]

    def test_privileged_fields_are_rejected(self, api: Api) -> None:
        show = api.create_show()
        for field in PRIVILEGED:
            response = api.client.patch(path_of(show), {"description": "Mine", field: str(uuid4())}, api.admin)
            assert problems(response, 400, "VALIDATION_ERROR") == {f"body.{field}": "Unknown field"}
        assert api.client.get(path_of(show), api.viewer).json()["data"] == show

    def test_taken_name_is_409(self, api: Api) -> None:
        api.create_show(name="Taken")
        response = api.client.patch(path_of(api.create_show()), {"name": "Taken"}, api.editor)
        assert problems(response, 409, "CONFLICT").keys() == {"body.name"}

    def test_unknown_and_deleted_are_404(self, api: Api) -> None:
        deleted = api.create_show()
        api.delete(path_of(deleted))
        for show_id in (uuid4(), deleted["show_id"]):
            response = api.client.patch(f"/api/v1/shows/{show_id}", {"status": "archived"}, api.admin)
            assert problems(response, 404, "NOT_FOUND").keys() == {"path.show_id"}

    def test_schema_example_is_accepted(self, api: Api) -> None:
        (example,) = api.client.get("/openapi.json").json()["components"]["schemas"]["ShowUpdate"]["examples"]
        assert api.client.patch(path_of(api.create_show()), example, api.editor).status_code == 200


class TestIfMatch:
    def test_every_response_has_the_current_etag(self, api: Api) -> None:
        created = api.client.post("/api/v1/shows", {"name": "Tagged"}, api.admin)
        show = created.json()["data"]
        got = api.client.get(path_of(show), api.viewer)
        patched = api.client.patch(path_of(show), {"status": "on_hold"}, api.editor)
        deleted = api.client.delete(path_of(show), api.admin)
        restored = api.client.post(f"{path_of(show)}/restore", user=api.admin)
        tags = [response.headers["etag"] for response in (created, got, patched, deleted, restored)]
        assert tags == ['"1"', '"1"', '"2"', '"3"', '"4"']
        assert [response.json()["data"]["etag"] for response in (created, got, patched, deleted, restored)] == tags
        assert api.client.get("/api/v1/shows", api.viewer).json()["data"][0]["etag"] == tags[-1]

    def test_stale_etag_is_412_and_changes_nothing(self, api: Api) -> None:
        show = api.create_show()
        current = api.client.patch(path_of(show), {"description": "Theirs"}, api.editor).json()["data"]
        stale = {"If-Match": show["etag"]}
        for response in (
            api.client.patch(path_of(show), {"description": "Mine"}, api.admin, headers=stale),
            # The value is stored already, but the caller's version is stale.
            api.client.patch(path_of(show), {"description": "Theirs"}, api.admin, headers=stale),
            api.client.patch(path_of(show), {}, api.admin, headers=stale),
            api.client.delete(path_of(show), api.admin, headers=stale),
        ):
            assert problems(response, 412, "PRECONDITION_FAILED").keys() == {"header.if-match"}
        assert api.client.get(path_of(show), api.viewer).json()["data"] == current
        deleted = api.delete(path_of(show))
        response = api.client.post(f"{path_of(show)}/restore", user=api.admin, headers={"If-Match": current["etag"]})
        problems(response, 412, "PRECONDITION_FAILED")
        restored = api.client.post(f"{path_of(show)}/restore", user=api.admin, headers={"If-Match": deleted["etag"]})
        assert restored.status_code == 200

    @pytest.mark.parametrize("header", ["{}", '"x", {}', '{} , W/"x"', "*", None])
    def test_current_etag_is_accepted(self, api: Api, header: str | None) -> None:
        show = api.create_show()
        headers = {"If-Match": header.format(show["etag"])} if header else {}
        response = api.client.patch(path_of(show), {"description": "Mine"}, api.editor, headers=headers)
        assert response.status_code == 200
        assert header is None or described_pattern(api).match(headers["If-Match"])

    def test_two_headers_are_one_list(self, api: Api) -> None:
        show = api.create_show()
        headers = [*api.editor.headers.items(), ("If-Match", '"x"'), ("If-Match", show["etag"])]
        assert api.client.send_raw("PATCH", path_of(show), headers, json={"status": "on_hold"}).status_code == 200

    def test_weak_etag_is_412(self, api: Api) -> None:
        show = api.create_show()
        response = api.client.patch(path_of(show), {}, api.editor, headers={"If-Match": f"W/{show['etag']}"})
        problems(response, 412, "PRECONDITION_FAILED")

    @pytest.mark.parametrize("header", ["", "1", '"', '"1', '"1" "2"', '*, "1"', '"1",,"2"', '" "', "x" * 2000])
    def test_malformed_header_is_rejected(self, api: Api, header: str) -> None:
        show = api.create_show()
        response = api.client.patch(path_of(show), {"description": "Mine"}, api.editor, headers={"If-Match": header})
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {"header.if-match"}
        assert version_of(api, show) == 1
        assert not described_pattern(api).match(header)


def described_pattern(api: Api) -> re.Pattern[str]:
    """Return the pattern of If-Match in the OpenAPI description."""
    operation = api.client.get("/openapi.json").json()["paths"]["/api/v1/shows/{show_id}"]["patch"]
    (header,) = (each for each in operation["parameters"] if each["name"] == "if-match")
    assert header["schema"]["type"] == "string"
    return re.compile(header["schema"]["pattern"])


class TestConcurrency:
    def test_no_concurrent_update_is_lost(self, api: Api) -> None:
        """Each of fifty editors adds a mark to the current metadata, and retries when another one was faster."""
        show = api.create_show(metadata={"marks": []})
        editors = [User.of("editor") for _ in range(EDITORS)]

        def add_mark(number: int) -> int:
            rejected = 0
            with asyncio.Runner() as runner:
                client, editor = Client(api.client.app, runner), editors[number]
                while True:
                    got = client.get(path_of(show), editor)
                    # Fifty threads share four connections: one that waits too long gets 503.
                    if got.status_code == 503:
                        continue
                    known = got.json()["data"]
                    body = {"metadata": {"marks": [*known["metadata"]["marks"], number]}}
                    response = client.patch(path_of(show), body, editor, headers={"If-Match": known["etag"]})
                    if response.status_code == 200:
                        return rejected
                    if response.status_code != 503:
                        problems(response, 412, "PRECONDITION_FAILED")
                        rejected += 1

        with ThreadPoolExecutor(EDITORS) as threads:
            rejected = list(threads.map(add_mark, range(EDITORS)))
        stored = api.client.get(path_of(show), api.viewer).json()["data"]
        assert sorted(stored["metadata"]["marks"]) == list(range(EDITORS))
        assert version_of(api, show) == 1 + EDITORS
        assert sum(rejected) > 0, "they never met: this proves nothing"


class TestDeleteShow:
    @pytest.mark.requirement("ROAD-97", "C-38")
    def test_deleted_show_is_hidden_with_user_time_and_reason(self, api: Api) -> None:
        show, kept = api.create_show(), api.create_show()
        response = api.client.delete(path_of(show), api.admin, params={"reason": " Twice. "})
        deleted = response.json()["data"]
        assert (response.status_code, deleted["deleted_reason"]) == (200, "Twice.")
        assert deleted["deleted_by"] == str(api.admin.user_id)
        assert deleted["deleted_at"].endswith("Z")
        for method in ("GET", "DELETE"):
            problems(api.client.send(method, path_of(show), api.admin), 404, "NOT_FOUND")
        assert api.client.get("/api/v1/shows", api.admin).json()["data"] == [kept]
        for named in ({"show_id": show["show_id"]}, {"show_name": show["name"]}):
            body = named | {"title": "Ants", "episode_number": 1}
            problems(api.client.post("/api/v1/episodes", body, api.admin), 404, "NOT_FOUND")
        problems(api.client.post("/api/v1/shows", {"name": show["name"]}, api.admin), 409, "CONFLICT")

    @pytest.mark.requirement("ROAD-97")
    def test_administrators_can_include_deleted_shows(self, api: Api) -> None:
        shows = [api.create_show() for _ in range(3)]
        deleted = api.delete(path_of(shows[1]))
        include_deleted = {"include_deleted": "true"}
        assert api.client.get(path_of(deleted), api.admin, params=include_deleted).json()["data"] == deleted
        seen, cursor = [], None
        for _ in range(4):
            query = include_deleted | {"limit": "1"} | ({"cursor": cursor} if cursor else {})
            page = api.client.get("/api/v1/shows", api.admin, params=query).json()
            seen += page["data"]
            if (cursor := page["page"]["next"]) is None:
                break
        assert seen == [shows[2], deleted, shows[0]]
        for path in ("/api/v1/shows", path_of(deleted)):
            for user in (api.viewer, api.editor):
                response = api.client.get(path, user, params=include_deleted)
                assert problems(response, 403, "FORBIDDEN").keys() == {"query.include_deleted"}
                assert api.client.get(path, user, params={"include_deleted": "false"}).status_code in {200, 404}
            response = api.client.get(path, api.admin, params={"include_deleted": "perhaps"})
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {"query.include_deleted"}

    def test_show_with_episodes_is_409(self, api: Api) -> None:
        show = api.create_show()
        episode = api.create_episode(show)
        response = api.client.delete(path_of(show), api.admin)
        assert problems(response, 409, "CONFLICT").keys() == {"path.show_id"}
        assert api.client.get(path_of(show), api.viewer).json()["data"] == show
        api.delete(f"/api/v1/episodes/{episode['episode_id']}")
        assert api.delete(path_of(show))["deleted_at"]

    def test_concurrent_episode_creation_and_deletion_are_serialized(self, api: Api) -> None:
        """Each of ten shows is deleted while an episode of it is created: the later request is rejected."""

        def race(number: int, show: dict[str, Any]) -> int:
            with asyncio.Runner() as runner:
                client = Client(api.client.app, runner)
                if number % 2:
                    return client.delete(path_of(show), api.admin).status_code
                body = {"show_id": show["show_id"], "title": "Ants", "episode_number": 1}
                return client.post("/api/v1/episodes", body, api.admin).status_code

        for _ in range(10):
            show = api.create_show()
            with ThreadPoolExecutor(2) as threads:
                episode_status, show_status = threads.map(race, (0, 1), (show, show))
            assert (episode_status, show_status) in {(201, 409), (404, 200)}

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\0b"])
    def test_invalid_reason_is_rejected(self, api: Api, reason: str) -> None:
        response = api.client.delete(path_of(api.create_show()), api.admin, params={"reason": reason})
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {"query.reason"}


class TestRestoreShow:
    @pytest.mark.requirement("C-38")
    def test_restored_show_is_unchanged(self, api: Api) -> None:
        show = api.create_show(description="A year.")
        api.delete(path_of(show))
        response = api.client.post(f"{path_of(show)}/restore", user=api.admin)
        restored = response.json()["data"]
        differing = {name for name in show if show[name] != restored[name]}
        assert differing == {"updated_at", "restored_at", "restored_by", "etag"}
        assert restored["restored_by"] == str(api.admin.user_id)
        assert api.client.get(path_of(show), api.viewer).json()["data"] == restored

    def test_show_that_is_not_deleted_is_409(self, api: Api) -> None:
        response = api.client.post(f"{path_of(api.create_show())}/restore", user=api.admin)
        assert problems(response, 409, "CONFLICT").keys() == {"path.show_id"}

    def test_unknown_show_is_404(self, api: Api) -> None:
        problems(api.client.post(f"/api/v1/shows/{uuid4()}/restore", user=api.admin), 404, "NOT_FOUND")
