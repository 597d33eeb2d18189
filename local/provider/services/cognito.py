"""Cognito: user pools, their clients and groups."""

from local.provider.table import Call, ResourceType

TYPES = (
    ResourceType(
        "aws:cognito/userPool:UserPool",
        "cognito-idp.create_user_pool",
        {"name": "PoolName", "emailConfiguration.fromEmailAddress": "From"},
        id="{Id}",
        then=(
            Call(
                operation="set_user_pool_mfa_config",
                given={"UserPoolId": "{Id}", "MfaConfiguration": "{MfaConfiguration}"},
            ),
        ),
        outputs={"endpoint": "cognito-idp.{Region}.amazonaws.com/{Id}"},
    ),
    ResourceType(
        "aws:cognito/userPoolClient:UserPoolClient",
        "cognito-idp.create_user_pool_client",
        {"name": "ClientName"},
        id="{ClientId}",
    ),
    ResourceType(
        "aws:cognito/userGroup:UserGroup",
        "cognito-idp.create_group",
        {"name": "GroupName"},
        id="{UserPoolId}/{GroupName}",
    ),
)
