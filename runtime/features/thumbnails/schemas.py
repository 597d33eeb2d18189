"""Response schemas of thumbnails."""

from uuid import UUID

from pydantic import Field

from runtime.contract.schemas import Resource
from runtime.contract.values import Timestamp


class ThumbnailView(Resource):
    """The image of an entity in one size variant."""

    thumbnail_id: UUID
    entity_type: str = Field(examples=["episode"])
    entity_id: UUID
    variant: str = Field(examples=["primary"])
    width: int = Field(description="Width in pixels.")
    height: int = Field(description="Height in pixels.")
    bytes: int = Field(description="Size of the file in bytes.")
    format: str = Field(examples=["jpeg"])
    mime_type: str = Field(examples=["image/jpeg"])
    status: str = Field(examples=["ready"])
    file_reference: str = Field(examples=["s3://bucket/episodes/…"])
    url: str = Field(description="Presigned URL: anyone who has it can download the file until `url_expires_at`.")
    url_expires_at: Timestamp
    processed_at: Timestamp | None
