"""Jobs requested by the API reach the worker: through a real bucket notification, a real queue and the real handler."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambda_src.thumbnails.handler import handler
from runtime.settings import load_settings
from tests.runtime.features.api_platform import Api

PHOTOGRAPH = Path(__file__).parents[3] / "assets" / "dandelions.jpg"

DeliverMessages = Callable[[], int]


@pytest.fixture
def photo() -> bytes:
    return PHOTOGRAPH.read_bytes()


@pytest.fixture
def deliver_messages(api: Api, monkeypatch: pytest.MonkeyPatch) -> DeliverMessages:
    """Return a function that delivers the queue's messages to the worker, expects no failures and returns their number."""
    monkeypatch.setenv("PLATFORM_JOB_LEASE_SECONDS", "60")
    monkeypatch.setenv("PLATFORM_IMAGE_MAX_PIXELS", "50000000")
    monkeypatch.setenv("PLATFORM_IMAGE_MAX_BYTES", "20000000")
    sqs, bucket = api.account.client("sqs"), api.buckets["storage"]
    url = sqs.create_queue(QueueName=f"{bucket}-queue")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    originals = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "raw/"}]}}
    told = [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": originals}]
    api.account.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": told}
    )

    def deliver() -> int:
        received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        # S3's test event has no records.
        messages = [message for message in received if "Records" in json.loads(message["Body"])]
        records = [
            {
                "messageId": message["MessageId"],
                "body": message["Body"],
                "attributes": {"ApproximateReceiveCount": "1"},
            }
            for message in messages
        ]
        assert handler({"Records": records}, None) == {"batchItemFailures": []}
        for message in received:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(messages)

    return deliver


def upload(api: Api, episode: dict[str, Any], content: bytes) -> str:
    announced = api.create_upload(content, episode=episode)
    api.store(announced, content)
    answer = api.complete(announced)
    assert answer.status_code == 200, answer.text
    job_id: str = answer.json()["data"]["job_id"]
    return job_id


def job(api: Api, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.client.get(f"/api/v1/jobs/{job_id}", api.editor).json()["data"]
    return found


def thumbnails(api: Api, episode: dict[str, Any]) -> dict[str, str]:
    listed = api.client.get(f"/api/v1/episodes/{episode['episode_id']}/thumbnails", api.viewer).json()["data"]
    return {one["variant"]: one["file_reference"] for one in listed}


def files(api: Api) -> set[str]:
    bucket = api.buckets["thumbnails"]
    listed = api.account.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    return {f"s3://{bucket}/{found['Key']}" for found in listed}


@pytest.mark.requirement("P1-25", "P2-22", "C-33", "ROAD-91")
def test_processing_again_restores_deleted_thumbnail(api: Api, deliver_messages: DeliverMessages, photo: bytes) -> None:
    episode = api.create_episode()
    upload(api, episode, photo)
    assert deliver_messages() == 1
    before = thumbnails(api, episode)
    assert before.keys() == {"primary", "medium", "small"}
    listed = api.client.get(f"/api/v1/episodes/{episode['episode_id']}/thumbnails", api.viewer).json()["data"]
    assert api.client.delete(f"/api/v1/thumbnails/{listed[0]['thumbnail_id']}", api.admin).status_code == 204
    assert files(api) == {before["medium"], before["small"]}

    answer = api.client.post(f"/api/v1/episodes/{episode['episode_id']}/process", user=api.editor)
    assert answer.status_code == 202, answer.text
    assert deliver_messages() == 1
    made = job(api, answer.json()["data"]["job_id"])
    assert (made["status"], made["retry_count"], made["error_code"]) == ("completed", 0, None)
    # The same image has the same files.
    assert thumbnails(api, episode) == before
    assert files(api) == set(before.values())
    found = api.client.get(f"/api/v1/episodes/{episode['episode_id']}", api.viewer).json()["data"]
    assert (found["thumbnail_reference"], found["processing_status"]) == (before["primary"], "complete")
    assert deliver_messages() == 0


@pytest.mark.requirement("P2-24", "P2-35")
def test_retried_job_completes(
    api: Api, deliver_messages: DeliverMessages, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    episode = api.create_episode()
    failed = upload(api, episode, photo)
    with monkeypatch.context() as patched:
        # A worker whose limit is too low.
        patched.setenv("PLATFORM_IMAGE_MAX_BYTES", "1000")
        assert deliver_messages() == 1
    found = job(api, failed)
    assert (found["status"], found["error_code"]) == ("failed", "TOO_MANY_BYTES")
    assert thumbnails(api, episode) == {}

    load_settings.cache_clear()
    answer = api.client.post("/api/v1/jobs/retry", {"job_ids": [failed]}, api.admin)
    assert answer.status_code == 202, answer.text
    assert deliver_messages() == 1
    assert job(api, failed)["status"] == "completed"
    assert thumbnails(api, episode).keys() == {"primary", "medium", "small"}
    assert deliver_messages() == 0


@pytest.mark.requirement("P2-35")
def test_retried_job_with_invalid_image_fails_again(api: Api, deliver_messages: DeliverMessages) -> None:
    failed = upload(api, api.create_episode(), b"\xff\xd8\xff no photograph")
    assert deliver_messages() == 1
    first = job(api, failed)
    assert first["status"] == "failed"
    assert api.client.post(f"/api/v1/jobs/{failed}/retry", user=api.admin).status_code == 202
    assert deliver_messages() == 1
    again = job(api, failed)
    assert (again["status"], again["error_code"]) == ("failed", first["error_code"])
    assert again["started_at"] > first["started_at"]


@pytest.mark.requirement("P2-35", "P2-24")
def test_retried_older_job_keeps_newer_picture(api: Api, deliver_messages: DeliverMessages, photo: bytes) -> None:
    episode = api.create_episode()
    older = upload(api, episode, photo[:-2000])
    assert deliver_messages() == 1
    assert job(api, older)["status"] == "failed"
    upload(api, episode, photo)
    assert deliver_messages() == 1
    before = thumbnails(api, episode)
    assert len(before) == 3
    assert api.client.post(f"/api/v1/jobs/{older}/retry", user=api.admin).status_code == 202
    assert deliver_messages() == 1
    assert thumbnails(api, episode) == before
