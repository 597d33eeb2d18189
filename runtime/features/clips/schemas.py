"""Clips as clients send and get them: what was filmed, by whom, how good it is, and which episode uses it."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from runtime.contract.schemas import NotNull, Record, RequestBody, Resource, UpdateBody
from runtime.contract.values import Count, Date, Description, Metadata, Sha256, Tags, Timestamp
from runtime.features.episodes.schemas import Title
from runtime.features.uploads.limits import FILE_SIZE_LIMITS, FileKind
from runtime.features.uploads.schemas import FileName

MAX_CLIPS = 100
_EXAMPLE_ID = "01981b2e-7c3a-7d41-9a55-0242ac120002"


class ClipQuality(StrEnum):
    """How good a clip is (ROAD-89), the best first."""

    HERO = "hero"
    GOOD = "good"
    MAYBE = "maybe"
    REJECT = "reject"


class ClipStatus(StrEnum):
    """Where a clip stands (ROAD-89)."""

    PENDING_REVIEW = "pending_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    USED = "used"


class TalentSource(StrEnum):
    """Who is in front of the camera (ROAD-90)."""

    LALA = "Lala"
    JUST_A_WOMAN_IN_HER_PRIME = "JustAWomanInHerPrime"
    GUEST = "Guest"


ByteCount = Annotated[int, Field(strict=True, ge=1, le=FILE_SIZE_LIMITS[FileKind.RAW_CLIP])]
GuestId = Annotated[UUID, Field(description="The guest; only for clips whose talent source is Guest.")]
Status = Annotated[
    ClipStatus,
    Field(description="What a review found. `used` comes and goes with the episode that the clip is assigned to."),
]
ClipIds = Annotated[
    list[UUID], Field(min_length=1, max_length=MAX_CLIPS, description="Each is told of at its place in this list.")
]


class ClipCreate(RequestBody):
    """A new clip."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "Dandelions at dawn, take 3",
                    "talent_source": "Lala",
                    "quality": "good",
                    "file_name": "A001_C003.mov",
                    "file_hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                    "byte_count": 482113664,
                    "duration_seconds": 94,
                    "recorded_on": "2026-04-12",
                    "tags": ["meadow"],
                }
            ]
        }
    )

    title: Title
    description: Description | None = None
    talent_source: TalentSource
    guest_id: GuestId | None = None
    quality: ClipQuality | None = None
    status: Status = ClipStatus.PENDING_REVIEW
    file_name: FileName | None = None
    file_hash: Sha256 | None = None
    byte_count: ByteCount | None = None
    duration_seconds: Count | None = None
    recorded_on: Date | None = None
    notes: Description | None = None
    tags: Tags = Field(default_factory=list)
    metadata: Metadata = Field(default_factory=dict)


class ClipUpdate(UpdateBody):
    """What changes of a clip. What is not sent stays as it is; null clears all but title, talent source and status."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "approved", "notes": "The light is perfect."}]}
    )

    title: Annotated[Title | None, NotNull] = None
    description: Description | None = None
    talent_source: Annotated[TalentSource | None, NotNull] = None
    guest_id: GuestId | None = None
    quality: ClipQuality | None = None
    status: Annotated[Status | None, NotNull] = None
    file_name: FileName | None = None
    file_hash: Sha256 | None = None
    byte_count: ByteCount | None = None
    duration_seconds: Count | None = None
    recorded_on: Date | None = None
    notes: Description | None = None
    tags: Tags | None = None
    metadata: Metadata | None = None


class Clip(Record):
    """A clip. It is in the library whether or not an episode uses it."""

    clip_id: UUID
    episode_id: UUID | None = Field(description="The episode that it is assigned to.")
    guest_id: UUID | None
    title: str
    description: str | None
    talent_source: TalentSource
    quality: ClipQuality | None
    status: ClipStatus
    file_name: str | None
    file_reference: str | None
    file_hash: str | None = Field(description="The SHA-256 of its file, in lower-case hexadecimal.")
    byte_count: int | None
    duration_seconds: int | None
    recorded_on: date | None
    notes: str | None
    tags: list[str]
    thumbnail_reference: str | None
    metadata: dict[str, Any]
    assigned_at: Timestamp | None = Field(description="When it was assigned to its episode.")
    assigned_by: UUID | None


class DuplicateClips(Resource):
    """Clips that have the same file."""

    file_hash: str
    count: int = Field(description="How many clips have this file.")
    clip_ids: list[UUID] = Field(description=f"The first {MAX_CLIPS} of them, the oldest first.")


class ClipAssignment(RequestBody):
    """The episode that shall use a clip."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"episode_id": _EXAMPLE_ID}]})

    episode_id: UUID


class ClipsAssignment(RequestBody):
    """The episode that shall use clips: all of them are assigned, or none."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"episode_id": _EXAMPLE_ID, "clip_ids": [_EXAMPLE_ID]}]})

    episode_id: UUID
    clip_ids: ClipIds


class ClipRating(RequestBody):
    """How good a clip is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"quality": "hero"}]})

    quality: ClipQuality


class ClipTags(RequestBody):
    """Tags that clips get and lose: all of the clips, or none."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"clip_ids": [_EXAMPLE_ID], "add": ["meadow"], "remove": ["unsorted"]}]}
    )

    clip_ids: ClipIds
    add: Tags = Field(default_factory=list)
    remove: Tags = Field(default_factory=list)

    def applied_to(self, tags: list[str]) -> list[str]:
        """These tags without those that are removed, and then those that are new, each once and as they were sent."""
        kept = [tag for tag in tags if tag not in self.remove]
        return kept + [tag for tag in dict.fromkeys(self.add) if tag not in kept]
