"""Request and response schemas of uploads."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from runtime.contract.schemas import RequestBody, Resource
from runtime.contract.values import Sha256, Timestamp
from runtime.features.uploads.limits import FILE_SIZE_LIMITS, FileKind, ImageType, UploadEntity

FileName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1024),
    Field(description="Stored as data; never part of a URL or an object key.", examples=["dandelions.jpg"]),
]
ByteCount = Annotated[int, Field(strict=True, ge=1, le=FILE_SIZE_LIMITS[FileKind.IMAGE])]


_EXAMPLE: dict[str, JsonValue] = {
    "file_name": "dandelions.jpg",
    "file_type": "image/jpeg",
    "byte_count": 482113,
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}


class ImageCreate(RequestBody):
    """Declaration of an image to upload."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    file_name: FileName
    file_type: ImageType
    byte_count: ByteCount
    sha256: Sha256


class UploadCreate(ImageCreate):
    """Declaration of a file to upload, and the entity that it belongs to."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**_EXAMPLE, "entity_type": "episode", "entity_id": "01981b2e-7c3a-7d41-9a55-0242ac120002"}]
        }
    )

    entity_type: UploadEntity
    entity_id: UUID


class UploadForm(Resource):
    """Presigned POST form of an upload.

    Send `fields` as multipart/form-data to `uploadUrl`, with the file as the last field, named `file`. S3 accepts exactly the
    declared bytes.
    """

    upload_id: UUID
    uploadUrl: str  # noqa: N815  (the requirement's spelling)
    fileReference: str = Field(examples=["s3://bucket/uploads/…"])  # noqa: N815
    fields: dict[str, str]
    expires_at: Timestamp


class CompletedUpload(Resource):
    """A completed upload and the job that generates its thumbnails."""

    upload_id: UUID
    job_id: UUID
    status: str = Field(description="Status of the job.", examples=["pending"])
    entity_type: UploadEntity
    entity_id: UUID
    file_reference: str = Field(examples=["s3://bucket/raw/episodes/…"])
