"""Cognito: user pools, their clients, groups and users, and what a machine's client needs."""

from typing import Any

from local.provider.resource_types.facts import Facts
from local.provider.resource_types.table import Call, FromResponse, Inputs, ResourceType


def _scopes(inputs: Inputs, _: Facts) -> list[Any]:
    return [f"{inputs['identifier']}/{scope['scopeName']}" for scope in inputs.get("scopes") or ()]


def _of_user(*more: str) -> Any:
    """The id that Pulumi's provider gives: by what the program called the user, not by what Cognito calls it."""
    return lambda inputs, _: "/".join(inputs[name] for name in ("userPoolId", *more, "username"))


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
    ResourceType(
        "aws:cognito/user:User",
        "cognito-idp.admin_create_user",
        {"attributes": "UserAttributes"},
        id=_of_user(),
        unsupported=("enabled",),
        then=(Call(operation="admin_set_user_password", given={"Permanent": True}),),
        outputs={
            "creationDate": "{UserCreateDate}",
            "lastModifiedDate": "{UserLastModifiedDate}",
            "status": "{UserStatus}",
            "sub": FromResponse("User.Attributes[?Name=='sub'].Value | [0]"),
        },
    ),
    ResourceType(
        "aws:cognito/userInGroup:UserInGroup", "cognito-idp.admin_add_user_to_group", id=_of_user("groupName")
    ),
    ResourceType(
        "aws:cognito/resourceServer:ResourceServer",
        "cognito-idp.create_resource_server",
        id="{UserPoolId}|{Identifier}",
        outputs={"scopeIdentifiers": _scopes},
    ),
    ResourceType(
        "aws:cognito/userPoolDomain:UserPoolDomain",
        "cognito-idp.create_user_pool_domain",
        id="{Domain}",
        outputs={"awsAccountId": "{Account}"},
    ),
    ResourceType(
        "aws:cognito/riskConfiguration:RiskConfiguration",
        None,
        recorded_only="the emulator has no SetRiskConfiguration: here no sign-in is judged",
    ),
)
