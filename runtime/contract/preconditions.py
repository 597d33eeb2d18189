"""If-Match: updates that apply only to the version that the caller knows. Independent of the web framework."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from runtime.errors import InvalidInputError, PreconditionFailedError

_ENTITY_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_ENTITY_TAGS = re.compile(rf"{_ENTITY_TAG}(?:[ \t]*,[ \t]*{_ENTITY_TAG})*")
# For the OpenAPI document; several header lines are one list.
SCHEMA = {"type": "string", "pattern": rf"^(?:\*|{_ENTITY_TAGS.pattern})$", "examples": ['"3"']}


@dataclass(frozen=True)
class IfMatch:
    """The entity tags of which the record must have one; None without the header or with `*`, which any record matches."""

    tags: frozenset[str] | None = None

    @classmethod
    def parse(cls, headers: Sequence[str]) -> "IfMatch":
        """Parse the values of the header.

        Raises:
            InvalidInputError: They are not a list of entity tags. An unreadable precondition must not let an update through.
        """
        value = ",".join(headers).strip(" \t")
        if not headers or value == "*":
            return cls()
        if not _ENTITY_TAGS.fullmatch(value):
            raise InvalidInputError('If-Match must be a list of entity tags, such as "3"', field="header.if-match")
        return cls(frozenset(re.findall(_ENTITY_TAG, value)))

    def require(self, etag: str) -> None:
        """Check a record's entity tag. Weak tags never match (RFC 9110, 13.1.1).

        Raises:
            PreconditionFailedError: The tag is not one of those in the header.
        """
        if self.tags is not None and etag not in self.tags:
            raise PreconditionFailedError(
                "The record has changed since: read it again and repeat the update", field="header.if-match"
            )
