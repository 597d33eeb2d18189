"""Request and response schemas of shows."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from runtime.contract.schemas import NotNull, Record, RequestBody, UpdateBody
from runtime.contract.values import Description, Metadata, stripped

ShowName = Annotated[
    str,
    stripped(255),
    Field(description="Name of the show, unique among all shows, including deleted ones.", examples=["Meadow Diaries"]),
]


class ShowStatus(StrEnum):
    """Status of a show."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    ON_HOLD = "on_hold"


class ShowCreate(RequestBody):
    """A new show."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Meadow Diaries", "description": "A year in one meadow."}]}
    )

    name: ShowName
    description: Description | None = None
    status: ShowStatus = ShowStatus.ACTIVE
    metadata: Metadata = Field(default_factory=dict)


class ShowUpdate(UpdateBody):
    """Changes to a show. Fields that are left out keep their values; null clears `description` and `metadata`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"description": "Two years in one meadow."}]})

    name: Annotated[ShowName | None, NotNull] = None
    description: Description | None = None
    status: Annotated[ShowStatus | None, NotNull] = None
    metadata: Metadata | None = None


class Show(Record):
    """A show."""

    show_id: UUID
    name: str
    description: str | None
    status: ShowStatus
    metadata: dict[str, Any]
