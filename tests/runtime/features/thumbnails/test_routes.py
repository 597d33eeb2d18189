"""Thumbnails: list an episode's, get."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from runtime.features.jobs import repository as jobs
from runtime.features.thumbnails import repository
from tests.runtime.features.api_platform import Api, problems

SIZES = {"small": (320, 180), "primary": (1280, 720), "medium": (640, 360)}


def make_thumbnails(api: Api, episode: dict[str, Any]) -> None:
    """Store thumbnail files and their rows as a worker does."""
    entity_id, bucket = UUID(episode["episode_id"]), api.buckets["thumbnails"]
    with api.client.app.state.resources.database.transaction() as connection:
        job = jobs.insert(
            connection,
            job_type="thumbnail_generation",
            entity_type="episode",
            entity_id=entity_id,
            source_reference="s3://bucket/raw/x",
            source_version_id=None,
            created_by=None,
        )
        for variant, (width, height) in SIZES.items():
            key = f"episodes/{entity_id}/{variant}/{'0' * 64}.jpg"
            api.account.client("s3").put_object(Bucket=bucket, Key=key, Body=variant.encode(), ContentType="image/jpeg")
            repository.upsert(
                connection,
                job_id=job.job_id,
                entity_type="episode",
                entity_id=entity_id,
                size_variant=variant,
                s3_bucket=bucket,
                s3_key=key,
                width=width,
                height=height,
                file_size_bytes=len(variant),
                mime_type="image/jpeg",
                format="jpeg",
            )


class TestListThumbnails:
    @pytest.mark.requirement("P1-16", "C-12")
    def test_each_variant_has_a_working_url(self, api: Api) -> None:
        episode = api.create_episode()
        make_thumbnails(api, episode)
        body = api.client.get(f"/api/v1/episodes/{episode['episode_id']}/thumbnails", api.viewer).json()
        assert body["page"] == {"next": None}
        found = body["data"]
        assert [(one["variant"], one["width"], one["height"]) for one in found] == [
            ("primary", 1280, 720),
            ("medium", 640, 360),
            ("small", 320, 180),
        ]
        for one in found:
            assert (one["format"], one["mime_type"], one["status"]) == ("jpeg", "image/jpeg", "ready")
            assert one["file_reference"].startswith(f"s3://{api.buckets['thumbnails']}/episodes/")
            opened = httpx.get(one["url"])
            assert (opened.status_code, opened.text) == (200, one["variant"])
            assert len(opened.content) == one["bytes"]

    @pytest.mark.requirement("C-13")
    def test_url_is_signed_with_version_4_and_expires(self, api: Api) -> None:
        episode = api.create_episode()
        make_thumbnails(api, episode)
        response = api.client.get(f"/api/v1/episodes/{episode['episode_id']}/thumbnails", api.viewer)
        one = response.json()["data"][0]
        signed = parse_qs(urlsplit(one["url"]).query)
        assert signed["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
        assert signed["X-Amz-Expires"] == ["600"]
        expires = datetime.fromisoformat(one["url_expires_at"])
        assert timedelta(seconds=500) < expires - datetime.now(UTC) <= timedelta(seconds=600)

    def test_episode_without_thumbnails_has_an_empty_list(self, api: Api) -> None:
        path = f"/api/v1/episodes/{api.create_episode()['episode_id']}/thumbnails"
        assert api.client.get(path, api.viewer).json() == {"data": [], "page": {"next": None}}


class TestGetThumbnail:
    @pytest.mark.requirement("P1-17")
    def test_thumbnail_is_returned(self, api: Api) -> None:
        episode = api.create_episode()
        make_thumbnails(api, episode)
        path = f"/api/v1/episodes/{episode['episode_id']}/thumbnails"
        listed = api.client.get(path, api.viewer).json()["data"][1]
        one = api.client.get(f"/api/v1/thumbnails/{listed['thumbnail_id']}", api.viewer).json()["data"]
        changing = {"url", "url_expires_at"}
        assert {k: v for k, v in one.items() if k not in changing} == {
            k: v for k, v in listed.items() if k not in changing
        }

    @pytest.mark.requirement("ROAD-97", "C-38")
    def test_unknown_and_of_a_deleted_episode_are_404(self, api: Api) -> None:
        episode = api.create_episode()
        make_thumbnails(api, episode)
        path = f"/api/v1/episodes/{episode['episode_id']}/thumbnails"
        thumbnail_id = api.client.get(path, api.viewer).json()["data"][0]["thumbnail_id"]
        with api.client.app.state.resources.database.transaction() as connection:
            connection.execute("UPDATE episodes SET deleted_at = now()")
        for unknown in (thumbnail_id, uuid4()):
            response = api.client.get(f"/api/v1/thumbnails/{unknown}", api.viewer)
            assert problems(response, 404, "NOT_FOUND").keys() == {"path.thumbnail_id"}
