"""A request to S3: its parts that signatures cover, and the bucket and object that it addresses."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from local.compute.s3_gate.protocol.errors import S3Error

MAXIMUM_KEY_BYTES = 1024
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# moto serves these first path segments itself, for every service: its control API, which can reset all state, and the instance
# metadata. Requests for buckets with these names must not reach it.
EMULATOR_PATHS = re.compile(r"moto-api.*|latest|favicon\.ico|v20180820")
# The parameters that presign a URL; they are not forwarded.
SIGNATURE_PARAMETERS = frozenset(
    {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature"}
)

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class S3Request:
    """A request. Header names are lower case; the path and the query are percent-encoded as sent by the client."""

    method: str
    raw_path: str
    raw_query: str
    headers: Headers

    @classmethod
    def from_scope(cls, scope: Mapping[str, Any]) -> "S3Request":
        """Read an ASGI scope. Header values are decoded as UTF-8, as they are signed, or else as Latin-1."""
        return cls(
            method=scope["method"],
            raw_path=scope["raw_path"].decode("latin-1"),
            raw_query=scope["query_string"].decode("latin-1"),
            headers=tuple((name.decode("latin-1").lower(), _text(value)) for name, value in scope["headers"]),
        )

    def header(self, name: str) -> str | None:
        """Return the value of a header, repeated ones joined by commas; None if it was not sent."""
        values = [value for header, value in self.headers if header == name]
        return ",".join(values) if values else None

    @cached_property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The decoded query, in order. A plus sign is a space, as in S3 and in moto."""
        return tuple((unquote_plus(name), unquote_plus(value)) for name, value in map(_split, self._query_segments))

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The decoded query by name (case-sensitive); of a repeated name the last value."""
        return dict(self.query)

    @cached_property
    def signature_parameters(self) -> dict[str, str]:
        """The X-Amz-* parameters of a presigned URL, by lower-case name."""
        return {
            name.lower(): value
            for name, value in self.query
            if name.lower() in SIGNATURE_PARAMETERS or name.lower() == "x-amz-security-token"
        }

    @property
    def query_without_signature(self) -> str:
        """The query as sent, without the parameters of a presigned URL."""
        segments = [s for s in self._query_segments if unquote_plus(_split(s)[0]).lower() not in SIGNATURE_PARAMETERS]
        return "&".join(segments)

    @cached_property
    def canonical_path(self) -> str:
        """The path in canonical percent-encoding: all but unreserved characters and slashes are encoded."""
        return quote(unquote_to_bytes(self.raw_path), safe="/~")

    @cached_property
    def bucket(self) -> str:
        """The bucket; empty for requests to the service itself."""
        return self._resource[0]

    @cached_property
    def key(self) -> str:
        """The object's key; empty for requests to a bucket."""
        return self._resource[1]

    @property
    def is_object_write(self) -> bool:
        """Whether it writes a whole object: S3 serializes such writes for each key."""
        if not self.key:
            return False
        if self.method == "PUT":
            return not {"uploadId", "tagging", "acl", "retention", "legal-hold"} & self.parameters.keys()
        return self.method == "POST" and "uploadId" in self.parameters

    @property
    def is_copy(self) -> bool:
        """Whether it copies another object."""
        return self.is_object_write and self.method == "PUT" and self.header("x-amz-copy-source") is not None

    def require_addressable(self) -> None:
        """Require a valid bucket name and key.

        Raises:
            S3Error: The bucket name, the key or the path is invalid.
        """
        if self.key and not self.bucket:
            raise self._invalid_uri()
        if self.bucket and (not BUCKET_NAME.fullmatch(self.bucket) or ".." in self.bucket):
            raise S3Error(400, "InvalidBucketName", "The specified bucket is not valid.", {"BucketName": self.bucket})
        if EMULATOR_PATHS.fullmatch(self.bucket):
            raise S3Error(404, "NoSuchBucket", "The specified bucket does not exist", {"BucketName": self.bucket})
        require_key_length(self.key)

    @property
    def _query_segments(self) -> Iterable[str]:
        return [segment for segment in self.raw_query.split("&") if segment]

    @cached_property
    def _resource(self) -> tuple[str, str]:
        try:
            path = unquote_to_bytes(self.raw_path).decode()
        except UnicodeDecodeError:
            path = ""
        if not path.startswith("/") or "\x00" in path:
            raise self._invalid_uri()
        bucket, _, key = path[1:].partition("/")
        return bucket, key

    def _invalid_uri(self) -> S3Error:
        return S3Error(400, "InvalidURI", "Couldn't parse the specified URI.", {"URI": self.raw_path})


def require_key_length(key: str) -> None:
    """Require a key of at most 1,024 bytes of UTF-8.

    Raises:
        S3Error: The key is longer.
    """
    if (size := len(key.encode())) > MAXIMUM_KEY_BYTES:
        raise S3Error(
            400,
            "KeyTooLongError",
            "Your key is too long",
            {"Size": str(size), "MaxSizeAllowed": str(MAXIMUM_KEY_BYTES)},
        )


def _split(segment: str) -> tuple[str, str]:
    name, _, value = segment.partition("=")
    return name, value


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
