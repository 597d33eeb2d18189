"""The shapes that every answer shares, and the kinds of value that many schemas are made of. No web framework here."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    HttpUrl,
    JsonValue,
    PlainSerializer,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_after_validator_function

T = TypeVar("T")
J = TypeVar("J", dict[str, Any], list[Any])

# Postgres' integer.
MAX_INTEGER = 2_147_483_647
# A page of a hundred rows has to fit into one answer of a function: 6 MB.
MAX_METADATA_BYTES = 16_384
MAX_TAGS = 30


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds, as in `2026-11-21T10:09:00.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def storable(text: str) -> str:
    """For text that does not come in a JSON body, whose strings are checked already: Postgres stores no NUL."""
    if "\0" in text:
        raise ValueError("This contains NUL")
    return text


def json_bytes(value: Any) -> int:
    """How many bytes this has as JSON when Postgres sends it, which writes every number out: 1e300 has 301 digits there."""
    written_out = sum(len(f"{Decimal(repr(number)):f}") - len(repr(number)) for number in _fractions(value))
    return len(json.dumps(value, ensure_ascii=False).encode()) + written_out


def _fractions(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _fractions(part)


def small(value: J) -> J:
    """For what is stored as JSON: few enough bytes for a page of a hundred."""
    if json_bytes(value) > MAX_METADATA_BYTES:
        raise ValueError(f"This may have {MAX_METADATA_BYTES} bytes as JSON")
    return value


# What no address has as it is, be it in ASCII or not (RFC 3987). A browser would drop some of it and take a backslash for a
# slash: the address that is followed would be another one than was checked. Nor does a link carry credentials.
_FOREIGN = r"""\s\x00-\x1f\x7f-\x9f"<>\\^`{|}"""
_HTTPS = re.compile(rf"https://[^/?#@{_FOREIGN}]+(?:[/?#][^{_FOREIGN}]*)?")


def _https_url(text: str) -> str:
    is_url = _HTTPS.fullmatch(text) is not None
    try:
        HttpUrl(text)
    except ValueError:
        is_url = False
    if not is_url:
        raise ValueError("This is not an https:// address, such as https://example.com/name")
    return text


_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _written_out(value: object) -> object:
    # The library would also take a number of seconds since 1970, and a time at midnight.
    if not isinstance(value, date) and not (isinstance(value, str) and _DATE.fullmatch(value)):
        raise ValueError("Input should be a date such as 2026-11-21")
    return value


Date = Annotated[date, BeforeValidator(_written_out)]


def stripped(max_length: int) -> StringConstraints:
    """Text that says something: what is around it is taken away, and one character at least stays."""
    # The pattern refuses nothing that the length lets through. It is for the description, which knows of no taking away.
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=max_length, pattern=r"\S")


Timestamp = Annotated[datetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]
# Numbers are taken as they are sent: "5" and true are not 5.
Count = Annotated[int, Field(strict=True, ge=0, le=MAX_INTEGER)]
Ordinal = Annotated[int, Field(strict=True, ge=1, le=MAX_INTEGER)]
Label = Annotated[str, stripped(100)]
Tags = Annotated[list[Label], Field(max_length=MAX_TAGS)]
PersonName = Annotated[str, stripped(255)]
Description = Annotated[str, StringConstraints(max_length=5_000)]
Sha256 = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{64}$"),
    Field(
        description="The SHA-256 of the file, in lower-case hexadecimal.",
        examples=["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ),
]
HttpsUrl = Annotated[
    str,
    StringConstraints(max_length=512),
    AfterValidator(_https_url),
    Field(examples=["https://www.example.com/poster.jpg"], json_schema_extra={"pattern": f"^{_HTTPS.pattern}$"}),
]
# For lists and objects that are searched, and of which a page holds a hundred.
SmallObject = Annotated[dict[str, JsonValue], AfterValidator(small)]
SmallObjects = Annotated[list[dict[str, JsonValue]], Field(max_length=50), AfterValidator(small)]
Metadata = Annotated[
    SmallObject,
    Field(description="Anything else worth keeping, as a JSON object of at most 16 KiB."),
]


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


class Change(RequestBody):
    """What changes of a thing. What is not sent stays as it is; null clears."""

    # What a column that is never null holds when it is cleared.
    cleared: ClassVar[Mapping[str, Any]] = MappingProxyType({"metadata": {}, "tags": []})

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
        return {name: self.cleared.get(name) if value is None else value for name, value in values.items()}


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


def refusal(entries: list[dict[str, Any]], request_id: str) -> dict[str, Any]:
    """The body of a refusal, as JSON-ready data."""
    return {"errors": entries, "metadata": {"timestamp": rfc3339(datetime.now(UTC)), "requestId": request_id}}
