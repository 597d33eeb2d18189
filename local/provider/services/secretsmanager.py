"""Secrets Manager: secrets, secret versions, resource policies and rotation."""

from local.provider.resource_types.table import Call, ResourceType

TYPES = (
    ResourceType(
        "aws:secretsmanager/secret:Secret",
        "secretsmanager.create_secret",
        id="{ARN}",
        rename={"replicas": "AddReplicaRegions"},
        ignore=("recoveryWindowInDays", "forceOverwriteReplicaSecret"),
        then=(
            Call(
                operation="put_resource_policy", rename={"policy": "ResourcePolicy"}, parameters={"SecretId": "{ARN}"}
            ),
        ),
    ),
    ResourceType(
        "aws:secretsmanager/secretVersion:SecretVersion",
        "secretsmanager.put_secret_value",
        id="{ARN}|{VersionId}",
        unsupported=("secretStringWo", "secretStringWoVersion"),
    ),
    ResourceType(
        "aws:secretsmanager/secretPolicy:SecretPolicy",
        "secretsmanager.put_resource_policy",
        {"secretArn": "SecretId", "policy": "ResourcePolicy"},
        id="{ARN}",
    ),
    ResourceType(
        "aws:secretsmanager/secretRotation:SecretRotation",
        None,
        recorded_only="secrets are not rotated on this machine: the value stays the same",
    ),
)
