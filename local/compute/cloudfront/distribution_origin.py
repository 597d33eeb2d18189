"""The bucket behind a distribution, asked with no more right than the bucket's policy gives to that distribution."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from botocore.exceptions import ClientError

from local.account import LocalAccount
from local.compute.cloudfront.bucket_rights import Caller
from local.compute.cloudfront.distribution_definition import Definition

SIGNED_SECONDS = 60
OBJECT_TAG = "s3:ExistingObjectTag/"


class RefusedByBucketError(Exception):
    """S3 would answer 403: the policy lets the distribution do nothing of the kind, or there is no such object."""


class BucketOrigin:
    """Finds out what the distribution may read, and where. Its methods wait for the emulator."""

    def __init__(self, account: LocalAccount, definition: Definition) -> None:
        self._s3, self._definition = account.client("s3"), definition
        self._caller = Caller(
            service="cloudfront.amazonaws.com",
            context={
                "aws:SourceArn": definition.arn,
                "aws:SourceAccount": account.account_id,
                "aws:SecureTransport": "true",
                "aws:PrincipalIsAWSService": "true",
                "aws:PrincipalServiceName": "cloudfront.amazonaws.com",
                "s3:signatureversion": "AWS4-HMAC-SHA256",
            },
        )

    def address(self, raw_path: str, method: str) -> str:
        """A signed address of the object that a path means, for this method. Raises RefusedByBucketError."""
        try:
            key = (self._definition.origin_path + unquote_to_bytes(raw_path).decode()).removeprefix("/")
        except UnicodeDecodeError as error:
            raise RefusedByBucketError from error
        # No key of ours has such steps, and HTTP clients fold them into paths of other buckets.
        if not key or {".", ".."} & set(key.split("/")):
            raise RefusedByBucketError
        if not self._may("s3:GetObject", key):
            raise RefusedByBucketError
        operation = "head_object" if method == "HEAD" else "get_object"
        parameters = {"Bucket": self._definition.bucket, "Key": key}
        url: str = self._s3.generate_presigned_url(operation, Params=parameters, ExpiresIn=SIGNED_SECONDS)
        return url

    def shows_missing(self) -> bool:
        """Whether S3 would tell that an object is missing: only to those who may list the bucket."""
        return self._may("s3:ListBucket", "")

    def _may(self, action: str, key: str) -> bool:
        bucket = self._definition.bucket
        try:
            text = self._s3.get_bucket_policy(Bucket=bucket)["Policy"]
        except ClientError:
            return False
        resource = f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"
        tags = self._tags(key) if key and OBJECT_TAG.lower() in text.lower() else {}
        policy: Mapping[str, Any] = json.loads(text)
        return self._caller.may(policy, action, resource, **tags)

    def _tags(self, key: str) -> dict[str, str]:
        try:
            tags = self._s3.get_object_tagging(Bucket=self._definition.bucket, Key=key)["TagSet"]
        except ClientError:
            return {}
        return {f"{OBJECT_TAG}{tag['Key']}": tag["Value"] for tag in tags}
