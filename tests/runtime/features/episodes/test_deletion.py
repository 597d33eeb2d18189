"""Episodes: deleted with a reason, out of sight for all but administrators who ask, and restored."""

from uuid import uuid4

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.episodes.whole_episode import ALL_FIELDS, differing, path_of


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
