"""The bucket of a distribution, accessed only as the bucket's policy allows."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from botocore.exceptions import ClientError

from local.account import LocalAccount
from local.compute.cloudfront.bucket_policy import ServicePrincipal
from local.compute.cloudfront.distribution_definition import DistributionDefinition

URL_EXPIRY_SECONDS = 60
OBJECT_TAG_KEY = "s3:ExistingObjectTag/"


class OriginAccessDeniedError(Exception):
    """S3 would respond with 403: the policy does not allow the request, or the object does not exist."""


class BucketOrigin:
    """Checks the bucket policy and signs URLs. The methods make blocking calls to the emulator."""

    def __init__(self, account: LocalAccount, definition: DistributionDefinition) -> None:
        self._s3, self._definition = account.client("s3"), definition
        self._principal = ServicePrincipal(
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

    def sign_url(self, raw_path: str, method: str) -> str:
        """Return a presigned URL of the object at a path, for this method.

        Raises:
            OriginAccessDeniedError: The distribution may not read the object.
        """
        try:
            key = (self._definition.origin_path + unquote_to_bytes(raw_path).decode()).removeprefix("/")
        except UnicodeDecodeError as error:
            raise OriginAccessDeniedError from error
        # HTTP clients resolve dot segments, which could lead to another bucket.
        if not key or {".", ".."} & set(key.split("/")):
            raise OriginAccessDeniedError
        if not self._is_allowed("s3:GetObject", key):
            raise OriginAccessDeniedError
        operation = "head_object" if method == "HEAD" else "get_object"
        parameters = {"Bucket": self._definition.bucket, "Key": key}
        url: str = self._s3.generate_presigned_url(operation, Params=parameters, ExpiresIn=URL_EXPIRY_SECONDS)
        return url

    def can_list(self) -> bool:
        """Whether the distribution may list the bucket. Only then does S3 respond with 404 for a missing object."""
        return self._is_allowed("s3:ListBucket", "")

    def _is_allowed(self, action: str, key: str) -> bool:
        bucket = self._definition.bucket
        try:
            text = self._s3.get_bucket_policy(Bucket=bucket)["Policy"]
        except ClientError:
            return False
        resource = f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"
        tags = self._tags(key) if key and OBJECT_TAG_KEY.lower() in text.lower() else {}
        policy: Mapping[str, Any] = json.loads(text)
        return self._principal.is_allowed(policy, action, resource, **tags)

    def _tags(self, key: str) -> dict[str, str]:
        try:
            tags = self._s3.get_object_tagging(Bucket=self._definition.bucket, Key=key)["TagSet"]
        except ClientError:
            return {}
        return {f"{OBJECT_TAG_KEY}{tag['Key']}": tag["Value"] for tag in tags}
