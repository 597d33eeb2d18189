"""KMS: keys and their aliases."""

from local.provider.resource_types.table import Call, Naming, ResourceType

TYPES = (
    ResourceType(
        "aws:kms/key:Key",
        "kms.create_key",
        id="{KeyId}",
        ignore=("deletionWindowInDays",),
        unsupported=("isEnabled",),
        then=(Call(operation="enable_key_rotation", when="enableKeyRotation"),),
    ),
    ResourceType(
        "aws:kms/alias:Alias",
        "kms.create_alias",
        {"name": "AliasName"},
        id="{AliasName}",
        naming=Naming(prefix="alias/"),
        outputs={
            "arn": "arn:aws:kms:{Region}:{Account}:{AliasName}",
            "targetKeyArn": "arn:aws:kms:{Region}:{Account}:key/{TargetKeyId}",
        },
    ),
)
