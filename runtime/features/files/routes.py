"""Files: what was announced, by whom, and what became of it. The same uploads as under /upload, and one way more to send them:
small files through the API itself."""

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

# Bodies of these may be as large as the largest file, see `runtime/app.py`.
DIRECT_UPLOAD_PATHS = ("/api/v1/files/upload", "/files/upload")

VisibleTo = Annotated[UUID | None, owner_filter(Permission.UPLOADS_READ_ALL)]

# What the form has in it; it is read by ourselves, so the framework cannot describe it.
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
        raise InvalidInputError("Send one file, in the field `file`", field="body.file")
    return file


async def _announced(form: FormDep, file: Annotated[UploadedFile, Depends(_sent_file)]) -> UploadCreate:
    """What the form says of its file, and what the file says itself: as if it had been announced."""
    said = {
        "file_name": file.name,
        "file_type": file.media_type,
        "byte_count": len(file.content),
        "sha256": hashlib.sha256(file.content).hexdigest(),
    }
    if twice := said.keys() & form.texts.keys():
        problems = [FieldProblem("The file itself says this", f"body.{name}") for name in sorted(twice)]
        raise InvalidInputError("The file says some of this itself", problems=problems)
    try:
        return UploadCreate.model_validate({**form.texts, **said})
    except ValidationError as error:
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from None


@router.get("/api/v1/files/upload", response_model=DataEnvelope[UploadForm])
@router.get("/files/upload", response_model=DataEnvelope[UploadForm], include_in_schema=False)
def get_upload_form(
    caller: Annotated[Caller, allow(Permission.UPLOADS_CREATE)],
    announced: Annotated[UploadQuery, Query()],
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[UploadForm]:
    """Announces a file and answers the form that uploads it, as POST /api/v1/upload/generate-url does. Each request announces
    another upload."""
    form = uploads.announce(
        transaction, resources.objects, resources.settings, caller, announced, entity_field="query.entity_id"
    )
    return DataEnvelope(data=form)


@router.post("/api/v1/files/upload", status_code=201, response_model=DataEnvelope[FileView], openapi_extra=_FORM)
@router.post("/files/upload", status_code=201, response_model=DataEnvelope[FileView], include_in_schema=False)
def upload_file(
    *,
    caller: Annotated[Caller, allow(Permission.UPLOADS_CREATE)],
    file: Annotated[UploadedFile, Depends(_sent_file)],
    announced: Annotated[UploadCreate, Depends(_announced)],
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[FileView]:
    """Uploads an image of up to 4.5 MB in one request, and starts its processing. 413 for a larger one: announce it, and send
    it to storage."""
    made = service.upload(
        transaction,
        objects=resources.objects,
        outbox=resources.outbox,
        settings=resources.settings,
        caller=caller,
        announced=announced,
        content=file.content,
    )
    return DataEnvelope(data=made)


@router.get("/api/v1/files", response_model=PageEnvelope[FileView], dependencies=[allow(Permission.UPLOADS_READ)])
def list_files(
    *,
    visible_to: VisibleTo,
    page: Paging,
    database: DatabaseDep,
    entity_type: UploadEntity | None = None,
    entity_id: UUID | None = None,
    status: FileStatus | None = None,
    user_id: Annotated[UUID | None, Query(description="Who announced them.")] = None,
) -> Response:
    """The files that the caller announced, newest first; everybody's for administrators."""
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
    """One file, and where it stands."""
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
    """Where the stored file is to be had for a while, as a download. 409 while it is not stored."""
    made = service.make_url(
        transaction,
        objects=resources.objects,
        settings=resources.settings,
        caller=caller,
        file_id=file_id,
        visible_to=visible_to,
    )
    return DataEnvelope(data=made)


@router.post("/api/v1/files/{file_id}/complete", response_model=DataEnvelope[FileView])
def complete_file(
    caller: Annotated[Caller, allow(Permission.UPLOADS_CREATE)],
    file_id: UUID,
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[FileView]:
    """Says that the file is uploaded, and starts its processing if it is the announced one. Repeating does no harm."""
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
    """Ends an upload that is still pending; 409 for any other file."""
    service.delete(transaction, caller, file_id, visible_to=visible_to)
