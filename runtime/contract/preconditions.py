"""If-Match: a change that holds only for the version of the thing that the caller knows. No web framework here."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from runtime.errors import InvalidInputError, PreconditionFailedError

_ENTITY_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_ENTITY_TAGS = re.compile(rf"{_ENTITY_TAG}(?:[ \t]*,[ \t]*{_ENTITY_TAG})*")
# For the API's description: the header, however many of its lines were sent.
SCHEMA = {"type": "string", "pattern": rf"^(?:\*|{_ENTITY_TAGS.pattern})$", "examples": ['"3"']}


@dataclass(frozen=True)
class IfMatch:
    """The entity tags of which the thing must have one. `tags` is None when the caller asks for nothing, be it without
    the header or with `*`, which any thing that is there fulfils."""

    tags: frozenset[str] | None = None

    @classmethod
    def parse(cls, headers: Sequence[str]) -> "IfMatch":
        """What these headers ask for. InvalidInputError for what is no list of entity tags: a precondition that is
        misunderstood must not let a change through."""
        value = ",".join(headers).strip(" \t")
        if not headers or value == "*":
            return cls()
        if not _ENTITY_TAGS.fullmatch(value):
            raise InvalidInputError('Send entity tags as they were answered, such as "3"', field="header.if-match")
        return cls(frozenset(re.findall(_ENTITY_TAG, value)))

    def require(self, etag: str) -> None:
        """PreconditionFailedError unless this tag is one of those asked for. Weak tags never are (RFC 9110, 13.1.1)."""
        if self.tags is not None and etag not in self.tags:
            raise PreconditionFailedError(
                "It was changed in the meantime: get it again and repeat the change", field="header.if-match"
            )
