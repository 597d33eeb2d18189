"""Thumbnails as clients get them."""

from uuid import UUID

from pydantic import Field

from runtime.contract.schemas import Resource
from runtime.contract.values import Timestamp


class ThumbnailView(Resource):
    """A picture of an entity in one variant."""

    thumbnail_id: UUID
    entity_type: str = Field(examples=["episode"])
    entity_id: UUID
    variant: str = Field(examples=["primary"])
    width: int = Field(description="In pixels.")
    height: int = Field(description="In pixels.")
    bytes: int = Field(description="The size of the file.")
    format: str = Field(examples=["jpeg"])
    mime_type: str = Field(examples=["image/jpeg"])
    status: str = Field(examples=["ready"])
    file_reference: str = Field(examples=["s3://bucket/episodes/…"])
    url: str = Field(description="Answers the file to anyone who has it, without a header, until `url_expires_at`.")
    url_expires_at: Timestamp
    processed_at: Timestamp | None
