"""Uploads: announce a file, then complete it. Its bytes go to storage and never through the API."""

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
# The path as one source document has it, without the prefix of all others.
@router.post("/upload/generate-url", status_code=201, response_model=DataEnvelope[UploadForm], include_in_schema=False)
def generate_upload_url(
    caller: Annotated[Caller, allow(Permission.UPLOADS_CREATE)],
    body: UploadCreate,
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[UploadForm]:
    """Announces a file and answers the form that uploads it."""
    return DataEnvelope(data=service.announce(transaction, resources.objects, resources.settings, caller, body))


@router.post("/api/v1/upload/{upload_id}/complete", response_model=DataEnvelope[CompletedUpload])
def complete_upload(
    caller: Annotated[Caller, allow(Permission.UPLOADS_CREATE)],
    upload_id: UUID,
    transaction: TransactionDep,
    resources: ResourcesDep,
) -> DataEnvelope[CompletedUpload]:
    """Says that the file is uploaded, and starts its processing if it is the announced one. Repeating does no harm."""
    completed = service.complete(
        transaction,
        objects=resources.objects,
        outbox=resources.outbox,
        settings=resources.settings,
        caller=caller,
        upload_id=upload_id,
    )
    return DataEnvelope(data=completed)
