"""Cognito: user pools with clients, groups, users, domains and resource servers."""

from typing import Any

from local.provider.resource_types.known_values import KnownValues
from local.provider.resource_types.table import Call, FromResponse, Inputs, ResourceType


def _scope_identifiers(inputs: Inputs, _: KnownValues) -> list[Any]:
    return [f"{inputs['identifier']}/{scope['scopeName']}" for scope in inputs.get("scopes") or ()]


def _user_id(*names: str) -> Any:
    """Return the id that Pulumi's provider gives: with the program's user name, not Cognito's."""
    return lambda inputs, _: "/".join(inputs[name] for name in ("userPoolId", *names, "username"))


TYPES = (
    ResourceType(
        "aws:cognito/userPool:UserPool",
        "cognito-idp.create_user_pool",
        {"name": "PoolName", "emailConfiguration.fromEmailAddress": "From"},
        id="{Id}",
        then=(
            Call(
                operation="set_user_pool_mfa_config",
                parameters={"UserPoolId": "{Id}", "MfaConfiguration": "{MfaConfiguration}"},
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
        id=_user_id(),
        unsupported=("enabled",),
        then=(Call(operation="admin_set_user_password", parameters={"Permanent": True}),),
        outputs={
            "creationDate": "{UserCreateDate}",
            "lastModifiedDate": "{UserLastModifiedDate}",
            "status": "{UserStatus}",
            "sub": FromResponse("User.Attributes[?Name=='sub'].Value | [0]"),
        },
    ),
    ResourceType(
        "aws:cognito/userInGroup:UserInGroup", "cognito-idp.admin_add_user_to_group", id=_user_id("groupName")
    ),
    ResourceType(
        "aws:cognito/resourceServer:ResourceServer",
        "cognito-idp.create_resource_server",
        id="{UserPoolId}|{Identifier}",
        outputs={"scopeIdentifiers": _scope_identifiers},
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
        recorded_only="the emulator has no SetRiskConfiguration: the risk of sign-ins is not assessed",
    ),
)
