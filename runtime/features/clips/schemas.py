"""Request and response schemas of clips."""

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
    """Quality of a clip (ROAD-89), best first."""

    HERO = "hero"
    GOOD = "good"
    MAYBE = "maybe"
    REJECT = "reject"


class ClipStatus(StrEnum):
    """Status of a clip (ROAD-89)."""

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
GuestId = Annotated[UUID, Field(description="Id of the guest; only for clips whose `talent_source` is `Guest`.")]
Status = Annotated[
    ClipStatus,
    Field(description="Review status. `used` is set and cleared by assigning the clip to an episode."),
]
ClipIds = Annotated[
    list[UUID],
    Field(
        min_length=1, max_length=MAX_CLIPS, description="Ids of clips. Errors name the index of a clip in this list."
    ),
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
    """Changes to a clip. Fields that are left out keep their values; null clears all but title, talent source and status."""

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
    """A clip of the library, assigned to an episode or not."""

    clip_id: UUID
    episode_id: UUID | None = Field(description="The episode that the clip is assigned to.")
    guest_id: UUID | None
    title: str
    description: str | None
    talent_source: TalentSource
    quality: ClipQuality | None
    status: ClipStatus
    file_name: str | None
    file_reference: str | None
    file_hash: str | None = Field(description="SHA-256 of the file, in lower-case hexadecimal.")
    byte_count: int | None
    duration_seconds: int | None
    recorded_on: date | None
    notes: str | None
    tags: list[str]
    thumbnail_reference: str | None
    metadata: dict[str, Any]
    assigned_at: Timestamp | None = Field(description="When the clip was assigned to its episode.")
    assigned_by: UUID | None


class DuplicateClips(Resource):
    """Clips with the same file."""

    file_hash: str
    count: int = Field(description="Number of clips with this file.")
    clip_ids: list[UUID] = Field(description=f"Ids of the first {MAX_CLIPS} clips, oldest first.")


class ClipAssignment(RequestBody):
    """The episode to assign a clip to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"episode_id": _EXAMPLE_ID}]})

    episode_id: UUID


class ClipsAssignment(RequestBody):
    """Clips, and the episode to assign them to, all of them or none."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"episode_id": _EXAMPLE_ID, "clip_ids": [_EXAMPLE_ID]}]})

    episode_id: UUID
    clip_ids: ClipIds


class ClipRating(RequestBody):
    """The quality to set on a clip."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"quality": "hero"}]})

    quality: ClipQuality


class ClipTags(RequestBody):
    """Tags to add to clips and to remove from them, for all of the clips or none."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"clip_ids": [_EXAMPLE_ID], "add": ["meadow"], "remove": ["unsorted"]}]}
    )

    clip_ids: ClipIds
    add: Tags = Field(default_factory=list)
    remove: Tags = Field(default_factory=list)

    def apply_to(self, tags: list[str]) -> list[str]:
        """Return the tags without the removed ones, followed by the new ones in the order sent, without duplicates."""
        kept = [tag for tag in tags if tag not in self.remove]
        return kept + [tag for tag in dict.fromkeys(self.add) if tag not in kept]
