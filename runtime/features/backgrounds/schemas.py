"""Request and response schemas of backgrounds and their links to episodes."""

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

BackgroundType = Annotated[
    Label, Field(description="Type of the background; lists can be filtered by it.", examples=["interior"])
]
Location = Annotated[
    Annotated[str, stripped(255)],
    Field(description="The place that it shows.", examples=["Paris"]),
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
    """Changes to a background. Fields that are left out keep their values; null clears all but the name and the type."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"location": "Lyon"}]})

    background_type: Annotated[BackgroundType | None, NotNull] = None
    location: Location | None = None


class Background(FileAsset, Linkable):
    """A background: an image or film in front of which an episode is set."""

    background_id: UUID
    background_type: str
    location: str | None


class BackgroundLink(Link):
    """The link between a background and an episode."""

    background_id: UUID


class UsedBackground(Background, Usage):
    """A background that an episode uses."""


class BackgroundEpisode(EpisodeSummary, Usage):
    """An episode that uses the background."""


class BackgroundLinkCreate(LinkBody):
    """A background to link to an episode."""

    background_id: UUID


class BackgroundLinksCreate(RequestBody):
    """Backgrounds to link to an episode, all of them or none."""

    links: Annotated[list[BackgroundLinkCreate], Field(min_length=1, max_length=100)]
