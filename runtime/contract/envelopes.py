"""The envelopes of all responses: one record, a page, an error. Independent of the web framework."""

from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from pydantic import (
    BaseModel,
    Field,
)

from runtime.contract.values import format_rfc3339

T = TypeVar("T")


class DataEnvelope(BaseModel, Generic[T]):
    """A single record."""

    data: T


class PageInfo(BaseModel):
    """The cursor of the next page."""

    next: str | None = Field(description="Send this as `cursor` to get the next page; null on the last page.")


class PageEnvelope(BaseModel, Generic[T]):
    """A page of records."""

    data: list[T]
    page: PageInfo


class ErrorEntry(BaseModel):
    """One error."""

    code: str = Field(examples=["VALIDATION_ERROR"])
    message: str = Field(examples=["Field required"])
    field: str | None = Field(default=None, examples=["body.name"])


class ErrorMetadata(BaseModel):
    """The time of the error, and the request id in the log."""

    timestamp: str
    requestId: str  # noqa: N815  (the requirement's spelling)


class ErrorResponse(BaseModel):
    """An error response."""

    errors: list[ErrorEntry]
    metadata: ErrorMetadata


def error_body(entries: list[dict[str, Any]], request_id: str) -> dict[str, Any]:
    """Return the body of an error response."""
    return {"errors": entries, "metadata": {"timestamp": format_rfc3339(datetime.now(UTC)), "requestId": request_id}}
