"""IAM: roles, policies and OpenID Connect providers."""

from local.provider.resource_types.table import Call, FromResponse, ResourceType

TYPES = (
    ResourceType(
        "aws:iam/role:Role",
        "iam.create_role",
        {"name": "RoleName"},
        id="{RoleName}",
        ignore=("forceDetachPolicies",),
        then=(
            Call(
                operation="attach_role_policy", rename={"managedPolicyArns": "PolicyArn"}, for_each="managedPolicyArns"
            ),
            Call(
                operation="put_role_policy",
                rename={"name": "PolicyName", "policy": "PolicyDocument"},
                for_each="inlinePolicies",
            ),
        ),
        outputs={"uniqueId": FromResponse("Role.RoleId")},
    ),
    ResourceType(
        "aws:iam/rolePolicy:RolePolicy",
        "iam.put_role_policy",
        {"role": "RoleName", "name": "PolicyName", "policy": "PolicyDocument"},
        id="{RoleName}:{PolicyName}",
    ),
    ResourceType(
        "aws:iam/policy:Policy",
        "iam.create_policy",
        {"name": "PolicyName", "policy": "PolicyDocument"},
        id="{Arn}",
        ignore=("delayAfterPolicyCreationInMs",),
    ),
    ResourceType(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "iam.attach_role_policy",
        {"role": "RoleName"},
        id="{RoleName}-{PolicyArn}",
    ),
    ResourceType(
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        "iam.create_open_id_connect_provider",
        {"clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"},
        id="{OpenIDConnectProviderArn}",
        outputs={"arn": "{OpenIDConnectProviderArn}"},
    ),
    ResourceType(
        "aws:iam/serviceLinkedRole:ServiceLinkedRole",
        "iam.create_service_linked_role",
        id="{Arn}",
        then=(Call(operation="tag_role"),),
        outputs={"name": "{RoleName}", "uniqueId": FromResponse("Role.RoleId")},
    ),
)
