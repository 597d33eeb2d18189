"""Access tokens from the platform's own user pool, for its users and its machine client."""

import base64
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from local.account import LocalAccount
from operations.client import access_tokens
from operations.client.access_tokens import USER_ROLES
from operations.project import checkout
from operations.state.files import Credentials, Endpoints, EnvironmentState
from operations.state.lock import ProcessIdentity
from operations.terminal.command_errors import CommandError
from runtime.roles import Role

MakeState = Callable[..., EnvironmentState]
SCOPE = "platform/system"


@pytest.fixture
def state(account: LocalAccount, held_by: MakeState) -> EnvironmentState:
    """Return the state of a platform whose AWS is the emulator, with a user pool, its groups, and both clients."""
    cognito = account.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="users", UsernameAttributes=["email"])["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="api", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    for role in USER_ROLES:
        cognito.create_group(UserPoolId=pool, GroupName=role.value)
    domain = f"platform-{secrets.token_hex(4)}"
    cognito.create_user_pool_domain(Domain=domain, UserPoolId=pool)
    machine = cognito.create_user_pool_client(
        UserPoolId=pool,
        ClientName="machine",
        GenerateSecret=True,
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthScopes=[SCOPE, "platform/other"],
    )["UserPoolClient"]
    secret_value = {
        "client_id": machine["ClientId"],
        "client_secret": machine["ClientSecret"],
        "scope": SCOPE,
        "token_url": f"https://{domain}.auth.us-east-1.amazoncognito.com/oauth2/token",
    }
    secret = account.client("secretsmanager").create_secret(Name=domain, SecretString=json.dumps(secret_value))["ARN"]
    return held_by(
        ProcessIdentity.current(),
        endpoints=Endpoints(api="http://127.0.0.1:9", docs="", aws=account.endpoint, s3=account.endpoint),
        credentials=Credentials(
            region=account.region,
            access_key_id=account.access_key_id,
            secret_access_key=account.secret_access_key,
        ),
        outputs={"user_pool_id": pool, "user_pool_client_id": client, "system_secret_arn": secret},
    )


def claims(token: access_tokens.AccessToken) -> dict[str, Any]:
    payload = token.token.split(".")[1]
    parsed = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert isinstance(parsed, dict)
    return parsed


class TestIssue:
    @pytest.mark.parametrize("role", USER_ROLES)
    @pytest.mark.requirement("P1-33", "P1-53")
    def test_user_token_is_an_access_token_with_the_role_s_group(self, state: EnvironmentState, role: Role) -> None:
        issued = access_tokens.issue(state, role)
        token_claims = claims(issued)
        assert token_claims["token_use"] == "access"
        assert token_claims["cognito:groups"] == [role.value]
        assert token_claims["client_id"] == state.outputs["user_pool_client_id"]
        expires_at = datetime.fromisoformat(issued.expires_at)
        assert abs((expires_at - datetime.fromtimestamp(token_claims["exp"], UTC)).total_seconds()) < 5

    def test_repeated_tokens_have_the_same_subject(self, state: EnvironmentState) -> None:
        first, second = access_tokens.issue(state, Role.EDITOR), access_tokens.issue(state, Role.EDITOR)
        assert claims(first)["sub"] == claims(second)["sub"]
        assert claims(first)["sub"] != claims(access_tokens.issue(state, Role.ADMIN))["sub"]

    def test_remote_platform_raises_command_error(self, state: EnvironmentState) -> None:
        remote = Endpoints(api="", docs="", aws="https://cognito-idp.us-east-1.amazonaws.com", s3="")
        with pytest.raises(CommandError, match="not this machine") as raised:
            access_tokens.issue(state.model_copy(update={"endpoints": remote}), Role.ADMIN)
        assert "amazonaws.com" in raised.value.message

    def test_unreachable_user_pool_is_named_in_the_error(self, state: EnvironmentState) -> None:
        unreachable = Endpoints(api="", docs="", aws="http://127.0.0.1:9", s3="")
        with pytest.raises(CommandError, match="signing in as viewer at the user pool") as raised:
            access_tokens.issue(state.model_copy(update={"endpoints": unreachable}), Role.VIEWER)
        assert "http://127.0.0.1:9" in raised.value.message
        assert raised.value.next_step == checkout.command_line("status", "dev")

    def test_mfa_challenge_raises_command_error(self, state: EnvironmentState, account: LocalAccount) -> None:
        cognito, issued = account.client("cognito-idp"), access_tokens.issue(state, Role.ADMIN)
        cognito.associate_software_token(AccessToken=issued.token)
        cognito.verify_software_token(AccessToken=issued.token, UserCode="123456")
        cognito.set_user_mfa_preference(
            AccessToken=issued.token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
        )
        with pytest.raises(CommandError, match="requires more than a password") as raised:
            access_tokens.issue(state, Role.ADMIN)
        assert "SOFTWARE_TOKEN_MFA" in raised.value.message


class TestMachine:
    def credentials(self, state: EnvironmentState, account: LocalAccount) -> dict[str, str]:
        secret = account.client("secretsmanager").get_secret_value(SecretId=state.outputs["system_secret_arn"])
        secret_value: dict[str, str] = json.loads(secret["SecretString"])
        return secret_value

    def change_secret(self, state: EnvironmentState, account: LocalAccount, **changes: str) -> None:
        secret_value = json.dumps(self.credentials(state, account) | changes)
        account.client("secretsmanager").put_secret_value(
            SecretId=state.outputs["system_secret_arn"], SecretString=secret_value
        )

    @pytest.mark.requirement("C-11")
    def test_machine_token_has_the_client_as_subject_and_its_scope(
        self, state: EnvironmentState, account: LocalAccount
    ) -> None:
        issued = access_tokens.issue(state, Role.SYSTEM)
        found, client = claims(issued), self.credentials(state, account)["client_id"]
        assert (found["sub"], found["client_id"], found["scope"], found["token_use"]) == (
            client,
            client,
            SCOPE,
            "access",
        )
        assert "cognito:groups" not in found
        expires_at = datetime.fromisoformat(issued.expires_at)
        assert abs((expires_at - datetime.fromtimestamp(found["exp"], UTC)).total_seconds()) < 5
        assert issued.role == "system"

    def test_error_of_the_pool_is_shown_without_the_secret(
        self, state: EnvironmentState, account: LocalAccount
    ) -> None:
        self.change_secret(state, account, client_secret="no-longer-right")
        with pytest.raises(CommandError, match=r"signing in as system at .* failed: 400.*invalid_client") as raised:
            access_tokens.issue(state, Role.SYSTEM)
        assert "no-longer-right" not in raised.value.message
        assert raised.value.next_step == checkout.command_line("status", "dev")

    def test_token_url_of_another_pool_is_an_invalid_client(
        self, state: EnvironmentState, account: LocalAccount
    ) -> None:
        self.change_secret(state, account, token_url="https://other.auth.us-east-1.amazoncognito.com/oauth2/token")
        with pytest.raises(CommandError, match="invalid_client"):
            access_tokens.issue(state, Role.SYSTEM)

    def test_unreachable_user_pool_is_named_in_the_error(self, state: EnvironmentState) -> None:
        unreachable = Endpoints(api="", docs="", aws="http://127.0.0.1:9", s3="")
        with pytest.raises(CommandError, match="signing in as system at the user pool"):
            access_tokens.issue(state.model_copy(update={"endpoints": unreachable}), Role.SYSTEM)

    def test_missing_machine_client_names_the_setting(self, state: EnvironmentState) -> None:
        outputs = {name: value for name, value in state.outputs.items() if name != "system_secret_arn"}
        with pytest.raises(CommandError, match="has no machine client") as raised:
            access_tokens.issue(state.model_copy(update={"outputs": outputs}), Role.SYSTEM)
        assert "identity.system_client" in (raised.value.next_step or "")

    def test_remote_platform_raises_command_error(self, state: EnvironmentState) -> None:
        remote = Endpoints(api="", docs="", aws="https://cognito-idp.us-east-1.amazonaws.com", s3="")
        with pytest.raises(CommandError, match="not this machine"):
            access_tokens.issue(state.model_copy(update={"endpoints": remote}), Role.SYSTEM)
