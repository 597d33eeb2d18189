"""Statements of a bucket's policy: functions without resources, whose values may be outputs."""

from collections.abc import Sequence

import pulumi

from components import policies
from components.choices import EDGE_REGION

# What GuardDuty tags an object with, and the one value that means that it found nothing.
SCAN_TAG, SCAN_CLEAN = "GuardDutyMalwareScanStatus", "NO_THREATS_FOUND"


def bucket_transport(bucket_arn: pulumi.Input[str]) -> list[policies.Statement]:
    """Statements of a bucket's policy that refuse plain HTTP and every signature older than version 4.

    An SDK presigns with version 2 by default in the oldest regions, and such a URL binds neither length nor type nor hash.
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
            # Services deliver logs in a way of their own: S3 need not say how that was signed, and what is not said differs.
            condition={
                "StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            },
        ),
    ]


def receive_bucket_logs(
    bucket_arn: pulumi.Input[str], source_arns: str, account_id: pulumi.Input[str]
) -> policies.Statement:
    """A statement of a bucket's policy: S3 may deliver the access logs of this account's buckets of this pattern."""
    return policies.allow(
        "ReceiveBucketLogs",
        ["s3:PutObject"],
        [pulumi.Output.concat(bucket_arn, "/*")],
        principal={"Service": "logging.s3.amazonaws.com"},
        condition={"ArnLike": {"aws:SourceArn": source_arns}, "StringEquals": {"aws:SourceAccount": account_id}},
    )


def receive_load_balancer_logs(bucket_arn: pulumi.Input[str], account_id: pulumi.Input[str]) -> policies.Statement:
    """A statement of a bucket's policy: load balancers of this account may deliver their access logs.

    The account stands in the path, which Elastic Load Balancing chooses. There is no condition on the source: the service does
    not say it with these requests, and the check that it makes when a load balancer is told the bucket then fails.
    """
    return policies.allow(
        "ReceiveLoadBalancerLogs",
        ["s3:PutObject"],
        [pulumi.Output.concat(bucket_arn, "/*AWSLogs/", account_id, "/*")],
        principal={"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
    )


def receive_distribution_logs(bucket_arn: pulumi.Input[str], account_id: pulumi.Input[str]) -> policies.Statement:
    """A statement of a bucket's policy: the logs of this account's distributions may be delivered, always out of us-east-1."""
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


def distribution_reads(
    bucket_arn: pulumi.Input[str], prefixes: Sequence[str], distribution_arn: pulumi.Input[str]
) -> policies.Statement:
    """A statement of a bucket's policy: CloudFront may read below these prefixes, for this distribution and no other.

    It may not list the bucket, so S3 answers 403 for what is missing.
    """
    return policies.allow(
        "ServeThroughDistribution",
        ["s3:GetObject"],
        [pulumi.Output.concat(bucket_arn, f"/{prefix}*") for prefix in prefixes],
        principal={"Service": "cloudfront.amazonaws.com"},
        condition={"StringEquals": {"aws:SourceArn": distribution_arn}},
    )


def clean_objects_only(
    objects_arns: Sequence[pulumi.Input[str]], scanner_role_arn: pulumi.Input[str]
) -> list[policies.Statement]:
    """A bucket's policy: objects that no scan has found clean are read by the scanner alone, and only it says what is clean.

    `objects_arns` end in `/*`. An object that was not scanned yet has no tag and is refused with the infected ones. A tag
    sent along with an upload or a copy needs the same right as one set later, so that is refused too.
    """
    # The principal's ARN is its role's, whatever the session is called.
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
