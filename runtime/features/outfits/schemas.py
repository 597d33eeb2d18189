"""Request and response schemas of outfits and their links to episodes."""

from types import MappingProxyType
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import ConfigDict, Field

from runtime.contract.schemas import NotNull, RequestBody, UpdateBody
from runtime.contract.values import Description, Metadata, SmallObject, SmallObjects, Tags
from runtime.features.episodes.schemas import EpisodeSummary
from runtime.mechanisms.records.schemas import AssetName, Link, Linkable, LinkBody, Usage

Garment = Annotated[
    SmallObject,
    Field(
        description="Description of the garment as a JSON object; lists can be filtered by any of its values.",
        examples=[{"kind": "blazer", "colour": "red"}],
    ),
]
Accessories = Annotated[
    SmallObjects,
    Field(
        description="A JSON object for each accessory; lists can be filtered by any of their values.",
        examples=[[{"kind": "scarf"}]],
    ),
]


class OutfitCreate(RequestBody):
    """A new outfit."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Red blazer, white trainers",
                    "top": {"kind": "blazer", "colour": "red"},
                    "shoes": {"kind": "trainers", "colour": "white"},
                    "accessories": [{"kind": "scarf", "pattern": "dots"}],
                    "tags": ["winter"],
                }
            ]
        }
    )

    name: AssetName
    description: Description | None = None
    top: Garment = Field(default_factory=dict)
    shoes: Garment = Field(default_factory=dict)
    accessories: Accessories = Field(default_factory=list)
    tags: Tags = Field(default_factory=list)
    metadata: Metadata = Field(default_factory=dict)


class OutfitUpdate(UpdateBody):
    """Changes to an outfit. Fields that are left out keep their values; null clears all but the name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"shoes": {"kind": "boots"}}]})

    values_when_cleared: ClassVar = MappingProxyType(
        {**UpdateBody.values_when_cleared, "top": {}, "shoes": {}, "accessories": []}
    )

    name: Annotated[AssetName | None, NotNull] = None
    description: Description | None = None
    top: Garment | None = None
    shoes: Garment | None = None
    accessories: Accessories | None = None
    tags: Tags | None = None
    metadata: Metadata | None = None


class Outfit(Linkable):
    """An outfit."""

    outfit_id: UUID
    top: dict[str, Any]
    shoes: dict[str, Any]
    accessories: list[dict[str, Any]]


class OutfitLink(Link):
    """The link between an outfit and an episode."""

    outfit_id: UUID


class UsedOutfit(Outfit, Usage):
    """An outfit that an episode uses."""


class OutfitEpisode(EpisodeSummary, Usage):
    """An episode that uses the outfit."""


class OutfitLinkCreate(LinkBody):
    """An outfit to link to an episode."""

    outfit_id: UUID


class OutfitLinksCreate(RequestBody):
    """Outfits to link to an episode, all of them or none."""

    links: Annotated[list[OutfitLinkCreate], Field(min_length=1, max_length=100)]
