"""Processing an episode again: a new job from its current original, or an error that names what is missing."""

from typing import Any
from uuid import uuid4

import pytest

from runtime.adapters.objects import ObjectStore
from runtime.errors import UnavailableError
from runtime.mechanisms.outbox.service import RelayResult
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.jobs.job_rows import PHOTO, complete, fail, job, make_jobs, make_outbox_due, rows, upload


def path(episode: dict[str, Any]) -> str:
    return f"/api/v1/episodes/{episode['episode_id']}/process"


def stored(api: Api, reference: str) -> tuple[bytes, str]:
    bucket, key = reference.removeprefix("s3://").split("/", 1)
    found = api.account.client("s3").get_object(Bucket=bucket, Key=key)
    return found["Body"].read(), found["ContentType"]


def raise_unavailable(*_: Any, **__: Any) -> None:
    raise UnavailableError("the object store does not respond")


def forget(api: Api, reference: str) -> None:
    bucket, key = reference.removeprefix("s3://").split("/", 1)
    api.account.client("s3").delete_object(Bucket=bucket, Key=key)


@pytest.mark.requirement("P1-25", "P2-22", "P2-26")
class TestProcessEpisode:
    @pytest.mark.parametrize("body", [None, {}, {"job_type": "thumbnail_generation"}], ids=["none", "empty", "named"])
    def test_creates_a_job_with_its_own_copy_of_the_original(self, api: Api, body: Any) -> None:
        episode = api.create_episode()
        first = upload(api, episode)
        complete(api, first["job_id"])
        response = api.client.post(path(episode), body, api.editor)
        assert response.status_code == 202, response.text
        created = response.json()["data"]
        assert created["job_id"] != first["job_id"]
        assert (created["status"], created["job_type"]) == ("pending", "thumbnail_generation")
        assert (created["entity_type"], created["entity_id"]) == ("episode", episode["episode_id"])
        key = f"raw/episodes/{episode['episode_id']}/{created['job_id']}"
        assert created["source_reference"] == f"s3://{api.buckets['storage']}/{key}"
        assert created["created_by"] == str(api.editor.user_id)
        assert job(api, created["job_id"]) == created
        assert stored(api, created["source_reference"]) == (PHOTO, "image/jpeg")

    def test_newest_original_is_used(self, api: Api) -> None:
        episode, other = api.create_episode(), api.create_episode()
        for number in range(2):
            complete(api, upload(api, episode, PHOTO + bytes([number]))["job_id"])
        upload(api, other, PHOTO + b"\7")
        first = api.client.post(path(episode), user=api.editor).json()["data"]
        assert stored(api, first["source_reference"])[0] == PHOTO + b"\1"
        # The job's copy of the original is itself an original.
        complete(api, first["job_id"])
        second = api.client.post(path(episode), user=api.editor).json()["data"]
        assert stored(api, second["source_reference"])[0] == PHOTO + b"\1"

    @pytest.mark.parametrize(("error_code", "current"), [("CORRUPT_IMAGE", b"\0"), ("SERVICE_UNAVAILABLE", b"\1")])
    def test_original_that_is_not_an_image_is_skipped(self, api: Api, error_code: str, current: bytes) -> None:
        episode = api.create_episode()
        complete(api, upload(api, episode, PHOTO + b"\0")["job_id"])
        fail(api, upload(api, episode, PHOTO + b"\1")["job_id"], error_code=error_code)
        created = api.client.post(path(episode), user=api.editor).json()["data"]
        assert stored(api, created["source_reference"])[0] == PHOTO + current

    def test_missing_original_is_409(self, api: Api) -> None:
        missing = "The episode has no original; upload an image first"
        never = api.create_episode()
        rejected = api.create_episode()
        fail(api, upload(api, rejected)["job_id"])
        elsewhere = api.create_episode()
        make_jobs(api, 1, elsewhere, source_reference="s3://another/raw/episodes/x")
        gone = api.create_episode()
        lost = upload(api, gone)
        complete(api, lost["job_id"])
        forget(api, lost["file_reference"])
        before = len(rows(api, "SELECT FROM processing_queue"))
        for episode in (never, rejected, elsewhere, gone):
            response = api.client.post(path(episode), user=api.editor)
            assert problems(response, 409, "CONFLICT") == {"path.episode_id": missing}
        assert len(rows(api, "SELECT FROM processing_queue")) == before

    def test_pending_newest_original_is_409_and_no_older_one_is_used(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        episode = api.create_episode()
        complete(api, upload(api, episode)["job_id"])
        with monkeypatch.context() as patched:
            patched.setattr(ObjectStore, "copy", raise_unavailable)
            newest = upload(api, episode, PHOTO + b"\1")
        response = api.client.post(path(episode), user=api.editor)
        expected = "The episode's newest original is not stored yet; its job is pending"
        assert problems(response, 409, "CONFLICT") == {"path.episode_id": expected}
        make_outbox_due(api)
        api.client.app.state.resources.outbox.relay()
        created = api.client.post(path(episode), user=api.editor).json()["data"]
        assert stored(api, created["source_reference"]) == stored(api, newest["file_reference"])

    def test_archived_original_is_409(self, api: Api) -> None:
        episode = api.create_episode()
        bucket, key = upload(api, episode)["file_reference"].removeprefix("s3://").split("/", 1)
        api.account.client("s3").put_object(Bucket=bucket, Key=key, Body=PHOTO, StorageClass="GLACIER")
        response = api.client.post(path(episode), user=api.editor)
        expected = {"path.episode_id": "The episode's original is archived; upload it again"}
        assert problems(response, 409, "CONFLICT") == expected

    def test_unknown_and_deleted_episodes_are_404(self, api: Api) -> None:
        episode = api.create_episode()
        upload(api, episode)
        api.delete(f"/api/v1/episodes/{episode['episode_id']}")
        for gone in (episode, {"episode_id": uuid4()}):
            response = api.client.post(path(gone), user=api.editor)
            assert problems(response, 404, "NOT_FOUND") == {"path.episode_id": "Episode not found"}

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"job_type": "metadata_extraction"}, "body.job_type"),
            ({"job_type": "transcoding"}, "body.job_type"),
            ({"job_type": None}, "body.job_type"),
            ({"source_reference": "s3://x/y"}, "body.source_reference"),
            ([], "body"),
        ],
        ids=str,
    )
    def test_invalid_bodies_are_rejected(self, api: Api, body: Any, field: str) -> None:
        episode = api.create_episode()
        upload(api, episode)
        response = api.client.post(path(episode), body, api.editor)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {field}

    def test_schema_example_is_accepted(self, api: Api) -> None:
        schema = api.client.get("/openapi.json").json()["components"]["schemas"]["ProcessRequest"]
        episode = api.create_episode()
        upload(api, episode)
        assert api.client.post(path(episode), schema["examples"][0], api.editor).status_code == 202

    def test_process_is_logged(self, api: Api) -> None:
        episode = api.create_episode()
        upload(api, episode)
        created = api.client.post(path(episode), user=api.editor).json()["data"]
        (entry,) = api.client.get("/api/v1/activity-logs?action_type=process", api.admin).json()["data"]
        assert (entry["resource_type"], entry["resource_id"]) == ("episode", episode["episode_id"])
        assert entry["new_values"] == {"job_id": created["job_id"], "job_type": "thumbnail_generation"}
        assert entry["user_id"] == str(api.editor.user_id)

    def test_repeated_idempotency_key_creates_one_job(self, api: Api) -> None:
        episode = api.create_episode()
        upload(api, episode)
        responses = [
            api.client.post(path(episode), user=api.editor, headers={"Idempotency-Key": "again"}) for _ in range(2)
        ]
        assert [response.status_code for response in responses] == [202, 202]
        assert responses[0].json() == responses[1].json()
        assert len(rows(api, "SELECT FROM processing_queue")) == 2

    def test_failed_copy_is_repeated_by_the_relay(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        episode = api.create_episode()
        upload(api, episode)
        with monkeypatch.context() as patched:
            patched.setattr(ObjectStore, "copy", raise_unavailable)
            response = api.client.post(path(episode), user=api.editor)
        assert response.status_code == 202
        make_outbox_due(api)
        assert api.client.app.state.resources.outbox.relay() == RelayResult(sent=1)
        assert stored(api, response.json()["data"]["source_reference"])[0] == PHOTO

    def test_original_deleted_meanwhile_fails_the_job(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        episode = api.create_episode()
        reference = upload(api, episode)["file_reference"]
        head = ObjectStore.head

        def gone_after_a_look(*arguments: Any, **options: Any) -> Any:
            found = head(*arguments, **options)
            forget(api, reference)
            return found

        with monkeypatch.context() as patched:
            patched.setattr(ObjectStore, "head", gone_after_a_look)
            created = api.client.post(path(episode), user=api.editor).json()["data"]
        found = job(api, created["job_id"])
        assert (found["status"], found["error_code"]) == ("failed", "SOURCE_MISSING")
