"""Request and response schemas of an episode's extracted metadata."""

import re
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, TypeVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict, Field, JsonValue

from runtime.contract.schemas import NotNull, RequestBody, UpdateBody, Versioned
from runtime.contract.values import Count, Timestamp, json_byte_count

# A Lambda response has at most 6 MB, and escaping can double the size of a text. With 1.5 MB, one extraction fits next to a page
# of others without findings, and twice, as old and new values, into an activity log entry.
MAX_TEXT_BYTES = 1_000_000
MAX_FINDING_BYTES = 262_144
MAX_EXTRACTION_BYTES = 1_500_000
FINDINGS = (
    "extracted_text",
    "scenes_detected",
    "sentiment_analysis",
    "visual_objects",
    "transcription",
    "tags",
    "categories",
)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)

T = TypeVar("T")


def _check_text_size(text: str) -> str:
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise ValueError(f"Must have at most {MAX_TEXT_BYTES} bytes as UTF-8")
    return text


def _check_finding_size(value: T) -> T:
    if json_byte_count(value) > MAX_FINDING_BYTES:
        raise ValueError(f"Must have at most {MAX_FINDING_BYTES} bytes as JSON")
    return value


def _require_time_text(value: object) -> object:
    # Pydantic would also accept a number of seconds or milliseconds, guessing the unit.
    if not isinstance(value, str) or not _DATE_TIME.match(value):
        raise ValueError("Must be a time with a time zone, such as 2026-11-21T10:09:00Z")
    return value


Text = Annotated[str, AfterValidator(_check_text_size)]
Finding = Annotated[JsonValue, AfterValidator(_check_finding_size)]
Findings = Annotated[list[JsonValue], AfterValidator(_check_finding_size)]
ExtractionTime = Annotated[AwareDatetime, Field(ge=_EARLIEST, lt=_LATEST), BeforeValidator(_require_time_text)]


class EpisodeMetadataCreate(RequestBody):
    """The findings of an extraction.

    Limits: 1,000,000 bytes for each text, 256 KiB as JSON for each other finding, 1,500,000 bytes in total.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "extracted_text": "MEADOW DIARIES",
                    "scenes_detected": [{"start_seconds": 0, "end_seconds": 41.5, "label": "meadow"}],
                    "sentiment_analysis": {"overall": "calm", "score": 0.82},
                    "visual_objects": [{"label": "dandelion", "confidence": 0.97, "box": [0.1, 0.2, 0.4, 0.5]}],
                    "transcription": "In April the meadow turns yellow.",
                    "tags": ["spring", "flowers"],
                    "categories": ["nature"],
                    "extraction_timestamp": "2026-11-21T10:09:00Z",
                    "processing_duration_seconds": 12,
                }
            ]
        }
    )

    extracted_text: Text | None = None
    scenes_detected: Finding | None = None
    sentiment_analysis: Finding | None = None
    visual_objects: Finding | None = None
    transcription: Text | None = None
    tags: Findings = Field(default_factory=list)
    categories: Findings = Field(default_factory=list)
    extraction_timestamp: ExtractionTime | None = Field(
        default=None, description="Time of the extraction; now if left out."
    )
    processing_duration_seconds: Count | None = None

    def columns(self) -> dict[str, Any]:
        """Return the values by column."""
        # A column that the database fills must not be in the INSERT.
        unset = {"extraction_timestamp"} if self.extraction_timestamp is None else set()
        return self.model_dump(exclude=unset)


class EpisodeMetadataUpdate(UpdateBody):
    """Changes to the newest extraction. Fields that are left out keep their values; null clears."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"tags": ["spring", "dandelions"]}]})

    values_when_cleared: ClassVar = MappingProxyType({"tags": [], "categories": []})

    extracted_text: Text | None = None
    scenes_detected: Finding | None = None
    sentiment_analysis: Finding | None = None
    visual_objects: Finding | None = None
    transcription: Text | None = None
    tags: Findings | None = None
    categories: Findings | None = None
    extraction_timestamp: Annotated[ExtractionTime | None, NotNull] = None
    processing_duration_seconds: Count | None = None


class _Extraction(Versioned):
    metadata_id: UUID
    episode_id: UUID
    extracted_text: str | None
    scenes_detected: JsonValue
    sentiment_analysis: JsonValue
    visual_objects: JsonValue
    transcription: str | None
    extraction_timestamp: Timestamp
    processing_duration_seconds: int | None


class EpisodeMetadata(_Extraction):
    """An extraction with its findings."""

    tags: list[JsonValue]
    categories: list[JsonValue]


class EpisodeMetadataSummary(_Extraction):
    """An extraction in a list. Only the newest has findings; those of the others are null, get them one by one."""

    tags: list[JsonValue] | None
    categories: list[JsonValue] | None
    is_complete: bool = Field(description="Whether the findings are included; true only for the newest extraction.")
