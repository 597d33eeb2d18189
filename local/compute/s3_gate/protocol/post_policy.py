"""POST policies, which restrict browser uploads.

Messages are those observed in S3, even where its documentation has others.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.compute.s3_gate.protocol.errors import S3Error, access_denied, too_large, too_small

# Form fields that need no condition. Fields with the prefix IGNORED_PREFIX have no meaning for S3.
EXEMPT_FIELDS = frozenset({"x-amz-signature", "policy", "file", "bucket"})
IGNORED_PREFIX = "x-ignore-"
EXPIRATION_FORMATS = ("%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, kw_only=True)
class FieldCondition:
    """A condition on a form field. `source` is its JSON, which S3 includes in error messages."""

    operator: str
    name: str
    expected: str
    source: str

    def holds(self, fields: Mapping[str, str]) -> bool:
        """Whether the form meets the condition. A missing field meets none, not even an empty prefix."""
        if not self.name.startswith("$"):
            return False
        field = self.name[1:].lower()
        value = fields.get(field)
        if value is None:
            return False
        if self.operator == "eq":
            return value == self.expected
        values = value.split(",") if field == "content-type" else [value]
        return all(each.strip().startswith(self.expected) for each in values)


@dataclass(frozen=True, kw_only=True)
class PostPolicy:
    """A parsed policy document."""

    expiration: datetime
    conditions: tuple[FieldCondition, ...]
    length_ranges: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, encoded: str) -> "PostPolicy":
        """Parse a policy in Base64.

        Raises:
            S3Error: `InvalidPolicyDocument`, or `AccessDenied` if a length range is not numeric.
        """
        document = _document(encoded)
        conditions, ranges = [], []
        for item in document["conditions"]:
            parsed = _condition(item)
            if isinstance(parsed, FieldCondition):
                conditions.append(parsed)
            else:
                ranges.append(parsed)
        return cls(
            expiration=_expiration(document["expiration"]), conditions=tuple(conditions), length_ranges=tuple(ranges)
        )

    def require_fields(self, fields: Mapping[str, str], *, bucket: str, now: datetime) -> None:
        """Require that the policy has not expired, and that its conditions hold and cover every field.

        Args:
            fields: The fields of the form by lower-case name, with ${filename} already replaced.
            bucket: The bucket of the request.
            now: The current time.

        Raises:
            S3Error: `AccessDenied`.
        """
        if now >= self.expiration:
            raise access_denied("Invalid according to Policy: Policy expired.")
        values = dict(fields) | {"bucket": bucket}
        for condition in self.conditions:
            if not condition.holds(values):
                raise access_denied(f"Invalid according to Policy: Policy Condition failed: {condition.source}")
        covered = {condition.name.removeprefix("$").lower() for condition in self.conditions}
        extra = [name for name in fields if name not in covered | EXEMPT_FIELDS and not name.startswith(IGNORED_PREFIX)]
        if extra:
            raise access_denied(f"Invalid according to Policy: Extra input fields: {', '.join(sorted(extra))}")

    @property
    def maximum_length(self) -> int | None:
        """The maximum size of a file in bytes, or None if the policy has no range."""
        return min((maximum for _, maximum in self.length_ranges), default=None)

    def require_length(self, size: int) -> None:
        """Require a file size, in bytes, within the ranges (inclusive).

        Raises:
            S3Error: `EntityTooLarge` or `EntityTooSmall`.
        """
        for minimum, maximum in self.length_ranges:
            if size > maximum:
                raise too_large(size, maximum)
            if size < minimum:
                raise too_small(size, minimum)


def _invalid(reason: str) -> S3Error:
    return S3Error(400, "InvalidPolicyDocument", f"Invalid Policy: {reason}")


def _document(encoded: str) -> dict[str, Any]:
    try:
        document = json.loads(base64.b64decode(encoded, validate=True))
    except binascii.Error:
        raise _invalid("invalid Base64 encoding.") from None
    except (ValueError, RecursionError):
        raise _invalid("Invalid JSON.") from None
    if not isinstance(document, dict):
        raise _invalid("Invalid JSON.")
    for name in document:
        if name not in {"expiration", "conditions"}:
            raise _invalid(f"Unexpected: '{name.lower()}'")
    for name in ("expiration", "conditions"):
        if name not in document:
            raise _invalid(f"Policy missing {name}.")
    if not isinstance(document["conditions"], list):
        raise _invalid("Invalid 'conditions' value: must be a List.")
    return document


def _expiration(text: Any) -> datetime:
    for form in EXPIRATION_FORMATS:
        try:
            return datetime.strptime(str(text), form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise _invalid(f"Invalid 'expiration' value: '{text}'")


def _condition(item: Any) -> FieldCondition | tuple[int, int]:
    if isinstance(item, dict):
        if len(item) != 1:
            raise _invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
        ((name, value),) = item.items()
        if not isinstance(value, str):
            raise _invalid("Invalid Simple-Condition: value must be a string.")
        item = ["eq", f"${name}", value]
    if not isinstance(item, list):
        raise _invalid("Invalid condition test: must be a List or Object.")
    if not item or not isinstance(item[0], str):
        raise _invalid("Invalid Condition: missing operation identifier.")
    operator = item[0].lower()
    if operator not in {"eq", "starts-with", "content-length-range"}:
        raise _invalid(f"Invalid Condition: unknown operation '{item[0]}'.")
    if len(item) != 3:
        raise _invalid(f"Invalid {operator}: wrong number of arguments.")
    source = json.dumps(item, ensure_ascii=False)
    if operator == "content-length-range":
        return _length_range(item[1], item[2], source)
    if not isinstance(item[1], str) or not isinstance(item[2], str):
        raise _invalid("Invalid JSON.")
    return FieldCondition(operator=operator, name=item[1], expected=item[2], source=source)


def _length_range(minimum: Any, maximum: Any, source: str) -> tuple[int, int]:
    bounds = []
    for bound in (minimum, maximum):
        if isinstance(bound, bool | float | None | list | dict):
            raise _invalid("Invalid JSON.")
        if not re.fullmatch(r"\d{1,18}", str(bound)):
            raise access_denied(f"Invalid according to Policy: Policy Condition failed: {source}")
        bounds.append(int(bound))
    return bounds[0], bounds[1]
