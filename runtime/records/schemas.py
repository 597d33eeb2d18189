"""What clients send and get of assets: the records that episodes are made of. No web framework here."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from runtime.web.schemas import Record, RequestBody, Resource, Timestamp

AssetName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
UsageContext = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] | None,
    Field(description="What the episode uses it for.", examples=["The opening scene"]),
]


class Asset(Record):
    """Something that episodes are made of."""

    name: str
    description: str | None
    tags: list[str]
    thumbnail_reference: str | None
    metadata: dict[str, Any]


class Linkable(Asset):
    """An asset that any number of episodes use."""

    usage_count: int = Field(description="How many episodes use it, those that are deleted aside.")
    last_used_at: Timestamp | None = Field(description="When it was last linked to one of these.")


class LinkBody(RequestBody):
    """The use of an asset in an episode."""

    usage_context: UsageContext = None


class Link(Resource):
    """An asset's use in an episode."""

    episode_id: UUID
    usage_context: str | None
    linked_at: Timestamp
    linked_by: UUID | None


class LineStatus(StrEnum):
    """What became of a line of a file."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    REFUSED = "refused"


class LineProblem(Resource):
    """One thing that is wrong with a line."""

    field: str | None = Field(description="The column, where one is wrong.")
    message: str


class ImportedLine(Resource):
    """What became of one record of a file."""

    line: int = Field(description="The number of the line where it begins, from 1.")
    status: LineStatus
    id: UUID | None
    errors: list[LineProblem]


class ImportReport(Resource):
    """What became of a file."""

    counts: dict[LineStatus, int]
    lines: list[ImportedLine]
