"""S3: presigned addresses for clients, and objects for the platform itself.

Every call is tried three times with exponential waits from one second (NOVA-14, NOVA-15), the streamed body included.
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
# No attempt begins later than this after the first, whatever the earlier ones spent waiting.
GIVE_UP_SECONDS = 30.0

# 405 is S3's answer for a version that is a delete marker.
ABSENT_STATUSES = frozenset({404, 405})
# Where objects lie that S3 hands out only after they were restored.
ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
ARCHIVED_CODES = frozenset({"InvalidObjectState", "ObjectNotInActiveTierError"})
# What S3, and what HTTP clients call bytes that nobody described.
UNDECLARED_TYPES = frozenset({"binary/octet-stream", "application/octet-stream"})
PASSING_FAULTS = (ConnectionError, HTTPClientError, IncompleteReadError, FlexibleChecksumError)
TRANSIENT_ERROR_CODES = frozenset({"SlowDown", "RequestTimeout", "Throttling", "ThrottlingException"})


@dataclass(frozen=True)
class PresignedPost:
    """A form that uploads one object: POST the fields, then the file as the last field, `file`, to the URL."""

    url: str
    fields: dict[str, str]


@dataclass(frozen=True)
class StoredObject:
    """What S3 says about an object. `sha256` is lower-case hex, None for an object stored without one; one that `is_archived`
    cannot be read or copied."""

    byte_count: int
    content_type: str
    sha256: str | None
    version_id: str | None
    is_archived: bool = False


@dataclass(frozen=True)
class FetchedObject:
    """An object's bytes, and the type that whoever stored it declared for them; None where none was declared."""

    content: bytes
    content_type: str | None


class ObjectStore:
    """The buckets of one region. Faults of S3 itself, a refused permission included, raise UnavailableError."""

    def __init__(self, region: str) -> None:
        self._region = region

    def presign_post(
        self, bucket: str, key: str, *, content_type: str, byte_count: int, sha256: str, expires_seconds: int
    ) -> PresignedPost:
        """A form that S3 accepts only for this key, type, length and SHA-256 (hex)."""
        exact = {
            "Content-Type": content_type,
            "x-amz-checksum-algorithm": "SHA256",
            "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode(),
        }
        answer = self._client.generate_presigned_post(
            bucket,
            key,
            Fields=dict(exact),
            Conditions=[
                *({name: value} for name, value in exact.items()),
                ["content-length-range", byte_count, byte_count],
            ],
            ExpiresIn=expires_seconds,
        )
        return PresignedPost(url=answer["url"], fields=answer["fields"])

    def presign_get(self, bucket: str, key: str, *, expires_seconds: int, download_name: str | None = None) -> str:
        """An address that answers the object to anyone who has it. With a name, browsers save it instead of showing it."""
        parameters = {"Bucket": bucket, "Key": key}
        if download_name is not None:
            parameters["ResponseContentDisposition"] = f"attachment; filename*=UTF-8''{quote(download_name, safe='')}"
        url: str = self._client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=expires_seconds)
        return url

    def head(self, bucket: str, key: str, *, version_id: str | None = None) -> StoredObject | None:
        """What is stored there, or None."""
        try:
            answer = _call(lambda: self._client.head_object(ChecksumMode="ENABLED", **_at(bucket, key, version_id)))
        except NotFoundError:
            return None
        checksum = answer.get("ChecksumSHA256")
        return StoredObject(
            byte_count=answer["ContentLength"],
            content_type=answer["ContentType"],
            sha256=base64.b64decode(checksum).hex() if checksum else None,
            version_id=answer.get("VersionId"),
            is_archived=answer.get("StorageClass") in ARCHIVES
            and 'ongoing-request="false"' not in answer.get("Restore", ""),
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
        """Copies one version inside S3, its type and metadata with it. A copy onto itself is the same object stored anew, of
        which S3 notifies whom it notifies of others. Raises NotFoundError, and ConflictError for one that is archived."""
        source = _at(source_bucket, source_key, source_version_id)
        kept: dict[str, Any] = {}
        if (source_bucket, source_key) == (target_bucket, target_key):
            # S3 refuses such a copy unless it is told what the object is to be from then on.
            found = _call(lambda: self._client.head_object(**source))
            kept = {"MetadataDirective": "REPLACE", "ContentType": found["ContentType"], "Metadata": found["Metadata"]}
        _call(lambda: self._client.copy_object(Bucket=target_bucket, Key=target_key, CopySource=source, **kept))

    def delete(self, bucket: str, key: str) -> None:
        """Takes the object away, if it is there. A versioned bucket keeps its versions until their own time is up."""
        _call(lambda: self._client.delete_object(Bucket=bucket, Key=key))

    def get(self, bucket: str, key: str, *, max_bytes: int, version_id: str | None = None) -> FetchedObject:
        """The object's bytes and type. Raises NotFoundError, and PayloadTooLargeError before reading more than `max_bytes`."""

        def read() -> FetchedObject:
            answer = self._client.get_object(**_at(bucket, key, version_id))
            # `with` on the body itself would give the raw stream, which checks neither its length nor its hash.
            with closing(answer["Body"]) as body:
                if answer["ContentLength"] > max_bytes:
                    raise PayloadTooLargeError(
                        f"the file has {answer['ContentLength']} bytes, at most {max_bytes} are allowed"
                    )
                content: bytes = body.read()
            declared = answer.get("ContentType")
            return FetchedObject(content, None if declared in UNDECLARED_TYPES else declared)

        return _call(read)

    def put(
        self, bucket: str, key: str, body: bytes, *, content_type: str, cache_control: str, metadata: Mapping[str, str]
    ) -> None:
        """Stores the bytes; S3 refuses them should they arrive changed."""
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


def _at(bucket: str, key: str, version_id: str | None) -> dict[str, str]:
    return {"Bucket": bucket, "Key": key} | ({"VersionId": version_id} if version_id else {})


def _call(operation: Callable[[], T]) -> T:
    try:
        for attempt in stamina.retry_context(
            on=_is_passing,
            attempts=ATTEMPTS,
            timeout=GIVE_UP_SECONDS,
            wait_initial=FIRST_WAIT_SECONDS,
            wait_jitter=JITTER_SECONDS,
        ):
            with attempt:
                return operation()
    except ClientError as error:
        status, code = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        # A bucket that is missing is a fault of ours, not an object that nobody stored.
        if status in ABSENT_STATUSES and code != "NoSuchBucket":
            raise NotFoundError("there is no such object") from error
        if code in ARCHIVED_CODES:
            raise ConflictError("the object is archived") from error
        raise UnavailableError(f"the object store refused the call: {code}") from error
    except BotoCoreError as error:
        raise UnavailableError("the object store does not answer") from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def _is_passing(error: Exception) -> bool:
    """Whether the same call may succeed in a moment: no connection, a body cut short, or a fault on S3's side."""
    if isinstance(error, ClientError):
        status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return status >= 500 or error.response["Error"]["Code"] in TRANSIENT_ERROR_CODES
    return isinstance(error, PASSING_FAULTS)
