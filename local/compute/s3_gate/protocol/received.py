"""A request as it arrived: the parts of it that signatures cover and that decide what it means."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from local.compute.s3_gate.protocol.refusals import Refusal

MAXIMUM_KEY_BYTES = 1024
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# moto answers these first path segments itself, whatever the service: its own control interface, which can reset
# everything, and an instance's metadata. They must not be reachable as if they were buckets.
EMULATOR_PATHS = re.compile(r"moto-api.*|latest|favicon\.ico|v20180820")
# Of a presigned URL: they authenticate, and mean nothing behind the gate.
SIGNATURE_PARAMETERS = frozenset(
    {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature"}
)

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class ReceivedRequest:
    """Header names are lower case; the path and the query are still percent-encoded as the client chose to."""

    method: str
    raw_path: str
    raw_query: str
    headers: Headers

    @classmethod
    def from_scope(cls, scope: Mapping[str, Any]) -> "ReceivedRequest":
        """Reads an ASGI scope. Header values are UTF-8, as signers write them, else Latin-1, as HTTP once said."""
        return cls(
            method=scope["method"],
            raw_path=scope["raw_path"].decode("latin-1"),
            raw_query=scope["query_string"].decode("latin-1"),
            headers=tuple((name.decode("latin-1").lower(), _text(value)) for name, value in scope["headers"]),
        )

    def header(self, name: str) -> str | None:
        """The value of a header, several of the same name joined by commas; None when it was not sent."""
        values = [value for header, value in self.headers if header == name]
        return ",".join(values) if values else None

    @cached_property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The decoded query, in the order sent. A plus is a space, as S3 and moto both read it."""
        return tuple((unquote_plus(name), unquote_plus(value)) for name, value in map(_split, self._query_segments))

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The decoded query by exact name; of a repeated name the last."""
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
        """The query as sent, without the parameters that only authenticate."""
        kept = [s for s in self._query_segments if unquote_plus(_split(s)[0]).lower() not in SIGNATURE_PARAMETERS]
        return "&".join(kept)

    @cached_property
    def canonical_path(self) -> str:
        """The path percent-encoded as signatures and S3 itself write it: everything but unreserved characters and slashes."""
        return quote(unquote_to_bytes(self.raw_path), safe="/~")

    @cached_property
    def bucket(self) -> str:
        """The bucket, or an empty text for the service itself."""
        return self._resource[0]

    @cached_property
    def key(self) -> str:
        """The object's key, or an empty text for the bucket."""
        return self._resource[1]

    @property
    def is_object_write(self) -> bool:
        """Whether it stores a whole object under its key at once: the writes that S3 orders one after the other."""
        if not self.key:
            return False
        if self.method == "PUT":
            return not {"uploadId", "tagging", "acl", "retention", "legal-hold"} & self.parameters.keys()
        return self.method == "POST" and "uploadId" in self.parameters

    @property
    def is_copy(self) -> bool:
        """Whether the object comes from another object rather than from the body."""
        return self.is_object_write and self.method == "PUT" and self.header("x-amz-copy-source") is not None

    def require_addressable(self) -> None:
        """Raises a refusal when no bucket or object can have this address."""
        if self.key and not self.bucket:
            raise self._invalid_uri()
        if self.bucket and (not BUCKET_NAME.fullmatch(self.bucket) or ".." in self.bucket):
            raise Refusal(400, "InvalidBucketName", "The specified bucket is not valid.", {"BucketName": self.bucket})
        if EMULATOR_PATHS.fullmatch(self.bucket):
            raise Refusal(404, "NoSuchBucket", "The specified bucket does not exist", {"BucketName": self.bucket})
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

    def _invalid_uri(self) -> Refusal:
        return Refusal(400, "InvalidURI", "Couldn't parse the specified URI.", {"URI": self.raw_path})


def require_key_length(key: str) -> None:
    """Raises S3's refusal of a key that is longer than 1,024 bytes of UTF-8."""
    if (size := len(key.encode())) > MAXIMUM_KEY_BYTES:
        raise Refusal(
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
