"""Field types that several schemas share. Independent of the web framework."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    HttpUrl,
    JsonValue,
    PlainSerializer,
    StringConstraints,
)

J = TypeVar("J", dict[str, Any], list[Any])

# Postgres' integer.
MAX_INTEGER = 2_147_483_647
# A page of a hundred rows must fit into the response of a Lambda function: 6 MB.
MAX_METADATA_BYTES = 16_384
MAX_TAGS = 30


def format_rfc3339(moment: datetime) -> str:
    """Return a time in UTC with milliseconds, such as `2026-11-21T10:09:00.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def reject_nul(text: str) -> str:
    """Validate text from outside a JSON body, whose strings are already checked: Postgres cannot store NUL."""
    if "\0" in text:
        raise ValueError("Must not contain NUL")
    return text


def json_byte_count(value: Any) -> int:
    """Return the size of a value as JSON from Postgres, which writes numbers in full: 1e300 has 301 digits there."""
    extra_digits = sum(len(f"{Decimal(repr(number)):f}") - len(repr(number)) for number in _floats(value))
    return len(json.dumps(value, ensure_ascii=False).encode()) + extra_digits


def _floats(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _floats(part)


def limit_json_size(value: J) -> J:
    """Validate the size of a JSON value, so that a page of a hundred records fits into one response."""
    if json_byte_count(value) > MAX_METADATA_BYTES:
        raise ValueError(f"Must have at most {MAX_METADATA_BYTES} bytes as JSON")
    return value


# Characters that are not allowed in an IRI (RFC 3987). A browser would drop some of them and treat a backslash as a slash, so
# that it would open another address than the one that was checked. Credentials are not allowed either.
_FORBIDDEN = r"""\s\x00-\x1f\x7f-\x9f"<>\\^`{|}"""
_HTTPS = re.compile(rf"https://[^/?#@{_FORBIDDEN}]+(?:[/?#][^{_FORBIDDEN}]*)?")


def _https_url(text: str) -> str:
    is_url = _HTTPS.fullmatch(text) is not None
    try:
        HttpUrl(text)
    except ValueError:
        is_url = False
    if not is_url:
        raise ValueError("Must be an https:// URL, such as https://example.com/name")
    return text


_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _reject_other_dates(value: object) -> object:
    # Pydantic would also accept a Unix timestamp, and a datetime at midnight.
    if not isinstance(value, date) and not (isinstance(value, str) and _DATE.fullmatch(value)):
        raise ValueError("Input should be a date such as 2026-11-21")
    return value


Date = Annotated[date, BeforeValidator(_reject_other_dates)]


def stripped(max_length: int) -> StringConstraints:
    """Return the constraints of text that is stripped and must not be empty."""
    # The pattern is only for the JSON schema, which cannot express that the text is stripped before its length is checked.
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=max_length, pattern=r"\S")


Timestamp = Annotated[datetime, PlainSerializer(format_rfc3339, return_type=str, when_used="json")]
# Strict: "5" and true are not 5.
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
# For JSON values in lists of records.
SmallObject = Annotated[dict[str, JsonValue], AfterValidator(limit_json_size)]
SmallObjects = Annotated[list[dict[str, JsonValue]], Field(max_length=50), AfterValidator(limit_json_size)]
Metadata = Annotated[
    SmallObject,
    Field(description="Any other data, as a JSON object of at most 16 KiB."),
]
