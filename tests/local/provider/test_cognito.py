"""A user directory with all that it can be user, applied to the emulator and read back."""

import json
from collections.abc import Callable

import pulumi
import pulumi_aws as aws
import pytest

from components.machine_client import MachineClient, MachineClientArgs
from components.naming import Naming
from components.user_directory import UserDirectory, UserDirectoryArgs
from local.account import LocalAccount
from local.engines.in_process import Deployment, deploy
from local.provider.provider import Created, LocalProvider
from tests.local.provider.programs.child_inputs import with_inputs

NAMING = Naming("kept", "dev")
EMAIL = "first@example.com"
# Cognito refuses a client whose refresh tokens rotate and may be refreshed in the old way.
ROTATING = {
    "explicit_auth_flows": ["ALLOW_USER_PASSWORD_AUTH"],
    "refresh_token_rotation": {"feature": "ENABLED", "retry_grace_period_seconds": 10},
}


def program() -> None:
    secret = aws.secretsmanager.Secret("machine", name="kept/machine-dev")
    directory = UserDirectory(
        "users",
        UserDirectoryArgs(
            naming=NAMING,
            groups={"admin": "All of it", "viewer": "Reads"},
            threat_protection="enforced",
            first_administrator_email=EMAIL,
        ),
        with_inputs({"users-client": ROTATING}),
    )
    machine = MachineClient(
        "machine",
        MachineClientArgs(naming=NAMING, pool_id=directory.pool_id, domain_prefix="kept-dev", secret_id=secret.id),
    )
    pulumi.export("pool", directory.pool_id)
    pulumi.export("client", directory.client_id)
    pulumi.export("machine_client", machine.client_id)
    pulumi.export("machine_client_secret", machine.client_secret)


@pytest.fixture(scope="module")
def deployment(account: LocalAccount) -> Deployment:
    return deploy(program, project="kept", stack="dev", config={}, provider=LocalProvider(account, {}))


class TestUserDirectory:
    def test_only_risk_configuration_is_not_applied(self, deployment: Deployment) -> None:
        recorded = {each.type for each in deployment.resources if each.state != "applied"}
        assert recorded == {"aws:cognito/riskConfiguration:RiskConfiguration"}

    def test_pool_has_threat_protection_tier(self, deployment: Deployment, account: LocalAccount) -> None:
        pool = account.client("cognito-idp").describe_user_pool(UserPoolId=deployment.outputs["pool"])["UserPool"]
        assert (pool["UserPoolTier"], pool["UserPoolAddOns"]) == ("PLUS", {"AdvancedSecurityMode": "ENFORCED"})
        assert pool["Domain"] == "kept-dev"

    def test_refresh_tokens_rotate(self, deployment: Deployment, account: LocalAccount) -> None:
        outputs = deployment.outputs
        client = account.client("cognito-idp").describe_user_pool_client(
            UserPoolId=outputs["pool"], ClientId=outputs["client"]
        )["UserPoolClient"]
        assert client["RefreshTokenRotation"] == {"Feature": "ENABLED", "RetryGracePeriodSeconds": 10}
        assert client["ExplicitAuthFlows"] == ["ALLOW_USER_PASSWORD_AUTH"]

    @pytest.mark.requirement("ROAD-40")
    def test_first_administrator_must_change_password(self, deployment: Deployment, account: LocalAccount) -> None:
        cognito, pool = account.client("cognito-idp"), deployment.outputs["pool"]
        user = cognito.admin_get_user(UserPoolId=pool, Username=EMAIL)
        attributes = {each["Name"]: each["Value"] for each in user["UserAttributes"]}
        assert (user["UserStatus"], user["Enabled"]) == ("FORCE_CHANGE_PASSWORD", True)
        assert (attributes["email"], attributes["email_verified"]) == (EMAIL, "true")
        groups = cognito.admin_list_groups_for_user(UserPoolId=pool, Username=EMAIL)["Groups"]
        assert [group["GroupName"] for group in groups] == ["admin"]
        user = next(each for each in deployment.resources if each.type == "aws:cognito/user:User")
        assert user.id == f"{pool}/{EMAIL}"
        assert user.outputs["sub"] == attributes["sub"]
        assert user.outputs["status"] == "FORCE_CHANGE_PASSWORD"

    @pytest.mark.requirement("ROAD-40")
    def test_first_administrator_signs_in_as_documented(self, deployment: Deployment, account: LocalAccount) -> None:
        cognito, outputs = account.client("cognito-idp"), deployment.outputs
        temporary = "Temporary-1-password"
        cognito.admin_set_user_password(UserPoolId=outputs["pool"], Username=EMAIL, Password=temporary)
        answer = cognito.initiate_auth(
            ClientId=outputs["client"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": EMAIL, "PASSWORD": temporary},
        )
        assert answer["ChallengeName"] == "NEW_PASSWORD_REQUIRED"


class TestMachineClient:
    @pytest.mark.requirement("C-11")
    def test_machine_client_has_its_scope(self, deployment: Deployment, account: LocalAccount) -> None:
        cognito, outputs = account.client("cognito-idp"), deployment.outputs
        server = cognito.describe_resource_server(UserPoolId=outputs["pool"], Identifier="kept")["ResourceServer"]
        assert [scope["ScopeName"] for scope in server["Scopes"]] == ["system"]
        user = next(each for each in deployment.resources if each.type == "aws:cognito/resourceServer:ResourceServer")
        assert user.outputs["scopeIdentifiers"] == ["kept/system"]
        client = cognito.describe_user_pool_client(UserPoolId=outputs["pool"], ClientId=outputs["machine_client"])[
            "UserPoolClient"
        ]
        assert (client["AllowedOAuthFlows"], client["AllowedOAuthScopes"]) == (["client_credentials"], ["kept/system"])
        assert client["ClientSecret"] == outputs["machine_client_secret"]
        domain = cognito.describe_user_pool_domain(Domain="kept-dev")["DomainDescription"]
        assert domain["UserPoolId"] == outputs["pool"]

    @pytest.mark.requirement("C-11")
    def test_client_secret_is_stored_and_hidden(self, deployment: Deployment, account: LocalAccount) -> None:
        outputs = deployment.outputs
        assert "machine_client_secret" in deployment.secret_outputs
        kept = account.client("secretsmanager").get_secret_value(SecretId="kept/machine-dev")["SecretString"]
        assert json.loads(kept) == {
            "client_id": outputs["machine_client"],
            "client_secret": outputs["machine_client_secret"],
            "scope": "kept/system",
            "token_url": "https://kept-dev.auth.us-east-1.amazoncognito.com/oauth2/token",
        }


class TestUser:
    def test_password_in_program_is_permanent(self, create: Callable[..., Created], account: LocalAccount) -> None:
        pool = create("aws:cognito/userPool:UserPool", "known").id
        create("aws:cognito/user:User", "known", userPoolId=pool, username="known", password="Permanent-1-password")
        user = account.client("cognito-idp").admin_get_user(UserPoolId=pool, Username="known")
        assert user["UserStatus"] == "CONFIRMED"
