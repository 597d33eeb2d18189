"""Keyset pages: newest first, each page begins after the last id of the one before. No web framework here."""

import base64
import binascii
from dataclasses import dataclass
from uuid import UUID

from runtime.errors import InvalidInputError

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    """Which page is asked for: at most `limit` rows, those older than the row `after`."""

    limit: int = DEFAULT_LIMIT
    after: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class JsonPage:
    """A page as Postgres wrote it: a JSON array, and the id of its last row when more rows follow."""

    items: str
    last_id: UUID | None


def cursor_of(row_id: UUID) -> str:
    """The opaque cursor for the rows after this one."""
    return base64.urlsafe_b64encode(row_id.bytes).rstrip(b"=").decode()


def row_id_of(cursor: str) -> UUID:
    """The id in a cursor of ours; InvalidInputError for anything else."""
    try:
        row_id = UUID(bytes=base64.urlsafe_b64decode(cursor.encode("ascii") + b"=="))
    except (ValueError, binascii.Error):
        row_id = None
    # Base64 has several spellings of one value and skips foreign characters; only our own spelling counts.
    if row_id is None or cursor_of(row_id) != cursor:
        raise InvalidInputError("This is not a cursor that the API gave", field="query.cursor")
    return row_id
