"""What clients send and get of assets: the records that episodes are made of. No web framework here."""

import re
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from runtime.contract.schemas import NotNull, Record, RequestBody, Resource, UpdateBody
from runtime.contract.values import Description, Metadata, Sha256, Tags, Timestamp, reject_nul, stripped

# A bucket's name as S3 allows it, which is no IP address, and a key on one line.
_FILE_REFERENCE = re.compile(
    r"s3://(?!(?:[0-9]+\.){3}[0-9]+/)[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]"
    r"/([^\x00-\x1f\x7f-\x9f\u2028\u2029]+)"
)
# S3's limit.
_MAX_KEY_BYTES = 1_024


def _file_reference(text: str) -> str:
    found = _FILE_REFERENCE.fullmatch(text)
    if not found or len(found[1].encode()) > _MAX_KEY_BYTES:
        raise ValueError("This is not the address of a file in S3, such as s3://bucket/key")
    return text


AssetName = Annotated[str, stripped(255)]
_Context = Annotated[str, stripped(500)]
UsageContext = Annotated[
    _Context | None, Field(description="What the episode uses it for.", examples=["The opening scene"])
]
UsageContextParameter = Annotated[_Context, AfterValidator(reject_nul)]
FileReference = Annotated[
    Annotated[str, StringConstraints(max_length=1_024), AfterValidator(_file_reference)],
    Field(
        description="Where the file is.",
        examples=["s3://bucket/key"],
        json_schema_extra={"pattern": f"^{_FILE_REFERENCE.pattern}$"},
    ),
]


class Asset(Record):
    """Something that episodes are made of."""

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
    """What changes of an asset that is a file."""

    name: Annotated[AssetName | None, NotNull] = None
    description: Description | None = None
    file_reference: FileReference | None = None
    file_hash: Sha256 | None = None
    tags: Tags | None = None
    metadata: Metadata | None = None


class Linkable(Asset):
    """An asset that any number of episodes use."""

    usage_count: int = Field(description="How many episodes use it, those that are deleted aside.")
    last_used_at: Timestamp | None = Field(description="When it was last linked to one of these.")


class LinkBody(RequestBody):
    """The use of an asset in an episode."""

    usage_context: UsageContext = None


class Usage(Resource):
    """For what an episode uses an asset, and who said so."""

    usage_context: str | None
    linked_at: Timestamp
    linked_by: UUID | None


class Link(Usage):
    """An asset's use in an episode."""

    episode_id: UUID


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
