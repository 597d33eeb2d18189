"""Secrets of the platform: their names and recovery windows."""

import pulumi
import pulumi_aws as aws

from components.naming import Naming

RECOVERY_DAYS = 30


def create_secret(
    resource_name: str,
    description: str,
    naming: Naming,
    *,
    key_arn: pulumi.Input[str] | None,
    protected: bool,
    opts: pulumi.ResourceOptions,
) -> aws.secretsmanager.Secret:
    """A secret without a value, under AWS's own key where none is given.

    One that is not protected frees its name at once when it is deleted.
    """
    return aws.secretsmanager.Secret(
        f"{resource_name}-secret",
        name=naming.secret(resource_name),
        description=description,
        kms_key_id=key_arn,
        recovery_window_in_days=RECOVERY_DAYS if protected else 0,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=protected, retain_on_delete=protected)),
    )
