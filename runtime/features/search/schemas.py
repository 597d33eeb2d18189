"""What a search asks for and finds."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field

from runtime.features.episodes.schemas import EpisodeSummary
from runtime.features.episodes.statuses import EpisodeStatus
from runtime.features.search.words import SearchText
from runtime.web.schemas import ListAnswer, PageInfo


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


class SearchAnswer(ListAnswer[SearchHit]):
    """A page of hits, and what they have in common where that was asked for."""

    page: SearchPage
    facets: Facets | None = Field(default=None, description="Only there when it was asked for.")
