"""UI elements as clients send and get them, and the links to the episodes that show them."""

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

ElementType = Annotated[Label, Field(description="What it is; lists can be narrowed to it.", examples=["lower_third"])]


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
    """What changes of a UI element. What is not sent stays as it is; null clears all but the name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"element_type": "end_card"}]})

    element_type: ElementType | None = None


class UiElement(FileAsset, Linkable):
    """A UI element: a picture that is laid over an episode, such as a lower third."""

    ui_element_id: UUID
    element_type: str | None


class UiElementLink(Link):
    """A UI element's use in an episode."""

    ui_element_id: UUID


class UsedUiElement(UiElement, Usage):
    """A UI element that an episode uses."""


class UiElementEpisode(EpisodeSummary, Usage):
    """An episode that uses the UI element."""


class WantedUiElement(LinkBody):
    """A UI element that an episode shall use."""

    ui_element_id: UUID


class UiElementLinksBody(RequestBody):
    """UI elements that an episode shall use: all of them are linked, or none."""

    links: Annotated[list[WantedUiElement], Field(min_length=1, max_length=100)]
