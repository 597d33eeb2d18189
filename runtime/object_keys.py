"""The format of object keys in the three buckets. No other module contains a prefix or composes a key.

    temp        uploads/{upload_id}
    storage     raw/{entity_type}s/{entity_id}/{job_id}
    thumbnails  {entity_type}s/{entity_id}/{variant}/{sha256}.{extension}

Imports nothing of the application, so that the infrastructure program can import it too.
"""

import re
from dataclasses import dataclass
from uuid import UUID

# Uploads that are not verified yet.
UPLOADS_PREFIX = "uploads/"
# Verified originals. Only objects with this prefix notify the worker.
ORIGINALS_PREFIX = "raw/"
ITEM_ORIGINALS_PREFIX = f"{ORIGINALS_PREFIX}items/"
DOCUMENT_ORIGINALS_PREFIX = f"{ORIGINALS_PREFIX}documents/"
# Renditions, the only objects that the CDN delivers. Their keys contain an unguessable hash; private ones also need a signed URL.
PUBLIC_PREFIXES = ("episodes/", "posts/", "items/", "profiles/")
PRIVATE_PREFIXES = ("documents/",)

_ORIGINAL_KEY = re.compile(
    rf"{ORIGINALS_PREFIX}(?P<entity_type>[a-z]+)s/(?P<entity_id>[0-9a-f-]{{36}})/(?P<job_id>[0-9a-f-]{{36}})", re.ASCII
)
_SCHEME = "s3://"
# A bucket name and a non-empty key.
REFERENCE_PATTERN = rf"^{_SCHEME}(?P<bucket>[a-z0-9.-]{{3,63}})/(?P<key>.{{1,1024}})$"


@dataclass(frozen=True, kw_only=True)
class OriginalKey:
    """The parts of an original's key."""

    entity_type: str
    entity_id: UUID
    job_id: UUID


def original_key(entity_type: str, entity_id: UUID, job_id: UUID) -> str:
    """Return the key of the job's original."""
    return f"{ORIGINALS_PREFIX}{entity_type}s/{entity_id}/{job_id}"


def parse_original_key(key: str) -> OriginalKey | None:
    """Return the parts of an original's key, or None for any other key."""
    found = _ORIGINAL_KEY.fullmatch(key)
    if found is None:
        return None
    try:
        return OriginalKey(
            entity_type=found["entity_type"], entity_id=UUID(found["entity_id"]), job_id=UUID(found["job_id"])
        )
    except ValueError:
        return None


def rendition_key(entity_type: str, entity_id: UUID, variant: str, *, sha256: str, extension: str) -> str:
    """Return the content-addressed key of a rendition; the object at it never changes."""
    return f"{entity_type}s/{entity_id}/{variant}/{sha256}.{extension}"


def reference(bucket: str, key: str) -> str:
    """Return the `s3://` URI of an object."""
    return f"{_SCHEME}{bucket}/{key}"


def split_reference(address: str) -> tuple[str, str]:
    """Return the bucket and the key of an `s3://` URI."""
    bucket, _, key = address.removeprefix(_SCHEME).partition("/")
    return bucket, key
