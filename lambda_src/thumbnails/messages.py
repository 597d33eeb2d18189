"""Parses the messages of the thumbnail queue: S3 event notifications, and the message body of the requirements (ROAD-116).

Both become Sources. Any other message is rejected permanently, since another delivery of it would be the same.
"""

from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import unquote_plus
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from runtime import object_keys


@dataclass(frozen=True)
class Source:
    """An image and its entity. `job_id` is None if it has no job yet; `version_id` None means the latest version."""

    bucket: str
    key: str
    version_id: str | None
    entity_type: str
    entity_id: UUID
    job_id: UUID | None

    @property
    def reference(self) -> str:
        """The s3:// URL."""
        return object_keys.reference(self.bucket, self.key)


class MessageRejectedError(Exception):
    """The message is invalid or not for this worker; another delivery cannot help."""


class _TestEvent(BaseModel):
    """The event that S3 sends when a notification is configured."""

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
    """Return the images of a message; none for S3's test event.

    Raises:
        MessageRejectedError: The body has an unknown format, or a key is not that of a completed upload.
    """
    try:
        message = _BODY.validate_json(body)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        raise MessageRejectedError(f"unknown message format: {problems[0]['msg']}") from error
    match message:
        case _TestEvent():
            return []
        case _Notification():
            return [_parse_upload(record.s3) for record in message.records]
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


def _parse_upload(stored: _Stored) -> Source:
    # Keys are form-encoded: a space is a plus sign. AWS does not encode slashes, moto does.
    key = unquote_plus(stored.object.key)
    original = object_keys.parse_original_key(key)
    if original is None:
        raise MessageRejectedError(f"the object {key!r} is not a completed upload")
    return Source(
        bucket=stored.bucket.name,
        key=key,
        version_id=stored.object.version_id,
        entity_type=original.entity_type,
        entity_id=original.entity_id,
        job_id=original.job_id,
    )
