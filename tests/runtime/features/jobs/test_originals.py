"""What follows a completed upload: its copy to where the worker hears of it, now or by the relay, or the end of its job."""

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


def let_time_pass(api: Api) -> None:
    with api.client.app.state.resources.database.transaction() as connection:
        connection.execute("UPDATE outbox SET not_before = now()")


@pytest.fixture
def delayed(api: Api, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An upload whose completion is stored but could not be copied."""
    upload = api.announce(PHOTO)
    api.store(upload, PHOTO)

    def away(*_: Any, **__: Any) -> None:
        raise UnavailableError("the object store does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "copy", away)
        answer = api.complete(upload)
    assert answer.status_code == 200, answer.text
    completed: dict[str, Any] = answer.json()["data"]
    assert (copies(api), job(api, completed)["status"]) == ([], "pending")
    return completed


class TestUploadCopies:
    def test_copy_that_failed_is_made_by_the_relay(self, api: Api, delayed: dict[str, Any]) -> None:
        assert outbox(api).relay() == RelayResult()
        let_time_pass(api)
        assert outbox(api).relay() == RelayResult(sent=1)
        assert copies(api) == [delayed["file_reference"]]

    def test_repeated_completion_answers_the_same_and_leaves_the_copy_to_the_relay(
        self, api: Api, delayed: dict[str, Any]
    ) -> None:
        assert api.complete(delayed).json()["data"] == delayed
        assert copies(api) == []
        let_time_pass(api)
        outbox(api).relay()
        assert api.complete(delayed).json()["data"] == delayed
        assert copies(api) == [delayed["file_reference"]]

    def test_file_that_is_gone_by_then_ends_its_job(self, api: Api, delayed: dict[str, Any]) -> None:
        s3, bucket = api.account.client("s3"), api.buckets["temp"]
        for version in s3.list_object_versions(Bucket=bucket)["Versions"]:
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        let_time_pass(api)
        assert outbox(api).relay() == RelayResult(abandoned=1)
        ended = job(api, delayed)
        assert (ended["status"], ended["error_code"]) == ("failed", "SOURCE_MISSING")
        episode = api.client.get(f"/api/v1/episodes/{delayed['entity_id']}", api.viewer).json()["data"]
        assert episode["processing_status"] == "failed"
        assert api.complete(delayed).json()["data"] == delayed | {"status": "failed"}

    def test_job_that_began_is_not_ended_for_a_missing_source(self, api: Api, delayed: dict[str, Any]) -> None:
        """A copy was made and not noted; its worker is at work when a second copy finds the upload gone."""
        with api.client.app.state.resources.database.transaction() as connection:
            assert jobs.claim(connection, UUID(delayed["job_id"]), 60)
            assert not jobs.fail_pending(connection, UUID(delayed["job_id"]), error_code="X", error_message="x")
        assert job(api, delayed)["status"] == "processing"
