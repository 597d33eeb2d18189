"""Episodes: update with fields and aliases, If-Match."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.runtime.features.api_platform import Api, Client, problems
from tests.runtime.features.episodes.episode_fields import ALL_FIELDS, differing, path_of
from tests.runtime.features.user_pool import User

REQUIRED = {"title", "episode_number", "season_number", "status", "language"}
PRIVILEGED = [
    "episode_id",
    "id",
    "owner",
    "created_by",
    "role",
    "sha256",
    "raw_video_s3_key",
    "deleted_at",
    "approved_by",
]
PRIVILEGED += ["approval_status", "processing_status", "thumbnail_reference", "original_approver", "etag", "version"]
EDITORS = 50
WAITING = 3


class TestUpdateEpisode:
    @pytest.mark.requirement("P1-14")
    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_sent_fields_are_merged(self, api: Api, method: str) -> None:
        episode = api.create_episode(**ALL_FIELDS)
        response = api.client.send(method, path_of(episode), api.editor, json={"status": "ready_for_publish"})
        changed = response.json()["data"]
        assert (response.status_code, response.headers["etag"]) == (200, changed["etag"])
        assert differing(episode, changed) == {"status"}
        assert (changed["status"], changed["updated_by"]) == ("ready_for_publish", str(api.editor.user_id))
        assert api.client.get(path_of(episode), api.viewer).json()["data"] == changed

    @pytest.mark.requirement("P1-14")
    def test_every_field_can_be_updated(self, api: Api) -> None:
        episode = api.create_episode()
        changed = api.client.patch(path_of(episode), ALL_FIELDS, api.editor).json()["data"]
        assert ALL_FIELDS.items() <= changed.items()
        # Sending the same again is no change, whatever the types of the values.
        assert api.client.patch(path_of(episode), ALL_FIELDS, api.admin).json()["data"] == changed

    def test_null_clears_only_optional_fields(self, api: Api) -> None:
        episode = api.create_episode(**ALL_FIELDS)
        nulls = dict.fromkeys(ALL_FIELDS.keys() - REQUIRED)
        cleared = api.client.patch(path_of(episode), nulls, api.editor).json()["data"]
        assert {name: cleared[name] for name in nulls} == nulls | {"tags": [], "metadata": {}}
        required = REQUIRED | {"episode_title", "show_id", "show_name"}
        response = api.client.patch(path_of(episode), dict.fromkeys(required), api.editor)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"body.{name}" for name in required}

    def test_privileged_fields_are_rejected(self, api: Api) -> None:
        episode = api.create_episode()
        for field in PRIVILEGED:
            response = api.client.patch(path_of(episode), {"genre": "drama", field: str(uuid4())}, api.admin)
            assert problems(response, 400, "VALIDATION_ERROR") == {f"body.{field}": "Unknown field"}
        assert api.client.get(path_of(episode), api.viewer).json()["data"] == episode

    @pytest.mark.requirement("C-03", "P1-14")
    def test_aliases_are_accepted(self, api: Api) -> None:
        episode = api.create_episode()
        body = {"episode_title": "Ants", "plot_summary": "Small.", "duration_minutes": 20}
        changed = api.client.patch(path_of(episode), body, api.editor).json()["data"]
        assert (changed["title"], changed["description"], changed["duration_seconds"]) == ("Ants", "Small.", 1200)
        both = {"plot_summary": None, "description": None, "duration_minutes": None}
        changed = api.client.patch(path_of(episode), both, api.editor).json()["data"]
        assert (changed["description"], changed["duration_seconds"]) == (None, None)

    @pytest.mark.requirement("C-03")
    def test_unchanged_minutes_keep_the_seconds(self, api: Api) -> None:
        episode = api.create_episode(duration_seconds=1510)
        body = {"duration_minutes": episode["duration_minutes"], "genre": "drama"}
        changed = api.client.patch(path_of(episode), body, api.editor).json()["data"]
        assert (changed["duration_seconds"], changed["genre"]) == (1510, "drama")

    @pytest.mark.requirement("C-03")
    def test_disagreeing_aliases_are_rejected_with_their_fields(self, api: Api) -> None:
        episode = api.create_episode()
        body = {"title": "Ants", "episode_title": "Bees", "description": None, "plot_summary": "", "genre": "drama"}
        response = api.client.patch(
            path_of(episode), body | {"duration_seconds": 59, "duration_minutes": 1}, api.editor
        )
        expected = {"body.episode_title", "body.plot_summary", "body.duration_minutes"}
        assert problems(response, 400, "VALIDATION_ERROR").keys() == expected
        assert api.client.get(path_of(episode), api.viewer).json()["data"] == episode

    @pytest.mark.requirement("C-02")
    def test_other_show_moves_the_episode(self, api: Api) -> None:
        episode, other, deleted = api.create_episode(), api.create_show(), api.create_show()
        api.delete(f"/api/v1/shows/{deleted['show_id']}")
        for named in ({"show_id": deleted["show_id"]}, {"show_name": deleted["name"]}, {"show_name": "Nowhere"}):
            response = api.client.patch(path_of(episode), named, api.editor)
            assert problems(response, 404, "NOT_FOUND").keys() == {f"body.{name}" for name in named}
        both = {"show_id": episode["show_id"], "show_name": other["name"]}
        problems(api.client.patch(path_of(episode), both, api.editor), 400, "VALIDATION_ERROR")
        moved = api.client.patch(path_of(episode), {"show_name": other["name"]}, api.editor).json()["data"]
        assert (moved["show_id"], moved["show_name"]) == (other["show_id"], other["name"])
        back = api.client.patch(path_of(episode), {"show_id": episode["show_id"]}, api.editor).json()["data"]
        assert differing(episode, back) == set()

    @pytest.mark.requirement("ROAD-75", "P1-04")
    def test_taken_number_is_409(self, api: Api) -> None:
        show = api.create_show()
        first, second = (api.create_episode(show, episode_number=number) for number in (1, 2))
        response = api.client.patch(path_of(second), {"episode_number": 1}, api.editor)
        assert problems(response, 409, "CONFLICT").keys() == {"body.episode_number"}
        assert api.client.get(path_of(first), api.viewer).json()["data"] == first

    def test_unknown_deleted_and_of_a_deleted_show_are_404(self, api: Api) -> None:
        deleted, orphan = api.create_episode(), api.create_episode()
        api.delete(path_of(deleted))
        with api.client.app.state.resources.database.transaction() as connection:
            connection.execute("UPDATE shows SET deleted_at = now() WHERE show_id = %s", [orphan["show_id"]])
        for episode_id in (uuid4(), deleted["episode_id"], orphan["episode_id"]):
            for response in (
                api.client.patch(f"/api/v1/episodes/{episode_id}", {"genre": "drama"}, api.admin),
                api.client.delete(f"/api/v1/episodes/{episode_id}", api.admin),
            ):
                assert problems(response, 404, "NOT_FOUND").keys() == {"path.episode_id"}

    def test_schema_example_is_accepted(self, api: Api) -> None:
        (example,) = api.client.get("/openapi.json").json()["components"]["schemas"]["EpisodeUpdate"]["examples"]
        assert api.client.patch(path_of(api.create_episode()), example, api.editor).status_code == 200


class TestIfMatch:
    def test_stale_etag_is_412_and_changes_nothing(self, api: Api) -> None:
        created = api.create_episode()
        current = api.client.patch(path_of(created), {"genre": "drama"}, api.editor).json()["data"]
        stale = {"If-Match": created["etag"]}
        for response in (
            api.client.patch(path_of(created), {"genre": "comedy"}, api.admin, headers=stale),
            api.client.delete(path_of(created), api.admin, headers=stale),
        ):
            assert problems(response, 412, "PRECONDITION_FAILED").keys() == {"header.if-match"}
        response = api.client.get(path_of(created), api.viewer)
        assert (response.json()["data"], response.headers["etag"]) == (current, current["etag"])
        again = api.client.patch(
            path_of(created), {"genre": "comedy"}, api.admin, headers={"If-Match": current["etag"]}
        )
        assert again.json()["data"]["genre"] == "comedy"

    def test_etag_changes_with_every_response(self, api: Api) -> None:
        """The show's name and the worker's results are part of the response."""
        episode = api.create_episode()
        api.client.patch(f"/api/v1/shows/{episode['show_id']}", {"name": "Renamed"}, api.editor)
        renamed = api.client.get(path_of(episode), api.viewer).json()["data"]
        with api.client.app.state.resources.database.transaction() as connection:
            connection.execute("UPDATE episodes SET processing_status = 'complete'")
        processed = api.client.get(path_of(episode), api.viewer).json()["data"]
        assert len({episode["etag"], renamed["etag"], processed["etag"]}) == 3


class TestConcurrency:
    def test_no_concurrent_update_is_lost(self, api: Api, database: Any) -> None:
        """Of fifty updates with the same If-Match, one succeeds and all others get 412.

        The row is held until several wait for it: each of them has been let in before any other has changed anything.
        """
        episode = api.create_episode()
        editors = [User.of("editor") for _ in range(EDITORS)]

        def edit(number: int) -> int:
            with asyncio.Runner() as runner:
                client, body = Client(api.client.app, runner), {"metadata": {"by": number}}
                headers = {"If-Match": episode["etag"]}
                status = 503
                # Fifty threads share four connections: one that waits too long gets 503.
                while status == 503:
                    status = client.patch(path_of(episode), body, editors[number], headers=headers).status_code
                return status

        with (
            psycopg.connect(database.conninfo, autocommit=True) as looking,
            psycopg.connect(database.conninfo) as holding,
            ThreadPoolExecutor(EDITORS) as threads,
        ):
            holding.execute("SELECT FROM episodes FOR UPDATE")
            responses = threads.map(edit, range(EDITORS))
            while len(looking.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall()) < WAITING:
                pass
            holding.rollback()
            statuses = list(responses)
        assert sorted(statuses) == [200] + [412] * (EDITORS - 1)
        stored = api.client.get(path_of(episode), api.viewer).json()["data"]
        assert stored["metadata"] == {"by": statuses.index(200)}
