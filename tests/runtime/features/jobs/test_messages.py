"""The outbox topic that copies originals: at once, by the relay, or failing the job when the file is missing."""

from typing import Any
from uuid import UUID

import pytest

from runtime.adapters.objects import ObjectStore
from runtime.errors import UnavailableError
from runtime.features.jobs import repository as jobs
from runtime.mechanisms.outbox.service import Outbox, RelayResult
from tests.runtime.features.api_platform import Api

PHOTO = b"\xff\xd8\xff" + b"a photograph" * 50


def outbox(api: Api) -> Outbox:
    found: Outbox = api.client.app.state.resources.outbox
    return found


def copies(api: Api) -> list[str]:
    listed = api.account.client("s3").list_objects_v2(Bucket=api.buckets["storage"])
    return [f"s3://{api.buckets['storage']}/{found['Key']}" for found in listed.get("Contents", [])]


def job(api: Api, completed: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.client.get(f"/api/v1/jobs/{completed['job_id']}", api.editor).json()["data"]
    return found


def make_outbox_due(api: Api) -> None:
    with api.client.app.state.resources.database.transaction() as connection:
        connection.execute("UPDATE outbox SET not_before = now()")


@pytest.fixture
def delayed(api: Api, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Complete an upload whose copy fails."""
    upload = api.create_upload(PHOTO)
    api.store(upload, PHOTO)

    def raise_unavailable(*_: Any, **__: Any) -> None:
        raise UnavailableError("the object store does not respond")

    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "copy", raise_unavailable)
        response = api.complete(upload)
    assert response.status_code == 200, response.text
    completed: dict[str, Any] = response.json()["data"]
    assert (copies(api), job(api, completed)["status"]) == ([], "pending")
    return completed


class TestOriginalCopyTopic:
    def test_failed_copy_is_repeated_by_the_relay(self, api: Api, delayed: dict[str, Any]) -> None:
        assert outbox(api).relay() == RelayResult()
        make_outbox_due(api)
        assert outbox(api).relay() == RelayResult(sent=1)
        assert copies(api) == [delayed["file_reference"]]

    def test_repeated_completion_returns_the_same_job_and_does_not_copy(
        self, api: Api, delayed: dict[str, Any]
    ) -> None:
        assert api.complete(delayed).json()["data"] == delayed
        assert copies(api) == []
        make_outbox_due(api)
        outbox(api).relay()
        assert api.complete(delayed).json()["data"] == delayed
        assert copies(api) == [delayed["file_reference"]]

    def test_missing_file_fails_the_job(self, api: Api, delayed: dict[str, Any]) -> None:
        s3, bucket = api.account.client("s3"), api.buckets["temp"]
        for version in s3.list_object_versions(Bucket=bucket)["Versions"]:
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        make_outbox_due(api)
        assert outbox(api).relay() == RelayResult(abandoned=1)
        ended = job(api, delayed)
        assert (ended["status"], ended["error_code"]) == ("failed", "SOURCE_MISSING")
        episode = api.client.get(f"/api/v1/episodes/{delayed['entity_id']}", api.viewer).json()["data"]
        assert episode["processing_status"] == "failed"
        assert api.complete(delayed).json()["data"] == delayed | {"status": "failed"}

    def test_missing_file_does_not_fail_a_started_job(self, api: Api, delayed: dict[str, Any]) -> None:
        """The copy succeeded but was not recorded; a second copy finds no upload while the worker already runs."""
        with api.client.app.state.resources.database.transaction() as connection:
            assert jobs.claim(connection, UUID(delayed["job_id"]), 60)
            assert not jobs.fail_pending(connection, UUID(delayed["job_id"]), error_code="X", error_message="x")
        assert job(api, delayed)["status"] == "processing"
