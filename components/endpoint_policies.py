"""Policies of VPC endpoints, as functions without resources; their values may be outputs."""

import pulumi

from components import policies

# These also receive unsigned requests, from clients that sign in or fetch keys, which have no principal account.
UNSIGNED_SERVICES = ("cognito-idp",)


def own_account_only(account_id: pulumi.Input[str]) -> policies.Document:
    """Return the policy of an interface endpoint: only principals of this account may call the service."""
    return policies.document(
        policies.allow(
            "OwnCallers",
            ["*"],
            ["*"],
            principal="*",
            condition={"StringEquals": {"aws:PrincipalAccount": account_id}},
        )
    )


def own_buckets_only(account_id: pulumi.Input[str], region: str) -> policies.Document:
    """Return the policy of the S3 gateway endpoint: principals of this account may only reach its own buckets.

    ECR stores image layers in a bucket of AWS, which clients read when they pull an image.
    """
    return policies.document(
        policies.allow(
            "OwnCallersToOwnBuckets",
            ["s3:*"],
            ["*"],
            principal="*",
            condition={"StringEquals": {"aws:PrincipalAccount": account_id, "aws:ResourceAccount": account_id}},
        ),
        policies.allow(
            "LayersOfImages",
            ["s3:GetObject"],
            [f"arn:aws:s3:::prod-{region}-starport-layer-bucket/*"],
            principal="*",
        ),
    )
