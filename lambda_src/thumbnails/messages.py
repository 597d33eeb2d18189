"""What a message of the thumbnail queue asks for: S3's own notifications, and the body that the sources name (ROAD-116).

Both are read into the same thing, the image to work on. Anything else is refused, and for good: another delivery of the same
words would be no clearer.
"""

from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import unquote_plus
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from runtime import object_keys


@dataclass(frozen=True)
class Source:
    """An image and what it belongs to. `job_id` is None when no job was made for it yet; `version_id` None means the latest."""

    bucket: str
    key: str
    version_id: str | None
    entity_type: str
    entity_id: UUID
    job_id: UUID | None

    @property
    def reference(self) -> str:
        """Its s3:// address."""
        return object_keys.reference(self.bucket, self.key)


class MessageRefusedError(Exception):
    """The message asks for nothing that this worker does."""


class _TestEvent(BaseModel):
    """What S3 sends when a notification is configured."""

    event: Literal["s3:TestEvent"] = Field(alias="Event")


class _Bucket(BaseModel):
    name: str


class _Object(BaseModel):
    key: str
    version_id: str | None = Field(default=None, alias="versionId")


class _Stored(BaseModel):
    bucket: _Bucket
    object: _Object


class _Record(BaseModel):
    event_name: Annotated[str, StringConstraints(pattern=r"^ObjectCreated:")] = Field(alias="eventName")
    s3: _Stored


class _Notification(BaseModel):
    records: list[_Record] = Field(alias="Records", min_length=1)


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")

    entity_type: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,50}$")]
    entity_id: UUID
    source_reference: Annotated[str, StringConstraints(pattern=object_keys.REFERENCE_PATTERN)]


_BODY: TypeAdapter[_TestEvent | _Notification | _Request] = TypeAdapter(_TestEvent | _Notification | _Request)


def parse(body: str) -> list[Source]:
    """The images that a message names; none for S3's test event. Raises MessageRefusedError."""
    try:
        message = _BODY.validate_json(body)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        raise MessageRefusedError(f"not a message that this worker knows: {problems[0]['msg']}") from error
    match message:
        case _TestEvent():
            return []
        case _Notification():
            return [_uploaded(record.s3) for record in message.records]
        case _Request():
            bucket, key = object_keys.split_reference(message.source_reference)
            return [
                Source(
                    bucket=bucket,
                    key=key,
                    version_id=None,
                    entity_type=message.entity_type,
                    entity_id=message.entity_id,
                    job_id=None,
                )
            ]


def _uploaded(stored: _Stored) -> Source:
    # Keys arrive as a form's values are written: a space is a plus sign. AWS leaves slashes as they are, others encode them.
    key = unquote_plus(stored.object.key)
    original = object_keys.parse_original_key(key)
    if original is None:
        raise MessageRefusedError(f"the object {key!r} is no completed upload")
    return Source(
        bucket=stored.bucket.name,
        key=key,
        version_id=stored.object.version_id,
        entity_type=original.entity_type,
        entity_id=original.entity_id,
        job_id=original.job_id,
    )
