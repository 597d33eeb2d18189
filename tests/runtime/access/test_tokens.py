"""What a token proves, and what it does not."""

import time
from typing import Any
from uuid import uuid4

import jwt
import pytest

from local.account import LocalAccount
from runtime.access import tokens
from runtime.access.keys import KEYS_LIFETIME_SECONDS, SigningKeys
from runtime.access.roles import Role
from runtime.access.tokens import INVALID_TOKEN, TokenVerifier
from runtime.errors import UnauthorizedError
from tests.runtime.access.token_attacks import ATTACKS
from tests.runtime.features.api_platform import CLIENT_ID, ISSUER, Pool, claims, key_set, mint


@pytest.fixture
def verifier(pool: Pool) -> TokenVerifier:
    return TokenVerifier(keys=SigningKeys(pool.url), issuer=ISSUER, client_ids=[CLIENT_ID], max_lifetime_seconds=86_400)


class TestVerify:
    @pytest.mark.requirement("ROAD-102", "ROAD-103", "P1-26")
    def test_good_token_proves_its_caller(self, verifier: TokenVerifier) -> None:
        user_id = uuid4()
        token = mint(claims("editor", "viewer", "marketing", user_id=user_id, email="a@example.test"))
        caller = verifier.verify(token)
        assert (caller.user_id, caller.email) == (user_id, "a@example.test")
        assert caller.roles == {Role.EDITOR, Role.VIEWER}

    def test_user_without_groups_has_no_roles(self, verifier: TokenVerifier) -> None:
        assert verifier.verify(mint(claims() | {"cognito:groups": []})).roles == frozenset()
        assert verifier.verify(mint(claims(**{"cognito:groups": None}))).roles == frozenset()

    def test_role_is_a_whole_group_name(self, verifier: TokenVerifier) -> None:
        assert verifier.verify(mint(claims("not-admin", "Admin", "administrators", "admin "))).roles == frozenset()

    @pytest.mark.parametrize("header", [{"typ": None}, {"typ": "JWT"}], ids=str)
    def test_header_may_name_its_type(self, verifier: TokenVerifier, header: dict[str, str | None]) -> None:
        assert verifier.verify(mint(claims("admin"), headers=header)).roles == {Role.ADMIN}

    def test_clock_that_is_a_little_ahead_is_forgiven(self, verifier: TokenVerifier) -> None:
        now = int(time.time())
        assert verifier.verify(mint(claims("admin", iat=now + 3, exp=now + 600)))

    @pytest.mark.requirement("ROAD-102", "A-11")
    @pytest.mark.parametrize("attack", ATTACKS)
    def test_attack_is_refused_with_one_message(self, verifier: TokenVerifier, attack: str) -> None:
        with pytest.raises(UnauthorizedError) as refused:
            verifier.verify(ATTACKS[attack]())
        assert refused.value.message == INVALID_TOKEN

    def test_overlong_token_never_reaches_the_keys(self, verifier: TokenVerifier, pool: Pool) -> None:
        with pytest.raises(UnauthorizedError):
            verifier.verify(ATTACKS["200 KB"]())
        assert pool.fetches == 0

    @pytest.mark.requirement("A-11")
    def test_pool_of_another_environment_is_another_issuer(self, pool: Pool) -> None:
        production = TokenVerifier(
            keys=SigningKeys(pool.url), issuer=f"{ISSUER}2", client_ids=[CLIENT_ID], max_lifetime_seconds=86_400
        )
        with pytest.raises(UnauthorizedError):
            production.verify(mint(claims("admin")))


class TestTokensOfThePool:
    @pytest.mark.requirement("ROAD-102", "ROAD-103")
    def test_what_the_emulated_cognito_issues_is_accepted(self, account: LocalAccount) -> None:
        cognito = account.client("cognito-idp")
        pool_id = cognito.create_user_pool(PoolName="test")["UserPool"]["Id"]
        client_id = cognito.create_user_pool_client(
            UserPoolId=pool_id, ClientName="test", ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
        )["UserPoolClient"]["ClientId"]
        password = "Correct-horse-9-battery"
        cognito.admin_create_user(UserPoolId=pool_id, Username="someone", MessageAction="SUPPRESS")
        cognito.admin_set_user_password(UserPoolId=pool_id, Username="someone", Password=password, Permanent=True)
        cognito.create_group(UserPoolId=pool_id, GroupName="editor")
        cognito.admin_add_user_to_group(UserPoolId=pool_id, Username="someone", GroupName="editor")
        tokens = cognito.admin_initiate_auth(
            UserPoolId=pool_id,
            ClientId=client_id,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "someone", "PASSWORD": password},
        )["AuthenticationResult"]
        verifier = TokenVerifier(
            keys=SigningKeys(f"{account.endpoint}/{pool_id}/.well-known/jwks.json"),
            issuer=f"https://cognito-idp.{account.region}.amazonaws.com/{pool_id}",
            client_ids=[client_id],
            max_lifetime_seconds=86_400,
        )
        assert verifier.verify(tokens["AccessToken"]).roles == {Role.EDITOR}
        with pytest.raises(UnauthorizedError):
            verifier.verify(tokens["IdToken"])


class TestRemembered:
    @pytest.fixture
    def decoded(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The tokens that were checked in full."""
        seen, decode = [], jwt.decode

        def count(token: str, *arguments: Any, **options: Any) -> Any:
            seen.append(token)
            return decode(token, *arguments, **options)

        monkeypatch.setattr(jwt, "decode", count)
        return seen

    def test_token_is_checked_in_full_once(self, verifier: TokenVerifier, decoded: list[str]) -> None:
        token, other = mint(claims("admin")), mint(claims("viewer"))
        first = verifier.verify(token)
        assert verifier.verify(other).roles == {Role.VIEWER}
        assert verifier.verify(token) == first
        assert decoded == [token, other]

    def test_refused_token_is_never_remembered(self, verifier: TokenVerifier, decoded: list[str]) -> None:
        token = mint(claims("admin", token_use="id"))
        for _ in range(2):
            with pytest.raises(UnauthorizedError):
                verifier.verify(token)
        assert decoded == [token, token]

    @pytest.mark.requirement("A-11")
    def test_it_ends_with_its_expiry(self, verifier: TokenVerifier) -> None:
        now = int(time.time())
        token = mint(claims("admin", iat=now - 10, exp=now + 2))
        assert verifier.verify(token)
        while time.time() < now + 2:
            time.sleep(0.05)
        with pytest.raises(UnauthorizedError):
            verifier.verify(token)

    def test_it_ends_with_its_key(self, pool: Pool) -> None:
        now = [1000.0]
        keys = SigningKeys(pool.url, clock=lambda: now[0])
        verifier = TokenVerifier(keys=keys, issuer=ISSUER, client_ids=[CLIENT_ID], max_lifetime_seconds=86_400)
        token = mint(claims("admin"))
        assert verifier.verify(token)
        pool.keys = key_set(key_id="rotated", name="rotated")
        now[0] += KEYS_LIFETIME_SECONDS
        with pytest.raises(UnauthorizedError):
            verifier.verify(token)

    def test_there_are_never_many(
        self, verifier: TokenVerifier, decoded: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tokens, "_REMEMBERED_TOKENS", 2)
        minted = [mint(claims("admin")) for _ in range(3)]
        for token in minted:
            verifier.verify(token)
        assert len(verifier._verified) <= 2
        assert verifier.verify(minted[0])
