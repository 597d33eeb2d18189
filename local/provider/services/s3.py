"""S3: buckets. Each aspect of a bucket is a resource of its own, as AWS has an operation for each."""

import json
from typing import Any

from local.provider.resource_types.problem import ProblemError
from local.provider.resource_types.table import Call, Inputs, Naming, ResourceType


def _placed(inputs: Inputs) -> Inputs:
    """S3 wants to be told the region of a bucket, unless it is the first one, which it must not be told."""
    return inputs if inputs["region"] == "us-east-1" else {**inputs, "locationConstraint": inputs["region"]}


def _to_event_bridge(inputs: Inputs) -> Inputs:
    """S3 wants an empty structure for yes and none for no."""
    kept = {name: value for name, value in inputs.items() if name != "eventbridge"}
    return {**kept, "eventbridge": {}} if inputs.get("eventbridge") else kept


def _spelt_out(inputs: Inputs) -> Inputs:
    """The emulator looks in a bucket's policy for who may deliver logs, and knows one spelling of what AWS knows in two."""
    policy = inputs["policy"]
    try:
        document: dict[str, Any] = json.loads(policy) if isinstance(policy, str) else policy
    except ValueError as error:
        raise ProblemError(f"policy: it is not JSON: {error}") from None
    statements = document["Statement"]
    return {
        **inputs,
        "policy": {
            **document,
            "Statement": [_statement(each) for each in (statements if isinstance(statements, list) else [statements])],
        },
    }


def _statement(statement: dict[str, Any]) -> dict[str, Any]:
    spelt = dict(statement)
    if spelt.get("Principal") == "*":
        spelt["Principal"] = {"AWS": "*"}
    resources = spelt.get("Resource")
    if isinstance(resources, list) and len(resources) == 1:
        spelt["Resource"] = resources[0]
    return spelt


def _of_bucket(name: str, operation: str, **more: object) -> ResourceType:
    token = f"aws:s3/{name[0].lower()}{name[1:]}:{name}"
    return ResourceType(token, f"s3.{operation}", id="{Bucket}", **more)  # type: ignore[arg-type]  # the fields of ResourceType, passed on


def _notified(kind: str, member: str) -> dict[str, str]:
    return {
        kind: f"NotificationConfiguration.{member}",
        f"{kind}.filterPrefix": "Filter.Key.FilterRules[prefix]",
        f"{kind}.filterSuffix": "Filter.Key.FilterRules[suffix]",
    }


TYPES = (
    ResourceType(
        "aws:s3/bucket:Bucket",
        "s3.create_bucket",
        {"objectLockEnabled": "ObjectLockEnabledForBucket"},
        id="{Bucket}",
        naming=Naming(input_name="bucket", lowercase=True),
        later=("tags",),
        ignore=("forceDestroy",),
        # The inline forms are deprecated in favour of the resources below.
        unsupported=(
            "accelerationStatus",
            "corsRules",
            "grants",
            "lifecycleRules",
            "logging",
            "objectLockConfiguration",
            "policy",
            "replicationConfiguration",
            "requestPayer",
            "serverSideEncryptionConfiguration",
            "versioning",
            "website",
        ),
        prepare=_placed,
        then=(Call(operation="put_bucket_tagging", rename={"tags": "Tagging.TagSet"}),),
        outputs={
            "arn": "arn:aws:s3:::{Bucket}",
            "bucketDomainName": "{Bucket}.s3.amazonaws.com",
            "bucketRegion": "{Region}",
            "bucketRegionalDomainName": "{Bucket}.s3.{Region}.amazonaws.com",
        },
    ),
    _of_bucket("BucketVersioning", "put_bucket_versioning"),
    _of_bucket("BucketServerSideEncryptionConfiguration", "put_bucket_encryption"),
    _of_bucket("BucketPublicAccessBlock", "put_public_access_block", ignore=("skipDestroy",)),
    _of_bucket("BucketOwnershipControls", "put_bucket_ownership_controls", rename={"rule": "OwnershipControls.Rules"}),
    _of_bucket("BucketPolicy", "put_bucket_policy", prepare=_spelt_out),
    _of_bucket("BucketCorsConfiguration", "put_bucket_cors"),
    _of_bucket("BucketLifecycleConfiguration", "put_bucket_lifecycle_configuration", ignore=("timeouts",)),
    _of_bucket("BucketLogging", "put_bucket_logging"),
    ResourceType(
        "aws:s3/bucketIntelligentTieringConfiguration:BucketIntelligentTieringConfiguration",
        None,
        recorded_only="the emulator has no PutBucketIntelligentTieringConfiguration: here no object is archived for being unread",
    ),
    _of_bucket(
        "BucketNotification",
        "put_bucket_notification_configuration",
        rename={
            **_notified("queues", "QueueConfigurations"),
            **_notified("topics", "TopicConfigurations"),
            **_notified("lambdaFunctions", "LambdaFunctionConfigurations"),
            "eventbridge": "NotificationConfiguration.EventBridgeConfiguration",
        },
        prepare=_to_event_bridge,
    ),
)
