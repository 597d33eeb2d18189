"""What a search finds."""

from pydantic import Field

from runtime.features.episodes.schemas import EpisodeSummary


class SearchHit(EpisodeSummary):
    """An episode that matches."""

    rank: float = Field(description="How well it matches; only good for comparing the hits of one search.")
