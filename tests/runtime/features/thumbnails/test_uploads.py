"""Uploads created under their episode's path: the same as uploads with the episode in the body."""

import hashlib
from typing import Any
from uuid import uuid4

import pytest

from tests.runtime.features.api_platform import Api, problems

PHOTO = b"\xff\xd8\xff" + b"a photograph" * 50
IMAGE_DECLARATION = {
    "file_name": "photo.jpg",
    "file_type": "image/jpeg",
    "byte_count": len(PHOTO),
    "sha256": hashlib.sha256(PHOTO).hexdigest(),
}


def path(episode_id: Any) -> str:
    return f"/api/v1/episodes/{episode_id}/thumbnails"


@pytest.mark.requirement("P1-18")
class TestUploadImage:
    def test_completed_form_creates_a_job_of_the_episode(self, api: Api) -> None:
        episode = api.create_episode()
        response = api.client.post(path(episode["episode_id"]), IMAGE_DECLARATION, api.editor)
        assert response.status_code == 201, response.text
        form = response.json()["data"]
        other = api.create_upload(PHOTO, episode=episode)
        assert form.keys() == other.keys()
        assert form["fields"].keys() == other["fields"].keys()
        assert form["fields"]["key"] == f"uploads/{form['upload_id']}"
        api.store(form, PHOTO)
        done = api.complete(form).json()["data"]
        assert (done["entity_type"], done["entity_id"]) == ("episode", episode["episode_id"])
        assert done["status"] == "pending"

    def test_upload_is_logged(self, api: Api) -> None:
        episode = api.create_episode()
        form = api.client.post(path(episode["episode_id"]), IMAGE_DECLARATION, api.editor).json()["data"]
        (entry,) = api.client.get("/api/v1/activity-logs?resource_type=upload", api.admin).json()["data"]
        assert entry["resource_id"] == form["upload_id"]
        expected = IMAGE_DECLARATION | {"entity_type": "episode", "entity_id": episode["episode_id"]}
        assert entry["new_values"] == expected

    def test_unknown_and_deleted_episodes_are_404(self, api: Api) -> None:
        episode = api.create_episode()
        api.delete(f"/api/v1/episodes/{episode['episode_id']}")
        for gone in (uuid4(), episode["episode_id"]):
            response = api.client.post(path(gone), IMAGE_DECLARATION, api.editor)
            assert problems(response, 404, "NOT_FOUND") == {"path.episode_id": "Episode not found"}

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
    def test_invalid_declarations_are_rejected_with_their_fields(self, api: Api, field: str, value: Any) -> None:
        response = api.client.post(
            path(api.create_episode()["episode_id"]), IMAGE_DECLARATION | {field: value}, api.editor
        )
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"body.{field}"}

    def test_schema_example_is_accepted(self, api: Api) -> None:
        schema = api.client.get("/openapi.json").json()["components"]["schemas"]["ImageCreate"]
        response = api.client.post(path(api.create_episode()["episode_id"]), schema["examples"][0], api.editor)
        assert response.status_code == 201
