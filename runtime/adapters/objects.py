"""S3: presigned URLs and forms for clients, and object operations for the platform itself.

Every call is attempted up to three times with exponential backoff from one second (NOVA-14, NOVA-15), including the streamed body.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import stamina
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004  (botocore's own: no connection could be made)
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
)

from runtime.adapters import aws_clients
from runtime.errors import ConflictError, NotFoundError, PayloadTooLargeError, UnavailableError

T = TypeVar("T")

ATTEMPTS = 3
FIRST_WAIT_SECONDS = 1.0
JITTER_SECONDS = 1.0
# No attempt begins later than this after the first.
RETRY_TIMEOUT_SECONDS = 30.0

# S3 returns 405 for a version that is a delete marker.
ABSENT_STATUSES = frozenset({404, 405})
# Storage classes whose objects must be restored before they can be read.
ARCHIVE_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
ARCHIVED_CODES = frozenset({"InvalidObjectState", "ObjectNotInActiveTierError"})
# The default types of S3 and of HTTP clients for objects without a declared type.
UNDECLARED_TYPES = frozenset({"binary/octet-stream", "application/octet-stream"})
TRANSIENT_ERRORS = (ConnectionError, HTTPClientError, IncompleteReadError, FlexibleChecksumError)
TRANSIENT_ERROR_CODES = frozenset({"SlowDown", "RequestTimeout", "Throttling", "ThrottlingException"})


@dataclass(frozen=True)
class PresignedPost:
    """A form that uploads one object: POST the fields, then the file as the last field, `file`, to the URL."""

    url: str
    fields: dict[str, str]


@dataclass(frozen=True)
class StoredObject:
    """Metadata of an object. `sha256` is lower-case hex, or None; an archived object cannot be read or copied."""

    byte_count: int
    content_type: str
    sha256: str | None
    version_id: str | None
    is_archived: bool = False


@dataclass(frozen=True)
class FetchedObject:
    """An object's bytes and its declared content type, if any."""

    content: bytes
    content_type: str | None


class ObjectStore:
    """The buckets of one region. Errors of S3 itself, including denied access, raise UnavailableError."""

    def __init__(self, region: str) -> None:
        self._region = region

    def presign_post(
        self, bucket: str, key: str, *, content_type: str, byte_count: int, sha256: str, expires_seconds: int
    ) -> PresignedPost:
        """Return a form that S3 accepts only for this key, type, length and SHA-256 (hex)."""
        exact = {
            "Content-Type": content_type,
            "x-amz-checksum-algorithm": "SHA256",
            "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode(),
        }
        form = self._client.generate_presigned_post(
            bucket,
            key,
            Fields=dict(exact),
            Conditions=[
                *({name: value} for name, value in exact.items()),
                ["content-length-range", byte_count, byte_count],
            ],
            ExpiresIn=expires_seconds,
        )
        return PresignedPost(url=form["url"], fields=form["fields"])

    def presign_get(self, bucket: str, key: str, *, expires_seconds: int, download_name: str | None = None) -> str:
        """Return a presigned download URL. With a name, browsers save the file instead of showing it."""
        parameters = {"Bucket": bucket, "Key": key}
        if download_name is not None:
            parameters["ResponseContentDisposition"] = f"attachment; filename*=UTF-8''{quote(download_name, safe='')}"
        url: str = self._client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=expires_seconds)
        return url

    def head(self, bucket: str, key: str, *, version_id: str | None = None) -> StoredObject | None:
        """Return the metadata of an object, or None when it does not exist."""
        try:
            response = _call(
                lambda: self._client.head_object(ChecksumMode="ENABLED", **_object_parameters(bucket, key, version_id))
            )
        except NotFoundError:
            return None
        checksum = response.get("ChecksumSHA256")
        return StoredObject(
            byte_count=response["ContentLength"],
            content_type=response["ContentType"],
            sha256=base64.b64decode(checksum).hex() if checksum else None,
            version_id=response.get("VersionId"),
            is_archived=response.get("StorageClass") in ARCHIVE_CLASSES
            and 'ongoing-request="false"' not in response.get("Restore", ""),
        )

    def copy(
        self,
        *,
        source_bucket: str,
        source_key: str,
        source_version_id: str | None,
        target_bucket: str,
        target_key: str,
    ) -> None:
        """Copy one version inside S3, with its type and metadata.

        A copy of an object onto itself stores it again and sends the event notification again.

        Raises:
            NotFoundError: The version does not exist.
            ConflictError: The object is archived.
        """
        source = _object_parameters(source_bucket, source_key, source_version_id)
        replacement: dict[str, Any] = {}
        if (source_bucket, source_key) == (target_bucket, target_key):
            # S3 rejects a copy onto itself unless it replaces the metadata.
            metadata = _call(lambda: self._client.head_object(**source))
            replacement = {
                "MetadataDirective": "REPLACE",
                "ContentType": metadata["ContentType"],
                "Metadata": metadata["Metadata"],
            }
        _call(lambda: self._client.copy_object(Bucket=target_bucket, Key=target_key, CopySource=source, **replacement))

    def delete(self, bucket: str, key: str) -> None:
        """Delete the object, if it exists. A versioned bucket keeps the versions until they expire."""
        _call(lambda: self._client.delete_object(Bucket=bucket, Key=key))

    def get(self, bucket: str, key: str, *, max_bytes: int, version_id: str | None = None) -> FetchedObject:
        """Return the object's bytes and content type.

        Raises:
            NotFoundError: The object does not exist.
            PayloadTooLargeError: The object is larger than `max_bytes`; nothing is read.
        """

        def read() -> FetchedObject:
            response = self._client.get_object(**_object_parameters(bucket, key, version_id))
            # `with` on the body itself returns the raw stream, which verifies neither length nor checksum.
            with closing(response["Body"]) as body:
                if response["ContentLength"] > max_bytes:
                    raise PayloadTooLargeError(
                        f"the file has {response['ContentLength']} bytes, at most {max_bytes} are allowed"
                    )
                content: bytes = body.read()
            declared = response.get("ContentType")
            return FetchedObject(content, None if declared in UNDECLARED_TYPES else declared)

        return _call(read)

    def put(
        self, bucket: str, key: str, body: bytes, *, content_type: str, cache_control: str, metadata: Mapping[str, str]
    ) -> None:
        """Store the bytes; S3 verifies their checksum."""
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        _call(
            lambda: self._client.put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                CacheControl=cache_control,
                Metadata=dict(metadata),
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=checksum,
            )
        )

    @property
    def _client(self) -> Any:
        return aws_clients.get_client("s3", self._region)


def _object_parameters(bucket: str, key: str, version_id: str | None) -> dict[str, str]:
    return {"Bucket": bucket, "Key": key} | ({"VersionId": version_id} if version_id else {})


def _call(operation: Callable[[], T]) -> T:
    try:
        for attempt in stamina.retry_context(
            on=_is_transient,
            attempts=ATTEMPTS,
            timeout=RETRY_TIMEOUT_SECONDS,
            wait_initial=FIRST_WAIT_SECONDS,
            wait_jitter=JITTER_SECONDS,
        ):
            with attempt:
                return operation()
    except ClientError as error:
        status, code = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        # A missing bucket is a configuration error, not a missing object.
        if status in ABSENT_STATUSES and code != "NoSuchBucket":
            raise NotFoundError("object not found") from error
        if code in ARCHIVED_CODES:
            raise ConflictError("the object is archived") from error
        raise UnavailableError(f"the object store rejected the call: {code}") from error
    except BotoCoreError as error:
        raise UnavailableError("the object store does not respond") from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def _is_transient(error: Exception) -> bool:
    """Return whether a retry may succeed: no connection, a truncated body, or a server error."""
    if isinstance(error, ClientError):
        status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return status >= 500 or error.response["Error"]["Code"] in TRANSIENT_ERROR_CODES
    return isinstance(error, TRANSIENT_ERRORS)
