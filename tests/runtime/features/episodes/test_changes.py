"""Episodes: update under both sets of names, delete, restore, and the version that a change is made to."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.runtime.features.api_platform import Api, Client, User, problems

ALL_FIELDS: dict[str, Any] = {
    "title": "Dandelions",
    "episode_number": 3,
    "season_number": 2,
    "status": "in_production",
    "description": "A meadow turns yellow, and then white.",
    "duration_seconds": 1510,
    "filming_date": "2026-05-01",
    "edit_deadline": "2026-06-01",
    "publish_date": "2026-07-01",
    "air_date": "2026-07-02",
    "script_text": "FADE IN: a meadow.",
    "tags": ["spring", "yellow"],
    "category": "nature",
    "genre": "documentary",
    "director": "A. Director",
    "writer": "B. Writer",
    "rating": 8.1,
    "language": "en-GB",
    "copyright": "All of it.",
    "metadata": {"camera": {"lens": 35}},
}
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


def path_of(episode: dict[str, Any]) -> str:
    return f"/api/v1/episodes/{episode['episode_id']}"


def differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {name for name in one if one[name] != other[name]} - {"updated_at", "updated_by", "etag"}


class TestUpdateEpisode:
    @pytest.mark.requirement("P1-14")
    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_merges_what_is_sent(self, api: Api, method: str) -> None:
        episode = api.create_episode(**ALL_FIELDS)
        answer = api.client.send(method, path_of(episode), api.editor, json={"status": "published"})
        changed = answer.json()["data"]
        assert (answer.status_code, answer.headers["etag"]) == (200, changed["etag"])
        assert differing(episode, changed) == {"status"}
        assert (changed["status"], changed["updated_by"]) == ("published", str(api.editor.user_id))
        assert api.client.get(path_of(episode), api.viewer).json()["data"] == changed

    @pytest.mark.requirement("P1-14")
    def test_takes_every_field(self, api: Api) -> None:
        episode = api.create_episode()
        changed = api.client.patch(path_of(episode), ALL_FIELDS, api.editor).json()["data"]
        assert ALL_FIELDS.items() <= changed.items()
        # The same once more is no change, whatever type a value has on its way.
        assert api.client.patch(path_of(episode), ALL_FIELDS, api.admin).json()["data"] == changed

    def test_null_clears_what_may_be_empty_and_nothing_else(self, api: Api) -> None:
        episode = api.create_episode(**ALL_FIELDS)
        nulls = dict.fromkeys(ALL_FIELDS.keys() - REQUIRED)
        cleared = api.client.patch(path_of(episode), nulls, api.editor).json()["data"]
        assert {name: cleared[name] for name in nulls} == nulls | {"tags": [], "metadata": {}}
        required = REQUIRED | {"episode_title", "show_id", "show_name"}
        answer = api.client.patch(path_of(episode), dict.fromkeys(required), api.editor)
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {f"body.{name}" for name in required}

    def test_privileged_fields_are_refused(self, api: Api) -> None:
        episode = api.create_episode()
        for field in PRIVILEGED:
            answer = api.client.patch(path_of(episode), {"genre": "drama", field: str(uuid4())}, api.admin)
            assert problems(answer, 400, "VALIDATION_ERROR") == {f"body.{field}": "There is no such field"}
        assert api.client.get(path_of(episode), api.viewer).json()["data"] == episode

    @pytest.mark.requirement("C-03", "P1-14")
    def test_takes_the_other_names(self, api: Api) -> None:
        episode = api.create_episode()
        body = {"episode_title": "Ants", "plot_summary": "Small.", "duration_minutes": 20}
        changed = api.client.patch(path_of(episode), body, api.editor).json()["data"]
        assert (changed["title"], changed["description"], changed["duration_seconds"]) == ("Ants", "Small.", 1200)
        both = {"plot_summary": None, "description": None, "duration_minutes": None}
        changed = api.client.patch(path_of(episode), both, api.editor).json()["data"]
        assert (changed["description"], changed["duration_seconds"]) == (None, None)

    @pytest.mark.requirement("C-03")
    def test_minutes_that_are_stored_keep_the_seconds(self, api: Api) -> None:
        episode = api.create_episode(duration_seconds=1510)
        body = {"duration_minutes": episode["duration_minutes"], "genre": "drama"}
        changed = api.client.patch(path_of(episode), body, api.editor).json()["data"]
        assert (changed["duration_seconds"], changed["genre"]) == (1510, "drama")

    @pytest.mark.requirement("C-03")
    def test_names_that_disagree_are_refused_one_by_one(self, api: Api) -> None:
        episode = api.create_episode()
        body = {"title": "Ants", "episode_title": "Bees", "description": None, "plot_summary": "", "genre": "drama"}
        answer = api.client.patch(path_of(episode), body | {"duration_seconds": 59, "duration_minutes": 1}, api.editor)
        expected = {"body.episode_title", "body.plot_summary", "body.duration_minutes"}
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == expected
        assert api.client.get(path_of(episode), api.viewer).json()["data"] == episode

    @pytest.mark.requirement("C-02")
    def test_another_show_moves_it(self, api: Api) -> None:
        episode, other, deleted = api.create_episode(), api.create_show(), api.create_show()
        api.delete(f"/api/v1/shows/{deleted['show_id']}")
        for named in ({"show_id": deleted["show_id"]}, {"show_name": deleted["name"]}, {"show_name": "Nowhere"}):
            answer = api.client.patch(path_of(episode), named, api.editor)
            assert problems(answer, 404, "NOT_FOUND").keys() == {f"body.{name}" for name in named}
        both = {"show_id": episode["show_id"], "show_name": other["name"]}
        problems(api.client.patch(path_of(episode), both, api.editor), 400, "VALIDATION_ERROR")
        moved = api.client.patch(path_of(episode), {"show_name": other["name"]}, api.editor).json()["data"]
        assert (moved["show_id"], moved["show_name"]) == (other["show_id"], other["name"])
        back = api.client.patch(path_of(episode), {"show_id": episode["show_id"]}, api.editor).json()["data"]
        assert differing(episode, back) == set()

    @pytest.mark.requirement("ROAD-75", "P1-04")
    def test_taken_number_is_a_conflict(self, api: Api) -> None:
        show = api.create_show()
        first, second = (api.create_episode(show, episode_number=number) for number in (1, 2))
        answer = api.client.patch(path_of(second), {"episode_number": 1}, api.editor)
        assert problems(answer, 409, "CONFLICT").keys() == {"body.episode_number"}
        assert api.client.get(path_of(first), api.viewer).json()["data"] == first

    def test_unknown_deleted_and_of_a_deleted_show_are_404(self, api: Api) -> None:
        deleted, orphan = api.create_episode(), api.create_episode()
        api.delete(path_of(deleted))
        with api.client.app.state.resources.database.transaction() as connection:
            connection.execute("UPDATE shows SET deleted_at = now() WHERE show_id = %s", [orphan["show_id"]])
        for episode_id in (uuid4(), deleted["episode_id"], orphan["episode_id"]):
            for answer in (
                api.client.patch(f"/api/v1/episodes/{episode_id}", {"genre": "drama"}, api.admin),
                api.client.delete(f"/api/v1/episodes/{episode_id}", api.admin),
            ):
                assert problems(answer, 404, "NOT_FOUND").keys() == {"path.episode_id"}

    def test_description_example_is_accepted(self, api: Api) -> None:
        (example,) = api.client.get("/openapi.json").json()["components"]["schemas"]["EpisodeUpdate"]["examples"]
        assert api.client.patch(path_of(api.create_episode()), example, api.editor).status_code == 200


class TestVersions:
    def test_stale_tag_is_412_and_nothing_changes(self, api: Api) -> None:
        created = api.create_episode()
        current = api.client.patch(path_of(created), {"genre": "drama"}, api.editor).json()["data"]
        stale = {"If-Match": created["etag"]}
        for answer in (
            api.client.patch(path_of(created), {"genre": "comedy"}, api.admin, headers=stale),
            api.client.delete(path_of(created), api.admin, headers=stale),
        ):
            assert problems(answer, 412, "PRECONDITION_FAILED").keys() == {"header.if-match"}
        answer = api.client.get(path_of(created), api.viewer)
        assert (answer.json()["data"], answer.headers["etag"]) == (current, current["etag"])
        again = api.client.patch(
            path_of(created), {"genre": "comedy"}, api.admin, headers={"If-Match": current["etag"]}
        )
        assert again.json()["data"]["genre"] == "comedy"

    def test_tag_is_another_whenever_the_answer_is(self, api: Api) -> None:
        """The show's name and the worker's results are parts of the answer too."""
        episode = api.create_episode()
        api.client.patch(f"/api/v1/shows/{episode['show_id']}", {"name": "Renamed"}, api.editor)
        renamed = api.client.get(path_of(episode), api.viewer).json()["data"]
        with api.client.app.state.resources.database.transaction() as connection:
            connection.execute("UPDATE episodes SET processing_status = 'complete'")
        processed = api.client.get(path_of(episode), api.viewer).json()["data"]
        assert len({episode["etag"], renamed["etag"], processed["etag"]}) == 3


class TestManyEditors:
    def test_no_update_is_lost(self, api: Api, database: Any) -> None:
        """Of fifty who know one version, one gets through. All the others know that they did not.

        The row is held until several wait for it: each of them has been let in before any other has changed anything.
        """
        episode = api.create_episode()
        editors = [User.of("editor") for _ in range(EDITORS)]

        def edit(number: int) -> int:
            with asyncio.Runner() as runner:
                client, body = Client(api.client.app, runner), {"metadata": {"by": number}}
                headers = {"If-Match": episode["etag"]}
                status = 503
                # Fifty share four connections: who waits too long for one is told to come again.
                while status == 503:
                    status = client.patch(path_of(episode), body, editors[number], headers=headers).status_code
                return status

        with (
            psycopg.connect(database.conninfo, autocommit=True) as looking,
            psycopg.connect(database.conninfo) as holding,
            ThreadPoolExecutor(EDITORS) as threads,
        ):
            holding.execute("SELECT FROM episodes FOR UPDATE")
            answers = threads.map(edit, range(EDITORS))
            while len(looking.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall()) < WAITING:
                pass
            holding.rollback()
            statuses = list(answers)
        assert sorted(statuses) == [200] + [412] * (EDITORS - 1)
        stored = api.client.get(path_of(episode), api.viewer).json()["data"]
        assert stored["metadata"] == {"by": statuses.index(200)}


class TestDeleteEpisode:
    @pytest.mark.requirement("P1-15", "ROAD-97", "C-38", "P1-03")
    def test_hides_it_everywhere_and_says_who_when_and_why(self, api: Api) -> None:
        episode, kept = api.create_episode(title="Dandelions"), api.create_episode(title="Dandelions")
        upload = api.announce(b"photo", episode=episode)
        api.store(upload, b"photo")
        answer = api.client.delete(path_of(episode), api.admin, params={"reason": "Twice."})
        deleted = answer.json()["data"]
        assert (answer.status_code, deleted["deleted_reason"]) == (200, "Twice.")
        assert (deleted["deleted_by"], answer.headers["etag"]) == (str(api.admin.user_id), deleted["etag"])
        for path in (path_of(episode), f"{path_of(episode)}/thumbnails"):
            problems(api.client.get(path, api.admin), 404, "NOT_FOUND")
        for path in ("/api/v1/episodes", "/api/v1/search?q=dandelions"):
            found = api.client.get(path, api.admin).json()["data"]
            assert [one["episode_id"] for one in found] == [kept["episode_id"]]
        body = api.announcement(b"photo", episode=episode)
        problems(api.client.post("/api/v1/upload/generate-url", body, api.editor), 404, "NOT_FOUND")
        assert problems(api.complete(upload), 404, "NOT_FOUND").keys() == {"path.upload_id"}
        assert api.client.get("/api/v1/jobs", api.editor).json()["data"] == []

    def test_thumbnails_of_a_deleted_episode_are_hidden(self, api: Api) -> None:
        episode = api.create_episode()
        upload = api.announce(b"photo", episode=episode)
        api.store(upload, b"photo")
        job = api.complete(upload).json()["data"]
        with api.client.app.state.resources.database.transaction() as connection:
            row = connection.execute(
                """
                INSERT INTO thumbnails (entity_type, entity_id, size_variant, job_id, file_reference, s3_bucket, s3_key,
                                        width, height, file_size_bytes, mime_type, format)
                VALUES ('episode', %s, 'primary', %s, 's3://t/x', 't', 'x', 1, 1, 1, 'image/jpeg', 'jpeg')
                RETURNING thumbnail_id
                """,
                [episode["episode_id"], job["job_id"]],
            ).fetchone()
        assert row
        path = f"/api/v1/thumbnails/{row['thumbnail_id']}"
        assert api.client.get(path, api.viewer).status_code == 200
        api.delete(path_of(episode))
        problems(api.client.get(path, api.admin), 404, "NOT_FOUND")
        api.client.post(f"{path_of(episode)}/restore", user=api.admin)
        assert api.client.get(path, api.viewer).status_code == 200

    @pytest.mark.requirement("ROAD-97")
    def test_deleted_episodes_are_there_for_administrators_who_ask(self, api: Api) -> None:
        show = api.create_show()
        deleted, kept = api.delete(path_of(api.create_episode(show))), api.create_episode(show)
        asking = {"include_deleted": "true"}
        assert api.client.get(path_of(deleted), api.admin, params=asking).json()["data"] == deleted
        listed = api.client.get("/api/v1/episodes", api.admin, params=asking | {"show_id": show["show_id"]})
        assert [one["deleted_at"] for one in listed.json()["data"]] == [None, deleted["deleted_at"]]
        plain = api.client.get("/api/v1/episodes", api.admin).json()["data"]
        assert [one["episode_id"] for one in plain] == [kept["episode_id"]]
        for path in ("/api/v1/episodes", path_of(deleted)):
            for user in (api.viewer, api.editor):
                problems(api.client.get(path, user, params=asking), 403, "FORBIDDEN")


class TestRestoreEpisode:
    @pytest.mark.requirement("C-38")
    def test_brings_it_back_as_it_was(self, api: Api) -> None:
        episode = api.create_episode(**ALL_FIELDS)
        api.delete(path_of(episode))
        restored = api.client.post(f"{path_of(episode)}/restore", user=api.admin).json()["data"]
        assert differing(episode, restored) == {"restored_at", "restored_by"}
        assert restored["restored_by"] == str(api.admin.user_id)
        assert api.client.get(path_of(episode), api.viewer).json()["data"] == restored

    def test_waits_for_its_show(self, api: Api) -> None:
        episode = api.create_episode()
        show = f"/api/v1/shows/{episode['show_id']}"
        api.delete(path_of(episode))
        api.delete(show)
        answer = api.client.post(f"{path_of(episode)}/restore", user=api.admin)
        assert problems(answer, 409, "CONFLICT").keys() == {"path.episode_id"}
        for path in (show, path_of(episode)):
            assert api.client.post(f"{path}/restore", user=api.admin).status_code == 200

    def test_what_is_not_deleted_is_a_conflict_and_what_is_not_there_404(self, api: Api) -> None:
        answer = api.client.post(f"{path_of(api.create_episode())}/restore", user=api.admin)
        assert problems(answer, 409, "CONFLICT").keys() == {"path.episode_id"}
        problems(api.client.post(f"/api/v1/episodes/{uuid4()}/restore", user=api.admin), 404, "NOT_FOUND")
