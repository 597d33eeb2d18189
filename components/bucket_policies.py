"""Statements of bucket policies, as functions without resources; their values may be outputs."""

from collections.abc import Sequence

import pulumi

from components import policies
from components.choices import EDGE_REGION

# The tag in which GuardDuty stores its result, and the value of a clean object.
SCAN_TAG, SCAN_CLEAN = "GuardDutyMalwareScanStatus", "NO_THREATS_FOUND"


def require_secure_transport(bucket_arn: pulumi.Input[str]) -> list[policies.Statement]:
    """Return statements that deny plain HTTP and every signature older than version 4.

    SDKs presign with version 2 by default in the oldest regions, and such a URL binds neither length nor type nor hash.
    """
    resources = [bucket_arn, pulumi.Output.concat(bucket_arn, "/*")]
    return [
        policies.deny(
            "RefusePlainTransport",
            ["s3:*"],
            resources,
            principal="*",
            condition={"Bool": {"aws:SecureTransport": "false"}},
        ),
        policies.deny(
            "RefuseOldSignatures",
            ["s3:*"],
            resources,
            principal="*",
            # AWS services deliver logs without telling S3 the signature version, and a missing value does not equal version 4.
            condition={
                "StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            },
        ),
    ]


def accept_bucket_logs(
    bucket_arn: pulumi.Input[str], source_arns: str, account_id: pulumi.Input[str]
) -> policies.Statement:
    """Return a statement that lets S3 deliver access logs of this account's buckets whose ARN matches `source_arns`."""
    return policies.allow(
        "ReceiveBucketLogs",
        ["s3:PutObject"],
        [pulumi.Output.concat(bucket_arn, "/*")],
        principal={"Service": "logging.s3.amazonaws.com"},
        condition={"ArnLike": {"aws:SourceArn": source_arns}, "StringEquals": {"aws:SourceAccount": account_id}},
    )


def accept_load_balancer_logs(bucket_arn: pulumi.Input[str], account_id: pulumi.Input[str]) -> policies.Statement:
    """Return a statement that lets load balancers of this account deliver their access logs.

    Elastic Load Balancing puts the account id into the key. A condition on the source would fail: the service does not send the
    source ARN, and it checks its access when logging is enabled on a load balancer.
    """
    return policies.allow(
        "ReceiveLoadBalancerLogs",
        ["s3:PutObject"],
        [pulumi.Output.concat(bucket_arn, "/*AWSLogs/", account_id, "/*")],
        principal={"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
    )


def accept_distribution_logs(bucket_arn: pulumi.Input[str], account_id: pulumi.Input[str]) -> policies.Statement:
    """Return a statement that lets this account's distributions deliver their logs, which always happens from us-east-1."""
    return policies.allow(
        "ReceiveDistributionLogs",
        ["s3:PutObject"],
        [pulumi.Output.concat(bucket_arn, "/AWSLogs/", account_id, "/*")],
        principal={"Service": "delivery.logs.amazonaws.com"},
        condition={
            "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceAccount": account_id},
            "ArnLike": {
                "aws:SourceArn": pulumi.Output.concat(f"arn:aws:logs:{EDGE_REGION}:", account_id, ":delivery-source:*")
            },
        },
    )


def allow_distribution_read(
    bucket_arn: pulumi.Input[str], prefixes: Sequence[str], distribution_arn: pulumi.Input[str]
) -> policies.Statement:
    """Return a statement that lets one distribution read objects under these prefixes.

    CloudFront may not list the bucket, so S3 returns 403 for missing objects.
    """
    return policies.allow(
        "ServeThroughDistribution",
        ["s3:GetObject"],
        [pulumi.Output.concat(bucket_arn, f"/{prefix}*") for prefix in prefixes],
        principal={"Service": "cloudfront.amazonaws.com"},
        condition={"StringEquals": {"aws:SourceArn": distribution_arn}},
    )


def deny_unscanned_objects(
    objects_arns: Sequence[pulumi.Input[str]], scanner_role_arn: pulumi.Input[str]
) -> list[policies.Statement]:
    """Return statements that let only the scanner read objects not yet found clean, and only the scanner set the result.

    A tag sent with an upload or a copy needs the same permission as one set later, so it is denied too.

    Args:
        objects_arns: Object ARNs that end in `/*`. An object without a result is denied like an infected one.
        scanner_role_arn: The role of the malware scan.
    """
    # The principal ARN is that of the role, whatever the session is called.
    not_scanner = {"ArnNotEquals": {"aws:PrincipalArn": scanner_role_arn}}
    return [
        policies.deny(
            "ReadCleanObjectsOnly",
            ["s3:GetObject", "s3:GetObjectVersion"],
            objects_arns,
            principal="*",
            condition={"StringNotEquals": {f"s3:ExistingObjectTag/{SCAN_TAG}": SCAN_CLEAN}, **not_scanner},
        ),
        policies.deny(
            "OnlyScannerSaysClean",
            ["s3:PutObjectTagging", "s3:PutObjectVersionTagging"],
            objects_arns,
            principal="*",
            condition={"ForAnyValue:StringEquals": {"s3:RequestObjectTagKeys": [SCAN_TAG]}, **not_scanner},
        ),
    ]
