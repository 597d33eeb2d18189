"""What a search asks for and finds."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from runtime.contract.envelopes import PageEnvelope, PageInfo
from runtime.contract.schemas import RequestBody, Resource
from runtime.features.episodes.schemas import EpisodeSummary
from runtime.features.episodes.statuses import EpisodeStatus
from runtime.features.search.words import SearchText


class Engine(StrEnum):
    """What searched."""

    OPENSEARCH = "opensearch"
    POSTGRES = "postgres"


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """What is looked for: words, and the values that an episode must have where one is given."""

    text: SearchText
    limit: int
    show_id: UUID | None = None
    status: EpisodeStatus | None = None
    season_number: int | None = None
    with_facets: bool = False

    @property
    def filters(self) -> dict[str, str | int]:
        """The values by column, as JSON has them."""
        values = {
            "show_id": str(self.show_id) if self.show_id else None,
            "status": self.status.value if self.status else None,
            "season_number": self.season_number,
        }
        return {name: value for name, value in values.items() if value is not None}


class SearchHit(EpisodeSummary):
    """An episode that matches."""

    rank: float = Field(description="How well it matches; only good for comparing the hits of one search.")


class StatusCount(BaseModel):
    """How many have this status."""

    status: EpisodeStatus
    count: int


class SeasonCount(BaseModel):
    """How many are of this season of their shows."""

    season_number: int
    count: int


class ShowCount(BaseModel):
    """How many are of this show."""

    show_id: UUID
    show_name: str
    count: int


class Facets(BaseModel):
    """What all episodes that match have in common, the most frequent first, at most 100 of each."""

    statuses: list[StatusCount]
    seasons: list[SeasonCount]
    shows: list[ShowCount]


class SearchPage(PageInfo):
    """Which engine found this page."""

    engine: Engine
    degraded: bool = Field(
        description="Whether the engine that should have answered could not. What was found is what it would have found; only "
        "their order may differ."
    )


class SearchPageEnvelope(PageEnvelope[SearchHit]):
    """A page of hits, and what they have in common where that was asked for."""

    page: SearchPage
    facets: Facets | None = Field(default=None, description="Only there when it was asked for.")


class AssetHit(Resource):
    """A show, or something that episodes are made of, that matches."""

    type: str = Field(description="As in the address.", examples=["outfits"])
    id: UUID
    name: str
    description: str | None
    tags: list[str]
    thumbnail_reference: str | None
    rank: float = Field(description="How well it matches; only good for comparing the hits of one search.")


class Suggestion(Resource):
    """A title that begins so."""

    title: str


class ReindexRequest(RequestBody):
    """What the search index shall hear of again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    episode_ids: Annotated[
        list[UUID] | None, Field(min_length=1, max_length=100, description="Without them, every episode.")
    ] = None


class ReindexAccepted(Resource):
    """What was asked for. It is done by the next run of the maintenance, within a minute or so."""

    engine: Engine = Field(
        description="What keeps the index. Postgres' indexes are part of every change: there is nothing left to do."
    )
    everything: bool
    episode_count: int = Field(description="How many episodes the index is told of, deleted ones among them.")
