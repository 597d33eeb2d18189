"""Uploads: create one, send the file to S3, complete it. The file never passes through the API."""

from typing import Annotated
from uuid import UUID

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope
from runtime.features.uploads import service
from runtime.features.uploads.schemas import CompletedUpload, UploadCreate, UploadForm
from runtime.web.dependencies import ResourcesDep, TransactionDep
from runtime.web.routing import feature_router

router = feature_router("uploads")


@router.post("/api/v1/upload/generate-url", status_code=201, response_model=DataEnvelope[UploadForm])
# One source document names the path without the prefix /api/v1.
@router.post("/upload/generate-url", status_code=201, response_model=DataEnvelope[UploadForm], include_in_schema=False)
def generate_upload_url(
    caller: Annotated[Caller, allow(Permission.UPLOADS_CREATE)],
    body: UploadCreate,
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[UploadForm]:
    """Create an upload and return the presigned POST form for it.

    The form accepts exactly the declared file (type, size and SHA-256) until `expires_at`. After the upload, complete it with
    `POST /api/v1/upload/{upload_id}/complete`.
    """
    return DataEnvelope(data=service.create_upload(transaction, resources.objects, resources.settings, caller, body))


@router.post("/api/v1/upload/{upload_id}/complete", response_model=DataEnvelope[CompletedUpload])
def complete_upload(
    caller: Annotated[Caller, allow(Permission.UPLOADS_CREATE)],
    upload_id: UUID,
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[CompletedUpload]:
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
        upload_id=upload_id,
    )
    return DataEnvelope(data=completed)
