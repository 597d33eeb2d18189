"""All fields of an episode that a client may set, and a comparison of two versions."""

from typing import Any

ALL_FIELDS: dict[str, Any] = {
    "title": "Dandelions",
    "episode_number": 3,
    "season_number": 2,
    "status": "in_production",
    "description": "A meadow turns yellow, and then white.",
    "duration_seconds": 1510,
    "filming_date": "2026-05-01",
    "edit_deadline": "2026-06-01",
    "publish_date": "2026-07-01",
    "air_date": "2026-07-02",
    "script_text": "FADE IN: a meadow.",
    "script_file_reference": "s3://scripts/meadow/2.pdf",
    "trailer_reference": "s3://trailers/meadow/2 (short).mp4",
    "poster_url": "https://pictures.example.test/meadow.jpg?size=1,2#top",
    "video_url": "https://videos.example.test:8443/meadow",
    "tags": ["spring", "yellow"],
    "category": "nature",
    "genre": "documentary",
    "director": "A. Director",
    "writer": "B. Writer",
    "rating": 8.1,
    "language": "en-GB",
    "copyright": "All of it.",
    "metadata": {"camera": {"lens": 35}},
}


def path_of(episode: dict[str, Any]) -> str:
    return f"/api/v1/episodes/{episode['episode_id']}"


def differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {name for name in one if one[name] != other[name]} - {"updated_at", "last_modified", "updated_by", "etag"}
