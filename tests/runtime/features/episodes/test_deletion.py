"""Episodes: deletion with a reason, visibility of deleted episodes, restoring."""

from uuid import uuid4

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.episodes.episode_fields import ALL_FIELDS, differing, path_of


class TestDeleteEpisode:
    @pytest.mark.requirement("P1-15", "ROAD-97", "C-38", "P1-03")
    def test_deleted_episode_is_hidden_with_user_time_and_reason(self, api: Api) -> None:
        episode, kept = api.create_episode(title="Dandelions"), api.create_episode(title="Dandelions")
        upload = api.create_upload(b"photo", episode=episode)
        api.store(upload, b"photo")
        response = api.client.delete(path_of(episode), api.admin, params={"reason": "Twice."})
        deleted = response.json()["data"]
        assert (response.status_code, deleted["deleted_reason"]) == (200, "Twice.")
        assert (deleted["deleted_by"], response.headers["etag"]) == (str(api.admin.user_id), deleted["etag"])
        for path in (path_of(episode), f"{path_of(episode)}/thumbnails"):
            problems(api.client.get(path, api.admin), 404, "NOT_FOUND")
        for path in ("/api/v1/episodes", "/api/v1/search?q=dandelions"):
            found = api.client.get(path, api.admin).json()["data"]
            assert [one["episode_id"] for one in found] == [kept["episode_id"]]
        body = api.upload_body(b"photo", episode=episode)
        problems(api.client.post("/api/v1/upload/generate-url", body, api.editor), 404, "NOT_FOUND")
        assert problems(api.complete(upload), 404, "NOT_FOUND").keys() == {"path.upload_id"}
        assert api.client.get("/api/v1/jobs", api.editor).json()["data"] == []

    def test_thumbnails_of_a_deleted_episode_are_hidden(self, api: Api) -> None:
        episode = api.create_episode()
        upload = api.create_upload(b"photo", episode=episode)
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
    def test_administrators_can_include_deleted_episodes(self, api: Api) -> None:
        show = api.create_show()
        deleted, kept = api.delete(path_of(api.create_episode(show))), api.create_episode(show)
        include_deleted = {"include_deleted": "true"}
        assert api.client.get(path_of(deleted), api.admin, params=include_deleted).json()["data"] == deleted
        listed = api.client.get("/api/v1/episodes", api.admin, params=include_deleted | {"show_id": show["show_id"]})
        assert [one["deleted_at"] for one in listed.json()["data"]] == [None, deleted["deleted_at"]]
        plain = api.client.get("/api/v1/episodes", api.admin).json()["data"]
        assert [one["episode_id"] for one in plain] == [kept["episode_id"]]
        for path in ("/api/v1/episodes", path_of(deleted)):
            for user in (api.viewer, api.editor):
                problems(api.client.get(path, user, params=include_deleted), 403, "FORBIDDEN")


class TestRestoreEpisode:
    @pytest.mark.requirement("C-38")
    def test_restored_episode_is_unchanged(self, api: Api) -> None:
        episode = api.create_episode(**ALL_FIELDS)
        api.delete(path_of(episode))
        restored = api.client.post(f"{path_of(episode)}/restore", user=api.admin).json()["data"]
        assert differing(episode, restored) == {"restored_at", "restored_by"}
        assert restored["restored_by"] == str(api.admin.user_id)
        assert api.client.get(path_of(episode), api.viewer).json()["data"] == restored

    def test_episode_of_a_deleted_show_is_409(self, api: Api) -> None:
        episode = api.create_episode()
        show = f"/api/v1/shows/{episode['show_id']}"
        api.delete(path_of(episode))
        api.delete(show)
        response = api.client.post(f"{path_of(episode)}/restore", user=api.admin)
        assert problems(response, 409, "CONFLICT").keys() == {"path.episode_id"}
        for path in (show, path_of(episode)):
            assert api.client.post(f"{path}/restore", user=api.admin).status_code == 200

    def test_live_episode_is_409_and_unknown_404(self, api: Api) -> None:
        response = api.client.post(f"{path_of(api.create_episode())}/restore", user=api.admin)
        assert problems(response, 409, "CONFLICT").keys() == {"path.episode_id"}
        problems(api.client.post(f"/api/v1/episodes/{uuid4()}/restore", user=api.admin), 404, "NOT_FOUND")
