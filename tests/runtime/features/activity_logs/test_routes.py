"""Activity log: one append-only row per write, in the same transaction, with its origin."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from runtime.mechanisms.audit import repository
from runtime.persistence.transactions import Connection
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.user_pool import User

PATH = "/api/v1/activity-logs"


def entries(api: Api, **query: Any) -> list[dict[str, Any]]:
    """List activity log entries, oldest first."""
    response = api.client.get(PATH, api.admin, params={"limit": 100} | query)
    assert response.status_code == 200, response.text
    return list(reversed(response.json()["data"]))


@pytest.fixture
def connection(api: Api) -> Iterator[Connection]:
    """Open a transaction of the application's database user."""
    with api.client.app.state.resources.database.transaction() as opened:
        yield opened


class TestWriting:
    @pytest.mark.requirement("P1-08", "P1-27", "C-05", "C-40", "ROAD-84")
    def test_each_write_adds_one_row(self, api: Api) -> None:
        show = api.create_show(name="Meadow Diaries", description="A year.")
        show_path = f"/api/v1/shows/{show['show_id']}"
        episode = api.create_episode(show, title="Ants", duration_seconds=1510)
        path = f"/api/v1/episodes/{episode['episode_id']}"
        api.client.patch(show_path, {"description": None}, api.editor)
        api.client.send("PUT", path, api.editor, json={"duration_minutes": 30, "tags": ["spring"]})
        upload = api.create_upload(b"photo", episode=episode)
        api.store(upload, b"photo")
        job = api.complete(upload).json()["data"]
        api.client.delete(path, api.admin, params={"reason": "Twice."})
        api.client.post(f"{path}/restore", user=api.admin)
        api.delete(path)
        api.delete(show_path)
        api.client.post(f"{show_path}/restore", user=api.admin)

        log = entries(api)
        admin, editor = str(api.admin.user_id), str(api.editor.user_id)
        show_id, episode_id = show["show_id"], episode["episode_id"]
        assert [(one["user_id"], one["action_type"], one["resource_type"], one["resource_id"]) for one in log] == [
            (admin, "create", "show", show_id),
            (admin, "create", "episode", episode_id),
            (editor, "edit", "show", show_id),
            (editor, "edit", "episode", episode_id),
            (editor, "create", "upload", upload["upload_id"]),
            (editor, "upload", "episode", episode_id),
            (admin, "delete", "episode", episode_id),
            (admin, "restore", "episode", episode_id),
            (admin, "delete", "episode", episode_id),
            (admin, "delete", "show", show_id),
            (admin, "restore", "show", show_id),
        ]
        assert (log[0]["old_values"], log[0]["new_values"]["name"]) == (None, "Meadow Diaries")
        assert (log[2]["old_values"], log[2]["new_values"]) == ({"description": "A year."}, {"description": None})
        assert log[3]["old_values"] == {"duration_seconds": 1510, "tags": []}
        assert log[3]["new_values"] == {"duration_seconds": 1800, "tags": ["spring"]}
        assert log[4]["new_values"]["byte_count"] == len(b"photo")
        assert log[5]["new_values"].items() >= {"upload_id": upload["upload_id"], "job_id": job["job_id"]}.items()
        assert log[6]["old_values"] == {"deleted_at": None, "deleted_by": None, "deleted_reason": None}
        assert log[6]["new_values"]["deleted_reason"] == "Twice."
        assert log[7]["old_values"] == log[6]["new_values"] | {"restored_at": None, "restored_by": None}

    def test_no_change_adds_no_row(self, api: Api) -> None:
        show = api.create_show()
        path = f"/api/v1/shows/{show['show_id']}"
        api.client.patch(path, {"name": show["name"]}, api.editor)
        api.client.patch(path, {"name": "Other"}, api.editor, headers={"If-Match": '"7"'})
        problems(api.client.post("/api/v1/shows", {"name": show["name"]}, api.admin), 409, "CONFLICT")
        upload = api.create_upload(b"photo")
        api.store(upload, b"photo")
        before = len(entries(api))
        assert [api.complete(upload).status_code for _ in range(2)] == [200, 200]
        assert len(entries(api)) == before + 1
        assert [one["action_type"] for one in entries(api, resource_id=show["show_id"])] == ["create"]

    def test_row_and_write_are_committed_together(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        show = api.create_show()
        path = f"/api/v1/shows/{show['show_id']}"

        def fail(*_: Any, **__: Any) -> None:
            raise psycopg.DataError("the log is full")

        with monkeypatch.context() as broken:
            broken.setattr(repository, "insert", fail)
            for response in (
                api.client.patch(path, {"description": "Mine"}, api.editor),
                api.client.delete(path, api.admin),
                api.client.post("/api/v1/shows", {"name": "New"}, api.admin),
            ):
                problems(response, 500, "SERVER_ERROR")
        assert api.client.get("/api/v1/shows", api.viewer).json()["data"] == [show]

    @pytest.mark.requirement("P1-08")
    def test_row_has_the_peer_address_not_the_headers(self, api: Api) -> None:
        headers = {"X-Forwarded-For": "203.0.113.66", "Forwarded": "for=203.0.113.66", "X-Real-IP": "203.0.113.66"}
        headers["User-Agent"] = "a" * 5000
        api.client.post("/api/v1/shows", {"name": "Mine"}, api.admin, headers=headers)
        (entry,) = entries(api)
        assert (entry["ip_address"], entry["user_agent"]) == ("127.0.0.1", "a" * 1000)


class TestAppendOnly:
    @pytest.mark.requirement("P1-08", "ROAD-84")
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE {} SET user_id = 'someone else'",
            "UPDATE {} SET user_id = 'someone else' WHERE false",
            "DELETE FROM {}",
            "TRUNCATE {}",
        ],
    )
    @pytest.mark.parametrize("name", ["activity_logs", "audit_log"])
    def test_application_role_cannot_change_rows(self, api: Api, statement: str, name: str) -> None:
        api.create_show()
        before = entries(api)
        database = api.client.app.state.resources.database
        # A view can never be truncated.
        expected_errors = (psycopg.errors.InsufficientPrivilege, psycopg.errors.WrongObjectType)
        with pytest.raises(expected_errors), database.transaction() as connection:
            connection.execute(statement.format(name))
        assert entries(api) == before

    def test_owner_cannot_change_rows(self, api: Api, database: Any) -> None:
        api.create_show()
        with psycopg.connect(database.conninfo, autocommit=True) as owner:
            for statement in (
                "UPDATE activity_logs SET user_id = ''",
                "DELETE FROM audit_log",
                "TRUNCATE activity_logs",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                    owner.execute(statement)
        assert len(entries(api)) == 1

    @pytest.mark.requirement("C-05")
    def test_view_has_the_same_rows(self, api: Api, connection: Connection) -> None:
        api.create_show()
        (view_row,) = connection.execute("SELECT * FROM audit_log").fetchall()
        (table_row,) = connection.execute("SELECT * FROM activity_logs").fetchall()
        assert view_row == table_row


class TestReading:
    def test_filters_combine(self, api: Api) -> None:
        show, other = api.create_show(), api.create_show()
        api.client.patch(f"/api/v1/shows/{show['show_id']}", {"description": "1"}, api.editor)
        api.client.patch(f"/api/v1/shows/{other['show_id']}", {"description": "2"}, api.admin)
        api.create_episode(show)
        cases: list[tuple[dict[str, str], int]] = [
            ({}, 5),
            ({"user_id": str(api.editor.user_id)}, 1),
            ({"resource_type": "show"}, 4),
            ({"resource_type": "episode", "action_type": "edit"}, 0),
            ({"resource_id": other["show_id"]}, 2),
            ({"resource_id": show["show_id"], "action_type": "create", "user_id": str(api.admin.user_id)}, 1),
        ]
        for query, count in cases:
            found = entries(api, **query)
            assert len(found) == count, query
            assert all(query.items() <= one.items() for one in found)

    @pytest.mark.parametrize("limit", [1, 3])
    def test_pages_have_no_gaps_or_duplicates(self, api: Api, limit: int) -> None:
        for _ in range(5):
            api.create_show()
        seen, cursor = [], None
        for _ in range(6):
            query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            page = api.client.get(PATH, api.admin, params=query).json()
            seen += page["data"]
            if (cursor := page["page"]["next"]) is None:
                break
        assert seen[::-1] == entries(api)
        assert len(seen) == 5

    def test_long_values_are_shortened_in_lists(self, api: Api) -> None:
        episode = api.create_episode(script_text="é" * 300)
        (listed,) = entries(api, resource_id=episode["episode_id"])
        assert listed["new_values"]["script_text"] == {"bytes": 602}
        whole = api.client.get(f"{PATH}/{listed['activity_log_id']}", api.admin).json()["data"]
        assert whole["new_values"]["script_text"] == "é" * 300
        assert {name for name in whole if whole[name] != listed[name]} == {"new_values"}
        assert UUID(whole["activity_log_id"]).version == 7

    def test_page_of_the_largest_rows_fits_the_lambda_limit(self, api: Api) -> None:
        metadata = {f"k{number}": "v" * 400 for number in range(35)}
        for number in range(100):
            api.create_show(metadata=metadata, description=f"{number}" * 2000)
        assert len(api.client.get(PATH, api.admin, params={"limit": 100}).content) < 1_000_000

    def test_invalid_filters_are_400_and_unknown_entries_404(self, api: Api) -> None:
        for query in ("action_type=lost", "resource_type=lost", "user_id=", f"resource_id={'x' * 256}", "user_id=%00"):
            response = api.client.get(f"{PATH}?{query}", api.admin)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"query.{query.partition('=')[0]}"}
        response = api.client.get(f"{PATH}/{uuid4()}", api.admin)
        assert problems(response, 404, "NOT_FOUND").keys() == {"path.activity_log_id"}

    @pytest.mark.requirement("C-12")
    def test_other_roles_get_403(self, api: Api) -> None:
        for user in (api.viewer, api.editor, User.of("marketing")):
            problems(api.client.get(PATH, user), 403, "FORBIDDEN")
