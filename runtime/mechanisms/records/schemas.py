"""Schemas of assets (the records that episodes use), links and imports. Independent of the web framework."""

import re
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from runtime.contract.schemas import NotNull, Record, RequestBody, Resource, UpdateBody
from runtime.contract.values import Description, Metadata, Sha256, Tags, Timestamp, reject_nul, stripped

# A bucket name as S3 allows it, which is not an IP address, and a key without line breaks.
_FILE_REFERENCE = re.compile(
    r"s3://(?!(?:[0-9]+\.){3}[0-9]+/)[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]"
    r"/([^\x00-\x1f\x7f-\x9f\u2028\u2029]+)"
)
# S3's limit.
_MAX_KEY_BYTES = 1_024


def _file_reference(text: str) -> str:
    found = _FILE_REFERENCE.fullmatch(text)
    if not found or len(found[1].encode()) > _MAX_KEY_BYTES:
        raise ValueError("Must be the S3 URI of a file, such as s3://bucket/key")
    return text


AssetName = Annotated[str, stripped(255)]
_Context = Annotated[str, stripped(500)]
UsageContext = Annotated[_Context | None, Field(description="How the episode uses it.", examples=["The opening scene"])]
UsageContextParameter = Annotated[_Context, AfterValidator(reject_nul)]
FileReference = Annotated[
    Annotated[str, StringConstraints(max_length=1_024), AfterValidator(_file_reference)],
    Field(
        description="S3 URI of the file.",
        examples=["s3://bucket/key"],
        json_schema_extra={"pattern": f"^{_FILE_REFERENCE.pattern}$"},
    ),
]


class Asset(Record):
    """A record that episodes can use."""

    name: str
    description: str | None
    tags: list[str]
    thumbnail_reference: str | None
    metadata: dict[str, Any]


class FileAsset(Asset):
    """An asset that is a file."""

    file_reference: str | None = Field(examples=["s3://bucket/key"])
    file_hash: str | None


class FileAssetCreate(RequestBody):
    """A new asset that is a file."""

    name: AssetName
    description: Description | None = None
    file_reference: FileReference | None = None
    file_hash: Sha256 | None = None
    tags: Tags = Field(default_factory=list)
    metadata: Metadata = Field(default_factory=dict)


class FileAssetUpdate(UpdateBody):
    """An update of an asset that is a file."""

    name: Annotated[AssetName | None, NotNull] = None
    description: Description | None = None
    file_reference: FileReference | None = None
    file_hash: Sha256 | None = None
    tags: Tags | None = None
    metadata: Metadata | None = None


class Linkable(Asset):
    """An asset that can be linked to any number of episodes."""

    usage_count: int = Field(description="Number of episodes that use it, without deleted ones.")
    last_used_at: Timestamp | None = Field(description="When it was last linked to one of them.")


class LinkBody(RequestBody):
    """A new or updated link between an episode and an asset."""

    usage_context: UsageContext = None


class Usage(Resource):
    """The usage of an asset in an episode."""

    usage_context: str | None
    linked_at: Timestamp
    linked_by: UUID | None


class Link(Usage):
    """A link between an episode and an asset."""

    episode_id: UUID


class LineStatus(StrEnum):
    """The result of importing a line."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    REFUSED = "refused"


class LineProblem(Resource):
    """One error in a line."""

    field: str | None = Field(description="The invalid column, if the error is about one.")
    message: str


class ImportedLine(Resource):
    """The result of importing one record."""

    line: int = Field(description="Number of the record's first line, starting at 1.")
    status: LineStatus
    id: UUID | None
    errors: list[LineProblem]


class ImportReport(Resource):
    """The result of importing a file."""

    counts: dict[LineStatus, int]
    lines: list[ImportedLine]
