"""An extraction of an episode's metadata, and helpers that create and read extractions."""

from typing import Any

import httpx

from tests.runtime.features.api_platform import Api

Body = dict[str, Any]
EXTRACTION: Body = {
    "extracted_text": "MEADOW DIARIES",
    "scenes_detected": [{"start_seconds": 0, "label": "meadow"}],
    "sentiment_analysis": {"overall": "calm", "score": 0.82},
    "visual_objects": [{"label": "dandelion", "box": [0.1, 0.2]}],
    "transcription": "In April the meadow turns yellow.",
    "tags": ["spring", {"name": "flowers", "confidence": 0.5}],
    "categories": ["nature"],
    "extraction_timestamp": "2026-11-21T10:09:00.123Z",
    "processing_duration_seconds": 12,
}


def path_of(episode: Body) -> str:
    return f"/api/v1/episodes/{episode['episode_id']}/metadata"


def data_of(response: httpx.Response, status: int = 200) -> Body:
    assert response.status_code == status, response.text
    data: Body = response.json()["data"]
    return data


def add(api: Api, episode: Body, **found: Any) -> Body:
    return data_of(api.client.post(path_of(episode), found, api.system), 201)


def newest(api: Api, episode: Body) -> Body:
    """Get the newest extraction with its findings."""
    (first, *_) = api.client.get(path_of(episode), api.viewer).json()["data"]
    return data_of(api.client.get(f"{path_of(episode)}/{first['metadata_id']}", api.viewer))


def log_of(api: Api, metadata_id: str) -> list[Body]:
    """Get the full activity log entries of an extraction, oldest first."""
    query = {"resource_type": "metadata", "resource_id": metadata_id}
    entries = api.client.get("/api/v1/activity-logs", api.admin, params=query).json()["data"][::-1]
    return [
        data_of(api.client.get(f"/api/v1/activity-logs/{entry['activity_log_id']}", api.admin)) for entry in entries
    ]
