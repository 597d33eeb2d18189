"""What a token proves, and what it does not."""

import time
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from local.account import LocalAccount
from runtime.access import tokens
from runtime.access.keys import KEYS_LIFETIME_SECONDS, SigningKeys
from runtime.access.tokens import INVALID_TOKEN, TokenVerifier
from runtime.errors import UnauthorizedError
from runtime.roles import Role
from tests.runtime.access.token_attacks import ATTACKS
from tests.runtime.features.user_pool import (
    CLIENT_ID,
    ISSUER,
    MACHINE_CLIENT_ID,
    MACHINE_SCOPE,
    Pool,
    claims,
    key_set,
    machine_claims,
    mint,
)


@pytest.fixture
def verifier(pool: Pool) -> TokenVerifier:
    return TokenVerifier(
        keys=SigningKeys(pool.url),
        issuer=ISSUER,
        client_ids=[CLIENT_ID],
        machine_client_ids=[MACHINE_CLIENT_ID],
        machine_scope=MACHINE_SCOPE,
        max_lifetime_seconds=86_400,
    )


class TestVerify:
    @pytest.mark.requirement("ROAD-102", "ROAD-103", "P1-26")
    def test_good_token_proves_its_caller(self, verifier: TokenVerifier) -> None:
        user_id = uuid4()
        token = mint(claims("editor", "viewer", "marketing", user_id=user_id, email="a@example.test"))
        caller = verifier.verify(token)
        assert (caller.user_id, caller.subject, caller.email) == (user_id, str(user_id), "a@example.test")
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

    @pytest.mark.requirement("ROAD-102")
    def test_overlong_token_costs_nothing(self, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
        token, took = ATTACKS["200 KB"](), []
        # Nothing of it is decoded.
        monkeypatch.setattr(tokens, "jwt", None)
        for _ in range(5):
            began = time.perf_counter()
            with pytest.raises(UnauthorizedError):
                verifier.verify(token)
            took.append(time.perf_counter() - began)
        assert min(took) < 0.005

    @pytest.mark.requirement("A-11")
    def test_pool_of_another_environment_is_another_issuer(self, pool: Pool) -> None:
        production = TokenVerifier(
            keys=SigningKeys(pool.url), issuer=f"{ISSUER}2", client_ids=[CLIENT_ID], max_lifetime_seconds=86_400
        )
        with pytest.raises(UnauthorizedError):
            production.verify(mint(claims("admin")))


class TestMachine:
    @pytest.mark.requirement("C-11", "ROAD-102")
    def test_good_token_proves_the_system_and_nothing_else(self, verifier: TokenVerifier) -> None:
        caller = verifier.verify(mint(machine_claims()))
        assert caller.roles == {Role.SYSTEM}
        assert (caller.subject, caller.email) == (MACHINE_CLIENT_ID, None)

    @pytest.mark.parametrize("scope", [f"openid {MACHINE_SCOPE}", f"{MACHINE_SCOPE} another/system"])
    def test_scope_may_stand_among_others(self, verifier: TokenVerifier, scope: str) -> None:
        assert verifier.verify(mint(machine_claims(scope=scope))).roles == {Role.SYSTEM}

    def test_its_user_id_follows_from_its_client_and_stays(self, verifier: TokenVerifier) -> None:
        # Stored rows name their makers by it: another value here would make them somebody else's.
        assert verifier.verify(mint(machine_claims())).user_id == UUID("144d1f13-0ae0-57e9-9dc0-a78780e9eba6")
        assert tokens.machine_user_id("another") != tokens.machine_user_id(MACHINE_CLIENT_ID)

    @pytest.mark.requirement("C-11", "P1-54")
    @pytest.mark.parametrize("scope", ["aws.cognito.signin.user.admin", MACHINE_SCOPE])
    @pytest.mark.parametrize(
        ("groups", "roles"), [([], set()), (["system"], set()), (["system", "admin"], {Role.ADMIN})]
    )
    def test_person_is_never_the_system(
        self, verifier: TokenVerifier, scope: str, groups: list[str], roles: set[Role]
    ) -> None:
        assert verifier.verify(mint(claims(*groups, scope=scope))).roles == roles

    @pytest.mark.requirement("C-11")
    def test_where_there_is_no_machine_its_token_is_refused(self, pool: Pool) -> None:
        people = TokenVerifier(
            keys=SigningKeys(pool.url), issuer=ISSUER, client_ids=[CLIENT_ID], max_lifetime_seconds=86_400
        )
        assert people.verify(mint(claims("viewer"))).roles == {Role.VIEWER}
        with pytest.raises(UnauthorizedError):
            people.verify(mint(machine_claims()))

    def test_machine_without_a_scope_to_name_is_nobody(self, pool: Pool) -> None:
        verifier = TokenVerifier(
            keys=SigningKeys(pool.url),
            issuer=ISSUER,
            client_ids=[CLIENT_ID],
            machine_client_ids=[MACHINE_CLIENT_ID],
            max_lifetime_seconds=86_400,
        )
        for scope in ("", " ", MACHINE_SCOPE):
            with pytest.raises(UnauthorizedError):
                verifier.verify(mint(machine_claims(scope=scope)))


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
        monkeypatch.setattr(tokens, "_MAX_CACHED_TOKENS", 2)
        minted = [mint(claims("admin")) for _ in range(3)]
        for token in minted:
            verifier.verify(token)
        assert len(verifier._cached) <= 2
        assert verifier.verify(minted[0])
