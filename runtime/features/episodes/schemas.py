"""Request and response schemas of episodes, with the field names of both source documents."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from runtime.contract.schemas import NotNull, Record, RequestBody, UpdateBody
from runtime.contract.values import (
    Count,
    Date,
    Description,
    HttpsUrl,
    Label,
    Metadata,
    Ordinal,
    PersonName,
    Tags,
    Timestamp,
    stripped,
)
from runtime.features.episodes.statuses import TRANSITIONS_DESCRIPTION, ApprovalStatus, EpisodeStatus
from runtime.features.shows.schemas import ShowName
from runtime.mechanisms.records.schemas import FileReference

# Postgres rejects a text search vector of more than 1 MiB. In the worst case, many short hyphenated words, the vector has four
# times the size of the text, so that title, description and script within their limits always fit.
MAX_SCRIPT_BYTES = 200_000
SECONDS_PER_MINUTE = 60


def _check_script_size(script: str) -> str:
    if len(script.encode()) > MAX_SCRIPT_BYTES:
        raise ValueError(f"Must have at most {MAX_SCRIPT_BYTES} bytes as UTF-8; upload longer scripts as files")
    return script


Title = Annotated[str, stripped(500)]
Minutes = Annotated[int, Field(strict=True, ge=0, le=35_000_000)]
Script = Annotated[str, AfterValidator(_check_script_size)]
Rating = Annotated[Decimal, Field(ge=0, le=Decimal("99.9"), decimal_places=1)]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,6})?$")]
Copyright = Annotated[str, StringConstraints(max_length=1_000)]

# Fields that are aliases of another field, or columns of the shows table.
_NON_COLUMNS = {"show_id", "show_name", "episode_title", "plot_summary", "duration_minutes"}


class EpisodeCreate(RequestBody):
    """A new episode.

    The show is identified by `show_id`, `show_name` or both. `episode_title`, `plot_summary` and `duration_minutes` are aliases
    of `title`, `description` and `duration_seconds`. A field and its alias must agree.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "show_name": "Meadow Diaries",
                    "title": "Dandelions",
                    "season_number": 1,
                    "episode_number": 1,
                    "description": "How a meadow turns yellow, and then white.",
                    "duration_seconds": 1500,
                    "tags": ["spring"],
                }
            ]
        }
    )

    show_id: UUID | None = None
    show_name: ShowName | None = None
    title: Title | None = Field(default=None, description="Required, here or as `episode_title`.")
    episode_title: Title | None = None
    episode_number: Ordinal
    season_number: Ordinal = 1
    status: EpisodeStatus = EpisodeStatus.DRAFT
    description: Description | None = None
    plot_summary: Description | None = None
    duration_seconds: Count | None = None
    duration_minutes: Minutes | None = Field(default=None, description="Whole minutes, rounded down.")
    filming_date: Date | None = None
    edit_deadline: Date | None = None
    publish_date: Date | None = None
    air_date: Date | None = None
    script_text: Script | None = None
    script_file_reference: FileReference | None = None
    trailer_reference: FileReference | None = None
    poster_url: HttpsUrl | None = None
    video_url: HttpsUrl | None = None
    tags: Tags = Field(default_factory=list)
    category: Label | None = None
    genre: Label | None = None
    director: PersonName | None = None
    writer: PersonName | None = None
    rating: Rating | None = None
    language: Language = "en-US"
    copyright: Copyright | None = None
    metadata: Metadata = Field(default_factory=dict)

    def columns(self) -> dict[str, Any]:
        """Return the values by column, except the show's, of a body whose fields and aliases agree."""
        values = self.model_dump(exclude=_NON_COLUMNS)
        values["title"] = self.title or self.episode_title
        values["description"] = self.plot_summary if self.description is None else self.description
        if self.duration_seconds is None and self.duration_minutes is not None:
            values["duration_seconds"] = self.duration_minutes * SECONDS_PER_MINUTE
        return values


class EpisodeUpdate(UpdateBody):
    """Changes to an episode. Fields that are left out keep their values; null clears.

    Fields and aliases are those of a new episode. Another `show_id` or `show_name` moves the episode to that show.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "in_production", "rating": 8.5}]})

    show_id: Annotated[UUID | None, NotNull] = None
    show_name: Annotated[ShowName | None, NotNull] = None
    title: Annotated[Title | None, NotNull] = None
    episode_title: Annotated[Title | None, NotNull] = None
    episode_number: Annotated[Ordinal | None, NotNull] = None
    season_number: Annotated[Ordinal | None, NotNull] = None
    status: Annotated[EpisodeStatus | None, NotNull] = Field(default=None, description=TRANSITIONS_DESCRIPTION)
    description: Description | None = None
    plot_summary: Description | None = None
    duration_seconds: Count | None = None
    duration_minutes: Minutes | None = Field(
        default=None,
        description="Whole minutes. Sending the stored number of minutes does not change `duration_seconds`.",
    )
    filming_date: Date | None = None
    edit_deadline: Date | None = None
    publish_date: Date | None = None
    air_date: Date | None = None
    script_text: Script | None = None
    script_file_reference: FileReference | None = None
    trailer_reference: FileReference | None = None
    poster_url: HttpsUrl | None = None
    video_url: HttpsUrl | None = None
    tags: Tags | None = None
    category: Label | None = None
    genre: Label | None = None
    director: PersonName | None = None
    writer: PersonName | None = None
    rating: Rating | None = None
    language: Annotated[Language | None, NotNull] = None
    copyright: Copyright | None = None
    metadata: Metadata | None = None

    def changed_columns(self, duration_seconds: int | None) -> dict[str, Any]:
        """Return the sent values by column, except the show's, of a body whose fields and aliases agree.

        Args:
            duration_seconds: The stored duration.
        """
        sent = self.model_fields_set
        values = {name: value for name, value in self.columns().items() if name not in _NON_COLUMNS}
        if "episode_title" in sent:
            values["title"] = self.episode_title
        if "plot_summary" in sent:
            values["description"] = self.plot_summary
        if "duration_minutes" in sent and "duration_seconds" not in sent:
            # A client that only knows minutes sends back what it received: that must not discard the seconds.
            stored = None if duration_seconds is None else duration_seconds // SECONDS_PER_MINUTE
            if self.duration_minutes != stored:
                minutes = self.duration_minutes
                values["duration_seconds"] = None if minutes is None else minutes * SECONDS_PER_MINUTE
        return values


class EpisodeSummary(Record):
    """An episode in a list, without its script."""

    episode_id: UUID
    show_id: UUID
    show_name: str
    title: str
    episode_title: str = Field(description="Alias of `title`.")
    episode_number: int
    season_number: int
    status: EpisodeStatus
    description: str | None
    plot_summary: str | None = Field(description="Alias of `description`.")
    duration_seconds: int | None
    duration_minutes: int | None = Field(description="`duration_seconds` in whole minutes, rounded down.")
    filming_date: date | None
    edit_deadline: date | None
    publish_date: date | None
    air_date: date | None
    released_at: Timestamp | None = Field(description="When the episode was first published.")
    processing_status: str
    approval_status: ApprovalStatus
    original_approver: UUID | None = Field(description="Id of the user who first approved it; null before that.")
    uploaded_by: UUID | None
    script_file_reference: str | None
    trailer_reference: str | None
    thumbnail_reference: str | None
    thumbnail_url: str | None
    poster_url: str | None
    video_url: str | None
    raw_video_s3_key: str | None
    processed_video_s3_key: str | None
    metadata_json_s3_key: str | None
    tags: list[str]
    category: str | None
    genre: str | None
    director: str | None
    writer: str | None
    rating: float | None
    language: str
    copyright: str | None
    metadata: dict[str, Any]
    upload_date: Timestamp = Field(description="Alias of `created_at`.")
    last_modified: Timestamp = Field(description="Alias of `updated_at`.")


class Episode(EpisodeSummary):
    """An episode."""

    script_text: str | None = Field(description="Text of the active version of the script.")
