"""Files: list, get, download, complete, delete. The same uploads as under /upload, plus direct upload of small files."""

import hashlib
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope, PageEnvelope
from runtime.errors import FieldProblem, InvalidInputError
from runtime.features.files import repository, service
from runtime.features.files.schemas import (
    MAX_DIRECT_BYTES,
    FileStatus,
    FileUrl,
    FileView,
    UploadQuery,
)
from runtime.features.uploads import service as uploads
from runtime.features.uploads.limits import ImageType, UploadEntity
from runtime.features.uploads.schemas import UploadCreate, UploadForm
from runtime.web.dependencies import DatabaseDep, Paging, ResourcesDep, TransactionDep, list_response, owner_filter
from runtime.web.forms import FormDep, UploadedFile
from runtime.web.routing import feature_router

router = feature_router("files")

# These paths accept bodies as large as the largest file, see `runtime/app.py`.
DIRECT_UPLOAD_PATHS = ("/api/v1/files/upload", "/files/upload")

VisibleTo = Annotated[UUID | None, owner_filter(Permission.UPLOADS_READ_ALL)]

# The form is parsed by `runtime.web.forms`, so FastAPI cannot derive its description.
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "entity_type", "entity_id"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": f"At most {MAX_DIRECT_BYTES} bytes, with its file name and its media type.",
                        },
                        "entity_type": {"type": "string", "enum": [entity.value for entity in UploadEntity]},
                        "entity_id": {"type": "string", "format": "uuid"},
                    },
                },
                "encoding": {"file": {"contentType": ", ".join(ImageType)}},
            }
        },
    }
}


async def _sent_file(form: FormDep) -> UploadedFile:
    file = form.files.get("file")
    if file is None or len(form.files) > 1:
        raise InvalidInputError("Send exactly one file, in the field `file`", field="body.file")
    return file


async def _declaration(form: FormDep, file: Annotated[UploadedFile, Depends(_sent_file)]) -> UploadCreate:
    """Build the declaration of the upload from the form's fields and from the file itself."""
    file_fields = {
        "file_name": file.name,
        "file_type": file.media_type,
        "byte_count": len(file.content),
        "sha256": hashlib.sha256(file.content).hexdigest(),
    }
    if duplicates := file_fields.keys() & form.texts.keys():
        message = "Do not send this field; it is read from the file"
        problems = [FieldProblem(message, f"body.{name}") for name in sorted(duplicates)]
        raise InvalidInputError(message, problems=problems)
    try:
        return UploadCreate.model_validate({**form.texts, **file_fields})
    except ValidationError as error:
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from None


@router.get("/api/v1/files/upload", response_model=DataEnvelope[UploadForm])
@router.get("/files/upload", response_model=DataEnvelope[UploadForm], include_in_schema=False)
def get_upload_form(
    caller: Annotated[Caller, allow(Permission.UPLOADS_CREATE)],
    declaration: Annotated[UploadQuery, Query()],
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[UploadForm]:
    """Create an upload and return its presigned POST form, as `POST /api/v1/upload/generate-url` does.

    Each request creates another upload.
    """
    form = uploads.create_upload(
        transaction, resources.objects, resources.settings, caller, declaration, entity_field="query.entity_id"
    )
    return DataEnvelope(data=form)


@router.post("/api/v1/files/upload", status_code=201, response_model=DataEnvelope[FileView], openapi_extra=_FORM)
@router.post("/files/upload", status_code=201, response_model=DataEnvelope[FileView], include_in_schema=False)
def upload_file(
    *,
    caller: Annotated[Caller, allow(Permission.UPLOADS_CREATE)],
    file: Annotated[UploadedFile, Depends(_sent_file)],
    declaration: Annotated[UploadCreate, Depends(_declaration)],
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[FileView]:
    """Upload an image of up to 4.5 MB in one request and start its processing.

    413 for a larger file: create an upload and send the file to S3.
    """
    file_view = service.upload(
        transaction,
        objects=resources.objects,
        outbox=resources.outbox,
        settings=resources.settings,
        caller=caller,
        declaration=declaration,
        content=file.content,
    )
    return DataEnvelope(data=file_view)


@router.get("/api/v1/files", response_model=PageEnvelope[FileView], dependencies=[allow(Permission.UPLOADS_READ)])
def list_files(
    *,
    visible_to: VisibleTo,
    page: Paging,
    database: DatabaseDep,
    entity_type: UploadEntity | None = None,
    entity_id: UUID | None = None,
    status: FileStatus | None = None,
    user_id: Annotated[UUID | None, Query(description="The user who created the uploads.")] = None,
) -> Response:
    """List the caller's files, newest first; administrators see the files of all users."""
    with database.autocommit() as connection:
        found = repository.list_page(
            connection,
            page,
            visible_to=visible_to,
            entity_type=entity_type,
            entity_id=entity_id,
            status=status,
            user_id=user_id,
        )
    return list_response(found)


@router.get(
    "/api/v1/files/{file_id}", response_model=DataEnvelope[FileView], dependencies=[allow(Permission.UPLOADS_READ)]
)
@router.get(
    "/files/{file_id}",
    response_model=DataEnvelope[FileView],
    dependencies=[allow(Permission.UPLOADS_READ)],
    include_in_schema=False,
)
def get_file(visible_to: VisibleTo, file_id: UUID, database: DatabaseDep) -> DataEnvelope[FileView]:
    """Get a file with its processing status."""
    with database.autocommit() as connection:
        return DataEnvelope(data=service.get(connection, file_id, visible_to=visible_to))


@router.get("/api/v1/files/{file_id}/url", response_model=DataEnvelope[FileUrl])
def get_file_url(
    *,
    caller: Annotated[Caller, allow(Permission.UPLOADS_READ)],
    visible_to: VisibleTo,
    file_id: UUID,
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[FileUrl]:
    """Get a presigned URL that downloads the stored file until `url_expires_at`. 409 while the file is not stored."""
    file_url = service.create_download_url(
        transaction,
        objects=resources.objects,
        settings=resources.settings,
        caller=caller,
        file_id=file_id,
        visible_to=visible_to,
    )
    return DataEnvelope(data=file_url)


@router.post("/api/v1/files/{file_id}/complete", response_model=DataEnvelope[FileView])
def complete_file(
    caller: Annotated[Caller, allow(Permission.UPLOADS_CREATE)],
    file_id: UUID,
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[FileView]:
    """Complete an upload: verify the stored file against its declaration and start its processing. Safe to repeat.

    400 if the stored file differs from its declaration, 409 while nothing is uploaded or after the upload expired, 429 while
    the job queue is full.
    """
    completed = service.complete(
        transaction,
        objects=resources.objects,
        outbox=resources.outbox,
        settings=resources.settings,
        caller=caller,
        file_id=file_id,
    )
    return DataEnvelope(data=completed)


@router.delete("/api/v1/files/{file_id}", status_code=204)
def delete_file(
    caller: Annotated[Caller, allow(Permission.UPLOADS_DELETE)],
    visible_to: VisibleTo,
    file_id: UUID,
    transaction: TransactionDep,
) -> None:
    """Delete a pending upload, so that its form can no longer be completed. 409 for any other file."""
    service.delete(transaction, caller, file_id, visible_to=visible_to)
