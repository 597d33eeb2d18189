"""Request and response schemas of searches."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from runtime.contract.envelopes import PageEnvelope, PageInfo
from runtime.contract.schemas import RequestBody, Resource
from runtime.features.episodes.schemas import EpisodeSummary
from runtime.features.episodes.statuses import EpisodeStatus
from runtime.features.search.query_parser import SearchText


class Engine(StrEnum):
    """Search engine."""

    OPENSEARCH = "opensearch"
    POSTGRES = "postgres"


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """A search for episodes: the text, and the values that the episodes must have."""

    text: SearchText
    limit: int
    show_id: UUID | None = None
    status: EpisodeStatus | None = None
    season_number: int | None = None
    with_facets: bool = False

    @property
    def filters(self) -> dict[str, str | int]:
        """The given values by column, JSON-ready."""
        values = {
            "show_id": str(self.show_id) if self.show_id else None,
            "status": self.status.value if self.status else None,
            "season_number": self.season_number,
        }
        return {name: value for name, value in values.items() if value is not None}


class SearchHit(EpisodeSummary):
    """An episode that matches."""

    rank: float = Field(description="Relevance; comparable only among the hits of one search.")


class StatusCount(BaseModel):
    """Number of matches with a status."""

    status: EpisodeStatus
    count: int


class SeasonCount(BaseModel):
    """Number of matches with a season number."""

    season_number: int
    count: int


class ShowCount(BaseModel):
    """Number of matches of a show."""

    show_id: UUID
    show_name: str
    count: int


class Facets(BaseModel):
    """Number of all matches by status, season and show, most frequent first, at most 100 values each."""

    statuses: list[StatusCount]
    seasons: list[SeasonCount]
    shows: list[ShowCount]


class SearchPage(PageInfo):
    """Paging information, and the engine that returned the page."""

    engine: Engine
    degraded: bool = Field(
        description="Whether Postgres replaced an unavailable OpenSearch. The matches are the same; their order may differ."
    )


class SearchPageEnvelope(PageEnvelope[SearchHit]):
    """A page of hits, and facets if requested."""

    page: SearchPage
    facets: Facets | None = Field(default=None, description="Only present if `facets=true` was sent.")


class AssetHit(Resource):
    """A show, outfit, UI element, background or clip that matches."""

    type: str = Field(description="Type of the asset, as in the path.", examples=["outfits"])
    id: UUID
    name: str
    description: str | None
    tags: list[str]
    thumbnail_reference: str | None
    rank: float = Field(description="Relevance; comparable only among the hits of one search.")


class Suggestion(Resource):
    """A title with the requested prefix."""

    title: str


class ReindexRequest(RequestBody):
    """The episodes to index again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    episode_ids: Annotated[
        list[UUID] | None,
        Field(min_length=1, max_length=100, description="The episodes to index again; all episodes if left out."),
    ] = None


class ReindexAccepted(Resource):
    """An accepted reindex request. The next maintenance run executes it, within about a minute."""

    engine: Engine = Field(
        description="The engine that holds the index. Postgres updates its indexes with every change: nothing is left to do."
    )
    everything: bool
    episode_count: int = Field(description="Number of episodes to index, including deleted ones.")
