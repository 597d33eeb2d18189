"""Tokens come from the platform's own user pool, for users of its groups and for its machine, and from no other place."""

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
SCOPE = "kept/system"


@pytest.fixture
def state(account: LocalAccount, held_by: MakeState) -> EnvironmentState:
    """A platform whose AWS is the emulator, with a pool, a client, the groups, and a client for machines."""
    cognito = account.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="users", UsernameAttributes=["email"])["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="api", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    for role in USER_ROLES:
        cognito.create_group(UserPoolId=pool, GroupName=role.value)
    domain = f"kept-{secrets.token_hex(4)}"
    cognito.create_user_pool_domain(Domain=domain, UserPoolId=pool)
    machine = cognito.create_user_pool_client(
        UserPoolId=pool,
        ClientName="machine",
        GenerateSecret=True,
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthScopes=[SCOPE, "kept/other"],
    )["UserPoolClient"]
    kept = {
        "client_id": machine["ClientId"],
        "client_secret": machine["ClientSecret"],
        "scope": SCOPE,
        "token_url": f"https://{domain}.auth.us-east-1.amazoncognito.com/oauth2/token",
    }
    secret = account.client("secretsmanager").create_secret(Name=domain, SecretString=json.dumps(kept))["ARN"]
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


def claims(of: access_tokens.Token) -> dict[str, Any]:
    payload = of.token.split(".")[1]
    parsed = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert isinstance(parsed, dict)
    return parsed


class TestIssue:
    @pytest.mark.parametrize("role", USER_ROLES)
    @pytest.mark.requirement("P1-33", "P1-53")
    def test_token_is_an_access_token_of_the_group(self, state: EnvironmentState, role: Role) -> None:
        issued = access_tokens.issue(state, role)
        seen = claims(issued)
        assert seen["token_use"] == "access"
        assert seen["cognito:groups"] == [role.value]
        assert seen["client_id"] == state.outputs["user_pool_client_id"]
        expires_at = datetime.fromisoformat(issued.expires_at)
        assert abs((expires_at - datetime.fromtimestamp(seen["exp"], UTC)).total_seconds()) < 5

    def test_the_user_of_a_role_stays_the_same(self, state: EnvironmentState) -> None:
        first, second = access_tokens.issue(state, Role.EDITOR), access_tokens.issue(state, Role.EDITOR)
        assert claims(first)["sub"] == claims(second)["sub"]
        assert claims(first)["sub"] != claims(access_tokens.issue(state, Role.ADMIN))["sub"]

    def test_platform_on_another_machine_is_refused(self, state: EnvironmentState) -> None:
        elsewhere = Endpoints(api="", docs="", aws="https://cognito-idp.us-east-1.amazonaws.com", s3="")
        with pytest.raises(CommandError, match="not this machine") as refused:
            access_tokens.issue(state.model_copy(update={"endpoints": elsewhere}), Role.ADMIN)
        assert "amazonaws.com" in refused.value.message

    def test_pool_that_does_not_answer_is_named(self, state: EnvironmentState) -> None:
        nowhere = Endpoints(api="", docs="", aws="http://127.0.0.1:9", s3="")
        with pytest.raises(CommandError, match="gave no token for viewer") as refused:
            access_tokens.issue(state.model_copy(update={"endpoints": nowhere}), Role.VIEWER)
        assert "http://127.0.0.1:9" in refused.value.message
        assert refused.value.next_step == checkout.command_line("status", "dev")

    def test_second_factor_is_refused(self, state: EnvironmentState, account: LocalAccount) -> None:
        cognito, issued = account.client("cognito-idp"), access_tokens.issue(state, Role.ADMIN)
        cognito.associate_software_token(AccessToken=issued.token)
        cognito.verify_software_token(AccessToken=issued.token, UserCode="123456")
        cognito.set_user_mfa_preference(
            AccessToken=issued.token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
        )
        with pytest.raises(CommandError, match="asks for more than a password") as refused:
            access_tokens.issue(state, Role.ADMIN)
        assert "SOFTWARE_TOKEN_MFA" in refused.value.message


class TestMachine:
    def credentials(self, state: EnvironmentState, account: LocalAccount) -> dict[str, str]:
        secret = account.client("secretsmanager").get_secret_value(SecretId=state.outputs["system_secret_arn"])
        kept: dict[str, str] = json.loads(secret["SecretString"])
        return kept

    def keep(self, state: EnvironmentState, account: LocalAccount, **changes: str) -> None:
        kept = json.dumps(self.credentials(state, account) | changes)
        account.client("secretsmanager").put_secret_value(
            SecretId=state.outputs["system_secret_arn"], SecretString=kept
        )

    @pytest.mark.requirement("C-11")
    def test_token_is_of_the_client_and_names_its_scope(self, state: EnvironmentState, account: LocalAccount) -> None:
        issued = access_tokens.issue(state, Role.SYSTEM)
        seen, client = claims(issued), self.credentials(state, account)["client_id"]
        assert (seen["sub"], seen["client_id"], seen["scope"], seen["token_use"]) == (client, client, SCOPE, "access")
        assert "cognito:groups" not in seen
        expires_at = datetime.fromisoformat(issued.expires_at)
        assert abs((expires_at - datetime.fromtimestamp(seen["exp"], UTC)).total_seconds()) < 5
        assert issued.role == "system"

    def test_the_pool_s_refusal_is_told_and_the_secret_is_not(
        self, state: EnvironmentState, account: LocalAccount
    ) -> None:
        self.keep(state, account, client_secret="no-longer-right")
        with pytest.raises(CommandError, match=r"gave no token for system: 400.*invalid_client") as refused:
            access_tokens.issue(state, Role.SYSTEM)
        assert "no-longer-right" not in refused.value.message
        assert refused.value.next_step == checkout.command_line("status", "dev")

    def test_another_pool_s_address_is_not_taken_for_ours(self, state: EnvironmentState, account: LocalAccount) -> None:
        self.keep(state, account, token_url="https://other.auth.us-east-1.amazoncognito.com/oauth2/token")
        with pytest.raises(CommandError, match="invalid_client"):
            access_tokens.issue(state, Role.SYSTEM)

    def test_pool_that_does_not_answer_is_named(self, state: EnvironmentState) -> None:
        nowhere = Endpoints(api="", docs="", aws="http://127.0.0.1:9", s3="")
        with pytest.raises(CommandError, match="gave no token for system"):
            access_tokens.issue(state.model_copy(update={"endpoints": nowhere}), Role.SYSTEM)

    def test_environment_without_machines_says_which_setting(self, state: EnvironmentState) -> None:
        people_alone = {name: value for name, value in state.outputs.items() if name != "system_secret_arn"}
        with pytest.raises(CommandError, match="no client for machines") as refused:
            access_tokens.issue(state.model_copy(update={"outputs": people_alone}), Role.SYSTEM)
        assert "identity.system_client" in (refused.value.next_step or "")

    def test_platform_on_another_machine_is_refused(self, state: EnvironmentState) -> None:
        elsewhere = Endpoints(api="", docs="", aws="https://cognito-idp.us-east-1.amazonaws.com", s3="")
        with pytest.raises(CommandError, match="not this machine"):
            access_tokens.issue(state.model_copy(update={"endpoints": elsewhere}), Role.SYSTEM)
