"""What was found in an episode's files, as machines send it and everyone gets it."""

import re
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, TypeVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict, Field, JsonValue

from runtime.contract.schemas import NotNull, RequestBody, UpdateBody, Versioned
from runtime.contract.values import Count, Timestamp, json_byte_count

# The answer of a function has at most 6 MB, and quotes within quotes can double a text. So an extraction has 1.5 MB, and fits
# once beside a page of others that are told without their findings, or twice, as it was and as it is, into the log's entry.
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
_WRITTEN_OUT = re.compile(r"\d{4}-\d\d-\d\d[Tt]")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_BEFORE = datetime(9999, 1, 1, tzinfo=UTC)

T = TypeVar("T")


def _bounded_text(text: str) -> str:
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise ValueError(f"This may have {MAX_TEXT_BYTES} bytes as UTF-8")
    return text


def _bounded(value: T) -> T:
    if json_byte_count(value) > MAX_FINDING_BYTES:
        raise ValueError(f"This may have {MAX_FINDING_BYTES} bytes as JSON")
    return value


def _moment(value: object) -> object:
    # The library would also take a number of seconds, or of milliseconds, whichever looks likelier.
    if not isinstance(value, str) or not _WRITTEN_OUT.match(value):
        raise ValueError("This is not a time with its zone, such as 2026-11-21T10:09:00Z")
    return value


Text = Annotated[str, AfterValidator(_bounded_text)]
Finding = Annotated[JsonValue, AfterValidator(_bounded)]
Findings = Annotated[list[JsonValue], AfterValidator(_bounded)]
Moment = Annotated[AwareDatetime, Field(ge=_EARLIEST, lt=_BEFORE), BeforeValidator(_moment)]


class EpisodeMetadataCreate(RequestBody):
    """What an extraction found. Each text may have 1,000,000 bytes, each other finding 256 KiB as JSON, all of them together
    1,500,000 bytes."""

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
    extraction_timestamp: Moment | None = Field(default=None, description="When it was made; now, if left out.")
    processing_duration_seconds: Count | None = None

    def columns(self) -> dict[str, Any]:
        """The values by column."""
        # What the database fills in must not be named.
        unset = {"extraction_timestamp"} if self.extraction_timestamp is None else set()
        return self.model_dump(exclude=unset)


class EpisodeMetadataUpdate(UpdateBody):
    """What is corrected in the newest extraction. What is not sent stays as it is; null clears."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"tags": ["spring", "dandelions"]}]})

    values_when_cleared: ClassVar = MappingProxyType({"tags": [], "categories": []})

    extracted_text: Text | None = None
    scenes_detected: Finding | None = None
    sentiment_analysis: Finding | None = None
    visual_objects: Finding | None = None
    transcription: Text | None = None
    tags: Findings | None = None
    categories: Findings | None = None
    extraction_timestamp: Annotated[Moment | None, NotNull] = None
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
    """What one extraction found."""

    tags: list[JsonValue]
    categories: list[JsonValue]


class ListedMetadata(_Extraction):
    """An extraction in a list. Only the newest one's findings are told there; those of the others are null, and are had one
    extraction at a time."""

    tags: list[JsonValue] | None
    categories: list[JsonValue] | None
    is_complete: bool = Field(
        description="Whether the findings are told here: those of the newest extraction alone are."
    )
