"""A picture announced under its episode: the same as an upload that is announced with the episode in its body."""

import hashlib
from typing import Any
from uuid import uuid4

import pytest

from tests.runtime.features.api_platform import Api, problems

PHOTO = b"\xff\xd8\xff" + b"a photograph" * 50
ANNOUNCED = {
    "file_name": "photo.jpg",
    "file_type": "image/jpeg",
    "byte_count": len(PHOTO),
    "sha256": hashlib.sha256(PHOTO).hexdigest(),
}


def path(episode_id: Any) -> str:
    return f"/api/v1/episodes/{episode_id}/thumbnails"


@pytest.mark.requirement("P1-18")
class TestUploadPicture:
    def test_form_leads_to_a_job_of_the_episode(self, api: Api) -> None:
        episode = api.create_episode()
        answer = api.client.post(path(episode["episode_id"]), ANNOUNCED, api.editor)
        assert answer.status_code == 201, answer.text
        form = answer.json()["data"]
        other = api.announce(PHOTO, episode=episode)
        assert form.keys() == other.keys()
        assert form["fields"].keys() == other["fields"].keys()
        assert form["fields"]["key"] == f"uploads/{form['upload_id']}"
        api.store(form, PHOTO)
        done = api.complete(form).json()["data"]
        assert (done["entity_type"], done["entity_id"]) == ("episode", episode["episode_id"])
        assert done["status"] == "pending"

    def test_is_in_the_log_like_any_upload(self, api: Api) -> None:
        episode = api.create_episode()
        form = api.client.post(path(episode["episode_id"]), ANNOUNCED, api.editor).json()["data"]
        (entry,) = api.client.get("/api/v1/activity-logs?resource_type=upload", api.admin).json()["data"]
        assert entry["resource_id"] == form["upload_id"]
        expected = ANNOUNCED | {"entity_type": "episode", "entity_id": episode["episode_id"]}
        assert entry["new_values"] == expected

    def test_unknown_and_deleted_episodes_are_404(self, api: Api) -> None:
        episode = api.create_episode()
        api.delete(f"/api/v1/episodes/{episode['episode_id']}")
        for gone in (uuid4(), episode["episode_id"]):
            answer = api.client.post(path(gone), ANNOUNCED, api.editor)
            assert problems(answer, 404, "NOT_FOUND") == {"path.episode_id": "There is no such episode"}

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("file_type", "image/svg+xml"),
            ("byte_count", 10_485_761),
            ("sha256", "x"),
            ("entity_id", "01981b2e-7c3a-7d41-9a55-0242ac120002"),
            ("entity_type", "episode"),
        ],
    )
    def test_wrong_announcements_are_refused_and_named(self, api: Api, field: str, value: Any) -> None:
        answer = api.client.post(path(api.create_episode()["episode_id"]), ANNOUNCED | {field: value}, api.editor)
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {f"body.{field}"}

    def test_example_of_the_description_is_understood(self, api: Api) -> None:
        schema = api.client.get("/openapi.json").json()["components"]["schemas"]["ImageCreate"]
        answer = api.client.post(path(api.create_episode()["episode_id"]), schema["examples"][0], api.editor)
        assert answer.status_code == 201
