"""Parsing of messages."""

import json
from typing import Any
from uuid import UUID

import pytest

from lambda_src.thumbnails.messages import MessageRejectedError, Source, parse

ENTITY, JOB = UUID("01a1fdb6-a2ed-7f93-a9c4-948d8a7df5fb"), UUID("01a1fdb6-a74a-7017-a6f6-bb6fdac90858")
KEY = f"raw/episodes/{ENTITY}/{JOB}"


def notification(key: str, event_name: str = "ObjectCreated:Put", **stored: Any) -> str:
    return json.dumps(
        {
            "Records": [
                {"eventName": event_name, "s3": {"bucket": {"name": "storage"}, "object": {"key": key, **stored}}}
            ]
        }
    )


class TestNotification:
    @pytest.mark.requirement("C-33")
    @pytest.mark.parametrize(
        "key", [KEY, KEY.replace("/", "%2F"), KEY.replace("-", "%2D")], ids=["aws", "moto", "encoded"]
    )
    def test_key_is_decoded(self, key: str) -> None:
        assert parse(notification(key, versionId="v1", sequencer="0A", size=3)) == [
            Source(bucket="storage", key=KEY, version_id="v1", entity_type="episode", entity_id=ENTITY, job_id=JOB)
        ]

    def test_notification_without_version(self) -> None:
        (source,) = parse(notification(KEY))
        assert source.version_id is None
        assert source.reference == f"s3://storage/{KEY}"

    def test_s3_test_event_has_no_images(self) -> None:
        assert parse('{"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-21T00:00:00Z"}') == []

    @pytest.mark.parametrize(
        "key",
        [
            "",
            "thumbs/x.jpg",
            f"{KEY}/x",
            f"x/{KEY}",
            f"raw/episodes/{ENTITY}",
            f"raw/episodes/{'-' * 36}/{JOB}",
            f"raw/../{ENTITY}/{JOB}",
            f"raw/EPISODES/{ENTITY}/{JOB}",
            f"raw/episodes/{ENTITY}/{JOB}\n",
        ],
    )
    def test_other_keys_are_rejected(self, key: str) -> None:
        with pytest.raises(MessageRejectedError):
            parse(notification(key))

    @pytest.mark.parametrize(
        "event_name", ["ObjectRemoved:Delete", "s3:ObjectCreated:Put", "", "ObjectRestore:Completed"]
    )
    def test_other_events_are_rejected(self, event_name: str) -> None:
        with pytest.raises(MessageRejectedError):
            parse(notification(KEY, event_name))


class TestRequest:
    BODY = {"entity_type": "episode", "entity_id": str(ENTITY), "source_reference": "s3://storage/a b+é/c.jpg"}  # noqa: RUF012

    @pytest.mark.requirement("ROAD-116")
    def test_reference_is_not_decoded(self) -> None:
        assert parse(json.dumps(self.BODY)) == [
            Source(
                bucket="storage",
                key="a b+é/c.jpg",
                version_id=None,
                entity_type="episode",
                entity_id=ENTITY,
                job_id=None,
            )
        ]

    @pytest.mark.parametrize(
        "change",
        [
            {"entity_type": None},
            {"entity_type": "../x"},
            {"entity_id": "1"},
            {"source_reference": "https://storage/a"},
            {"source_reference": "s3://storage"},
            {"source_reference": "s3://storage/"},
            {"source_reference": "s3://STORAGE/a"},
            {"source_reference": "s3://storage/" + "a" * 1025},
            {"another_field": 1},
        ],
        ids=str,
    )
    def test_other_bodies_are_rejected_without_their_content(self, change: dict[str, Any]) -> None:
        with pytest.raises(MessageRejectedError) as raised:
            parse(json.dumps({**self.BODY, **change}))
        assert "storage" not in str(raised.value)
