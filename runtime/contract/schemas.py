"""What the schemas of all features are derived from. No web framework here."""

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


def _kept(value: T) -> T:
    if value is None:
        raise ValueError("This cannot be cleared; leave it out to keep it")
    return value


@dataclass(frozen=True)
class _NotNull:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(_kept, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = handler(schema)
        value: JsonSchemaValue
        (value,) = (kind for kind in described.pop("anyOf") if kind != {"type": "null"})
        return described | value


# For the fields of a change that have to have a value: null, which clears others, is refused and not described.
NotNull = _NotNull()


class RequestBody(BaseModel):
    """What a client sends. A field that we do not know is refused and never silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class UpdateBody(RequestBody):
    """What changes of a thing. What is not sent stays as it is; null clears."""

    # What a column that is never null holds when it is cleared.
    values_when_cleared: ClassVar[Mapping[str, Any]] = MappingProxyType({"metadata": {}, "tags": []})

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = handler(schema)
        # To leave a field out is not to send null, which the default of its attribute would say.
        for field in handler.resolve_ref_schema(described)["properties"].values():
            field.pop("default", None)
        return described

    def columns(self) -> dict[str, Any]:
        """The new values by column, of the columns that were sent."""
        values = self.model_dump(include=self.model_fields_set)
        return {name: self.values_when_cleared.get(name) if value is None else value for name, value in values.items()}


class Resource(BaseModel):
    """What a client gets."""

    model_config = ConfigDict(from_attributes=True)


class Versioned(Resource):
    """What a client gets of a thing that is made and changed."""

    created_at: Timestamp
    created_by: UUID | None
    updated_at: Timestamp
    updated_by: UUID | None
    etag: str = Field(
        description="Its version, the same as the header ETag: send it as If-Match to change nothing but this version.",
        examples=['"3"'],
    )


class Record(Versioned):
    """What a client gets of a thing that is also deleted and restored, and never lost by any of it."""

    deleted_at: Timestamp | None = Field(description="Null unless it is deleted.")
    deleted_by: UUID | None
    deleted_reason: str | None
    restored_at: Timestamp | None = Field(description="When it was last restored.")
    restored_by: UUID | None
