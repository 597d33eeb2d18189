"""The kinds of value that many schemas are made of. No web framework here."""

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
# A page of a hundred rows has to fit into one answer of a function: 6 MB.
MAX_METADATA_BYTES = 16_384
MAX_TAGS = 30


def format_rfc3339(moment: datetime) -> str:
    """UTC with milliseconds, as in `2026-11-21T10:09:00.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def reject_nul(text: str) -> str:
    """For text that does not come in a JSON body, whose strings are checked already: Postgres stores no NUL."""
    if "\0" in text:
        raise ValueError("This contains NUL")
    return text


def json_byte_count(value: Any) -> int:
    """How many bytes this has as JSON when Postgres sends it, which writes every number out: 1e300 has 301 digits there."""
    written_out = sum(len(f"{Decimal(repr(number)):f}") - len(repr(number)) for number in _fractions(value))
    return len(json.dumps(value, ensure_ascii=False).encode()) + written_out


def _fractions(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _fractions(part)


def limit_json_size(value: J) -> J:
    """For what is stored as JSON: few enough bytes for a page of a hundred."""
    if json_byte_count(value) > MAX_METADATA_BYTES:
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


Timestamp = Annotated[datetime, PlainSerializer(format_rfc3339, return_type=str, when_used="json")]
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
SmallObject = Annotated[dict[str, JsonValue], AfterValidator(limit_json_size)]
SmallObjects = Annotated[list[dict[str, JsonValue]], Field(max_length=50), AfterValidator(limit_json_size)]
Metadata = Annotated[
    SmallObject,
    Field(description="Anything else worth keeping, as a JSON object of at most 16 KiB."),
]
