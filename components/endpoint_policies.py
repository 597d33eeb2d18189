"""What may pass a VPC's endpoints to AWS: functions without resources, whose values may be outputs."""

import pulumi

from components import policies

# Called without a signature as well, by those who are about to sign in or who look up keys: no account stands behind that.
UNSIGNED_SERVICES = ("cognito-idp",)


def calls_of_account(account_id: pulumi.Input[str]) -> policies.Document:
    """An interface endpoint's policy: this account's roles call, and nobody else's credentials are of use in the VPC."""
    return policies.document(
        policies.allow(
            "OwnCallers",
            ["*"],
            ["*"],
            principal="*",
            condition={"StringEquals": {"aws:PrincipalAccount": account_id}},
        )
    )


def objects_of_account(account_id: pulumi.Input[str], region: str) -> policies.Document:
    """The S3 gateway's policy: this account's roles reach this account's buckets, so nothing is carried off to another's.

    ECR keeps the layers of images in a bucket of AWS's, which whoever pulls an image reads.
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
