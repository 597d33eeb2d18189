"""Backgrounds as clients send and get them, and the links to the episodes that use them."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from runtime.contract.schemas import NotNull, RequestBody
from runtime.contract.values import Label, stripped
from runtime.features.episodes.schemas import EpisodeSummary
from runtime.mechanisms.records.schemas import (
    FileAsset,
    FileAssetCreate,
    FileAssetUpdate,
    Link,
    Linkable,
    LinkBody,
    Usage,
)

BackgroundType = Annotated[Label, Field(description="What it is; lists can be narrowed to it.", examples=["interior"])]
Location = Annotated[
    Annotated[str, stripped(255)],
    Field(description="What place it shows.", examples=["Paris"]),
]


class BackgroundCreate(FileAssetCreate):
    """A new background."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Atelier by night",
                    "background_type": "interior",
                    "location": "Paris",
                    "file_reference": "s3://bucket/backgrounds/atelier-night.jpg",
                    "file_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "tags": ["night"],
                }
            ]
        }
    )

    background_type: BackgroundType
    location: Location | None = None


class BackgroundUpdate(FileAssetUpdate):
    """What changes of a background. What is not sent stays as it is; null clears all but the name and the type."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"location": "Lyon"}]})

    background_type: Annotated[BackgroundType | None, NotNull] = None
    location: Location | None = None


class Background(FileAsset, Linkable):
    """A background: a picture or film in front of which an episode plays."""

    background_id: UUID
    background_type: str
    location: str | None


class BackgroundLink(Link):
    """A background's use in an episode."""

    background_id: UUID


class UsedBackground(Background, Usage):
    """A background that an episode uses."""


class BackgroundEpisode(EpisodeSummary, Usage):
    """An episode that uses the background."""


class WantedBackground(LinkBody):
    """A background that an episode shall use."""

    background_id: UUID


class BackgroundLinksBody(RequestBody):
    """Backgrounds that an episode shall use: all of them are linked, or none."""

    links: Annotated[list[WantedBackground], Field(min_length=1, max_length=100)]
