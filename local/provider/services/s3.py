"""S3: buckets. Each setting of a bucket is a separate resource with its own operation."""

import json
from typing import Any

from local.provider.resource_types.errors import ResourceError
from local.provider.resource_types.table import Call, Inputs, Naming, ResourceType


def _set_location(inputs: Inputs) -> Inputs:
    """Set the location constraint: S3 requires it in every region except us-east-1, where it is an error."""
    return inputs if inputs["region"] == "us-east-1" else {**inputs, "locationConstraint": inputs["region"]}


def _enable_event_bridge(inputs: Inputs) -> Inputs:
    """Convert the flag: S3 expects an empty structure for true and none for false."""
    rest = {name: value for name, value in inputs.items() if name != "eventbridge"}
    return {**rest, "eventbridge": {}} if inputs.get("eventbridge") else rest


def _normalize_policy(inputs: Inputs) -> Inputs:
    """Normalize the policy: the emulator checks it for log delivery and understands one of AWS's two notations."""
    policy = inputs["policy"]
    try:
        document: dict[str, Any] = json.loads(policy) if isinstance(policy, str) else policy
    except ValueError as error:
        raise ResourceError(f"policy: invalid JSON: {error}") from None
    statements = document["Statement"]
    return {
        **inputs,
        "policy": {
            **document,
            "Statement": [
                _normalize_statement(each) for each in (statements if isinstance(statements, list) else [statements])
            ],
        },
    }


def _normalize_statement(statement: dict[str, Any]) -> dict[str, Any]:
    normalized = dict(statement)
    if normalized.get("Principal") == "*":
        normalized["Principal"] = {"AWS": "*"}
    resources = normalized.get("Resource")
    if isinstance(resources, list) and len(resources) == 1:
        normalized["Resource"] = resources[0]
    return normalized


def _bucket_setting(name: str, operation: str, **fields: object) -> ResourceType:
    token = f"aws:s3/{name[0].lower()}{name[1:]}:{name}"
    return ResourceType(token, f"s3.{operation}", id="{Bucket}", **fields)  # type: ignore[arg-type]  # fields of ResourceType


def _notification(name: str, member: str) -> dict[str, str]:
    return {
        name: f"NotificationConfiguration.{member}",
        f"{name}.filterPrefix": "Filter.Key.FilterRules[prefix]",
        f"{name}.filterSuffix": "Filter.Key.FilterRules[suffix]",
    }


TYPES = (
    ResourceType(
        "aws:s3/bucket:Bucket",
        "s3.create_bucket",
        {"objectLockEnabled": "ObjectLockEnabledForBucket"},
        id="{Bucket}",
        naming=Naming(input_name="bucket", lowercase=True),
        deferred=("tags",),
        ignore=("forceDestroy",),
        # Deprecated inputs; the resources below replace them.
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
        prepare=_set_location,
        then=(Call(operation="put_bucket_tagging", rename={"tags": "Tagging.TagSet"}),),
        outputs={
            "arn": "arn:aws:s3:::{Bucket}",
            "bucketDomainName": "{Bucket}.s3.amazonaws.com",
            "bucketRegion": "{Region}",
            "bucketRegionalDomainName": "{Bucket}.s3.{Region}.amazonaws.com",
        },
    ),
    _bucket_setting("BucketVersioning", "put_bucket_versioning"),
    _bucket_setting("BucketServerSideEncryptionConfiguration", "put_bucket_encryption"),
    _bucket_setting("BucketPublicAccessBlock", "put_public_access_block", ignore=("skipDestroy",)),
    _bucket_setting(
        "BucketOwnershipControls", "put_bucket_ownership_controls", rename={"rule": "OwnershipControls.Rules"}
    ),
    _bucket_setting("BucketPolicy", "put_bucket_policy", prepare=_normalize_policy),
    _bucket_setting("BucketCorsConfiguration", "put_bucket_cors"),
    _bucket_setting("BucketLifecycleConfiguration", "put_bucket_lifecycle_configuration", ignore=("timeouts",)),
    _bucket_setting("BucketLogging", "put_bucket_logging"),
    ResourceType(
        "aws:s3/bucketIntelligentTieringConfiguration:BucketIntelligentTieringConfiguration",
        None,
        recorded_only="the emulator has no PutBucketIntelligentTieringConfiguration: unread objects are not archived",
    ),
    _bucket_setting(
        "BucketNotification",
        "put_bucket_notification_configuration",
        rename={
            **_notification("queues", "QueueConfigurations"),
            **_notification("topics", "TopicConfigurations"),
            **_notification("lambdaFunctions", "LambdaFunctionConfigurations"),
            "eventbridge": "NotificationConfiguration.EventBridgeConfiguration",
        },
        prepare=_enable_event_bridge,
    ),
)
