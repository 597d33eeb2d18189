"""Base classes of all request and response schemas. Independent of the web framework."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_after_validator_function

from runtime.contract.values import Timestamp

T = TypeVar("T")


def _reject_null(value: T) -> T:
    if value is None:
        raise ValueError("This field cannot be null; omit it to keep its value")
    return value


@dataclass(frozen=True)
class _NotNull:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(_reject_null, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = handler(schema)
        value: JsonSchemaValue
        (value,) = (kind for kind in described.pop("anyOf") if kind != {"type": "null"})
        return described | value


# For required fields of an update: null, which clears other fields, is rejected and not in the JSON schema.
NotNull = _NotNull()


class RequestBody(BaseModel):
    """A request body. Unknown fields are rejected, never dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class UpdateBody(RequestBody):
    """A partial update. Omitted fields keep their values; null clears a field."""

    # The cleared values of columns that are NOT NULL.
    values_when_cleared: ClassVar[Mapping[str, Any]] = MappingProxyType({"metadata": {}, "tags": []})

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = handler(schema)
        # Omitting a field is not the same as sending null, as the attribute's default would suggest.
        for field in handler.resolve_ref_schema(described)["properties"].values():
            field.pop("default", None)
        return described

    def columns(self) -> dict[str, Any]:
        """Return the new values by column, of the fields that were sent."""
        values = self.model_dump(include=self.model_fields_set)
        return {name: self.values_when_cleared.get(name) if value is None else value for name, value in values.items()}


class Resource(BaseModel):
    """A response body."""

    model_config = ConfigDict(from_attributes=True)


class Versioned(Resource):
    """A response with a version: a record that can be created and updated."""

    created_at: Timestamp
    created_by: UUID | None
    updated_at: Timestamp
    updated_by: UUID | None
    etag: str = Field(
        description="The record's version, as in the ETag header. Send it as If-Match to update only this version.",
        examples=['"3"'],
    )


class Record(Versioned):
    """A versioned record that can also be soft-deleted and restored."""

    deleted_at: Timestamp | None = Field(description="Null unless the record is deleted.")
    deleted_by: UUID | None
    deleted_reason: str | None
    restored_at: Timestamp | None = Field(description="When the record was last restored.")
    restored_by: UUID | None
