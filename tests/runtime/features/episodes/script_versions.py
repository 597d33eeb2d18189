"""Helpers for tests of an episode's script and its versions."""

from typing import Any

from tests.runtime.features.api_platform import Api
from tests.runtime.features.episodes.episode_fields import path_of
from tests.runtime.features.user_pool import User

Body = dict[str, Any]
FILE = "s3://scripts/meadow/1.pdf"


def versions_of(episode: Body) -> str:
    return f"{path_of(episode)}/script-versions"


def create(api: Api, episode: Body, user: User | None = None, **body: Any) -> Body:
    response = api.client.post(versions_of(episode), body, user or api.editor)
    assert response.status_code == 201, response.text
    data: Body = response.json()["data"]
    return data


def history(api: Api, episode: Body) -> list[Body]:
    """List the versions, oldest first."""
    data: list[Body] = api.client.get(f"{versions_of(episode)}?limit=100", api.viewer).json()["data"]
    return data[::-1]


def active(api: Api, episode: Body) -> Body:
    data: Body = api.client.get(f"{versions_of(episode)}/active", api.viewer).json()["data"]
    return data


def stored(api: Api, episode: Body) -> Body:
    data: Body = api.client.get(path_of(episode), api.viewer).json()["data"]
    return data


def log_of(api: Api, resource_type: str, resource_id: str) -> list[Body]:
    """Get the activity log entries of a resource, oldest first."""
    query = {"resource_type": resource_type, "resource_id": resource_id}
    data: list[Body] = api.client.get("/api/v1/activity-logs", api.admin, params=query).json()["data"]
    return data[::-1]


def titles_found(api: Api, words: str) -> list[str]:
    return [hit["title"] for hit in api.client.get("/api/v1/search", api.viewer, params={"q": words}).json()["data"]]
