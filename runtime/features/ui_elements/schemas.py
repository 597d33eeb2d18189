"""Request and response schemas of UI elements and their links to episodes."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from runtime.contract.schemas import RequestBody
from runtime.contract.values import Label
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

ElementType = Annotated[
    Label, Field(description="Type of the UI element; lists can be filtered by it.", examples=["lower_third"])
]


class UiElementCreate(FileAssetCreate):
    """A new UI element."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Lower third, rose",
                    "element_type": "lower_third",
                    "file_reference": "s3://bucket/ui-elements/lower-third-rose.png",
                    "file_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "tags": ["rose"],
                }
            ]
        }
    )

    element_type: ElementType | None = None


class UiElementUpdate(FileAssetUpdate):
    """Changes to a UI element. Fields that are left out keep their values; null clears all but the name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"element_type": "end_card"}]})

    element_type: ElementType | None = None


class UiElement(FileAsset, Linkable):
    """A UI element: an image that overlays an episode, such as a lower third."""

    ui_element_id: UUID
    element_type: str | None


class UiElementLink(Link):
    """The link between a UI element and an episode."""

    ui_element_id: UUID


class UsedUiElement(UiElement, Usage):
    """A UI element that an episode uses."""


class UiElementEpisode(EpisodeSummary, Usage):
    """An episode that uses the UI element."""


class UiElementLinkCreate(LinkBody):
    """A UI element to link to an episode."""

    ui_element_id: UUID


class UiElementLinksCreate(RequestBody):
    """UI elements to link to an episode, all of them or none."""

    links: Annotated[list[UiElementLinkCreate], Field(min_length=1, max_length=100)]
