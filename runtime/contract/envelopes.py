"""The shapes that every response shares: one record, a page, an error. No web framework here."""

from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from pydantic import (
    BaseModel,
    Field,
)

from runtime.contract.values import format_rfc3339

T = TypeVar("T")


class DataEnvelope(BaseModel, Generic[T]):
    """One thing."""

    data: T


class PageInfo(BaseModel):
    """Where the next page begins."""

    next: str | None = Field(description="Send this as `cursor` for the next page; null on the last one.")


class PageEnvelope(BaseModel, Generic[T]):
    """A page of things."""

    data: list[T]
    page: PageInfo


class ErrorEntry(BaseModel):
    """One thing that is wrong."""

    code: str = Field(examples=["VALIDATION_ERROR"])
    message: str = Field(examples=["Field required"])
    field: str | None = Field(default=None, examples=["body.name"])


class ErrorMetadata(BaseModel):
    """When it was refused, and under which id the log knows the request."""

    timestamp: str
    requestId: str  # noqa: N815  (the requirement's spelling)


class ErrorResponse(BaseModel):
    """What every refusal looks like."""

    errors: list[ErrorEntry]
    metadata: ErrorMetadata


def error_body(entries: list[dict[str, Any]], request_id: str) -> dict[str, Any]:
    """The body of a refusal, as JSON-ready data."""
    return {"errors": entries, "metadata": {"timestamp": format_rfc3339(datetime.now(UTC)), "requestId": request_id}}
