"""Tokens come from the platform's own user pool, for users of its groups, and from no other place."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from local.account import LocalAccount
from operations import project, token
from operations.lock import ProcessIdentity
from operations.refusals import RefusedError
from operations.state import Credentials, Endpoints, EnvironmentState
from operations.token import Role

MakeState = Callable[..., EnvironmentState]


@pytest.fixture
def state(account: LocalAccount, held_by: MakeState) -> EnvironmentState:
    """A platform whose AWS is the emulator, with a pool, a client and the groups."""
    cognito = account.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="users", UsernameAttributes=["email"])["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="api", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    for role in Role:
        cognito.create_group(UserPoolId=pool, GroupName=role.value)
    return held_by(
        ProcessIdentity.own(),
        endpoints=Endpoints(api="http://127.0.0.1:9", docs="", aws=account.endpoint, s3=account.endpoint),
        credentials=Credentials(
            region=account.region,
            access_key_id=account.access_key_id,
            secret_access_key=account.secret_access_key,
        ),
        outputs={"user_pool_id": pool, "user_pool_client_id": client},
    )


def claims(of: token.Token) -> dict[str, Any]:
    payload = of.token.split(".")[1]
    parsed = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert isinstance(parsed, dict)
    return parsed


class TestIssue:
    @pytest.mark.parametrize("role", Role)
    @pytest.mark.requirement("P1-33", "P1-53")
    def test_token_is_an_access_token_of_the_group(self, state: EnvironmentState, role: Role) -> None:
        issued = token.issue(state, role)
        seen = claims(issued)
        assert seen["token_use"] == "access"
        assert seen["cognito:groups"] == [role.value]
        assert seen["client_id"] == state.outputs["user_pool_client_id"]
        expires_at = datetime.fromisoformat(issued.expires_at)
        assert abs((expires_at - datetime.fromtimestamp(seen["exp"], UTC)).total_seconds()) < 5

    def test_the_user_of_a_role_stays_the_same(self, state: EnvironmentState) -> None:
        first, second = token.issue(state, Role.EDITOR), token.issue(state, Role.EDITOR)
        assert claims(first)["sub"] == claims(second)["sub"]
        assert claims(first)["sub"] != claims(token.issue(state, Role.ADMIN))["sub"]

    def test_platform_on_another_machine_is_refused(self, state: EnvironmentState) -> None:
        elsewhere = Endpoints(api="", docs="", aws="https://cognito-idp.us-east-1.amazonaws.com", s3="")
        with pytest.raises(RefusedError, match="not this machine") as refused:
            token.issue(state.model_copy(update={"endpoints": elsewhere}), Role.ADMIN)
        assert "amazonaws.com" in refused.value.message

    def test_pool_that_does_not_answer_is_named(self, state: EnvironmentState) -> None:
        nowhere = Endpoints(api="", docs="", aws="http://127.0.0.1:9", s3="")
        with pytest.raises(RefusedError, match="gave no token for viewer") as refused:
            token.issue(state.model_copy(update={"endpoints": nowhere}), Role.VIEWER)
        assert "http://127.0.0.1:9" in refused.value.message
        assert refused.value.next_step == project.command("status", "dev")

    def test_second_factor_is_refused(self, state: EnvironmentState, account: LocalAccount) -> None:
        cognito, issued = account.client("cognito-idp"), token.issue(state, Role.ADMIN)
        cognito.associate_software_token(AccessToken=issued.token)
        cognito.verify_software_token(AccessToken=issued.token, UserCode="123456")
        cognito.set_user_mfa_preference(
            AccessToken=issued.token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
        )
        with pytest.raises(RefusedError, match="asks for more than a password") as refused:
            token.issue(state, Role.ADMIN)
        assert "SOFTWARE_TOKEN_MFA" in refused.value.message
