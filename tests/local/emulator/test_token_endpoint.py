"""Programs get their tokens from the emulator as from Cognito; moto itself has no such endpoint."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import pytest

from local.account import LocalAccount
from local.emulator.token_endpoint import PATH

SYSTEM, REPORTS = "kept/system", "kept/reports"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A client for programs, its pool, and where both are asked."""

    url: str
    pool: str
    host: str
    client_id: str
    secret: str

    @property
    def basic(self) -> tuple[str, str]:
        return self.client_id, self.secret

    def ask(
        self, form: Mapping[str, Any] | None = None, *, basic: tuple[str, str] | None = None, host: str | None = None
    ) -> httpx.Response:
        headers = {"Host": self.host if host is None else host}
        data = {"grant_type": "client_credentials", **(form or {})}
        return httpx.post(self.url, data=data, auth=basic, headers=headers, trust_env=False)


def make_client(account: LocalAccount, pool: str, **more: Any) -> tuple[str, str]:
    told = {
        "UserPoolId": pool,
        "ClientName": "machine",
        "GenerateSecret": True,
        "AllowedOAuthFlowsUserPoolClient": True,
        "AllowedOAuthFlows": ["client_credentials"],
        "AllowedOAuthScopes": [SYSTEM, REPORTS],
        "AccessTokenValidity": 20,
        "TokenValidityUnits": {"AccessToken": "minutes"},
        **more,
    }
    said = {name: value for name, value in told.items() if value is not None}
    client = account.client("cognito-idp").create_user_pool_client(**said)["UserPoolClient"]
    return client["ClientId"], client.get("ClientSecret", "")


def make_machine(account: LocalAccount, domain: str, **more: Any) -> Machine:
    cognito = account.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="users")["UserPool"]["Id"]
    if domain:
        cognito.create_user_pool_domain(Domain=domain, UserPoolId=pool)
    client_id, secret = make_client(account, pool, **more)
    host = f"{domain}.auth.us-east-1.amazoncognito.com"
    return Machine(url=account.endpoint + PATH, pool=pool, host=host, client_id=client_id, secret=secret)


@pytest.fixture(scope="module")
def machine(account: LocalAccount) -> Machine:
    return make_machine(account, "kept-auth")


def claims(machine: Machine, answer: httpx.Response) -> dict[str, Any]:
    """What a token says, verified against the keys and the issuer of the pool."""
    assert answer.status_code == 200, answer.text
    token, address = answer.json()["access_token"], machine.url.removesuffix(PATH)
    keys = jwt.PyJWKSet.from_dict(httpx.get(f"{address}/{machine.pool}/.well-known/jwks.json", trust_env=False).json())
    issuer = f"https://cognito-idp.us-east-1.amazonaws.com/{machine.pool}"
    key = keys[jwt.get_unverified_header(token)["kid"]]
    seen: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], issuer=issuer)
    return seen


class TestToken:
    @pytest.mark.requirement("C-11")
    def test_it_is_the_client_s_own_and_verifies_by_the_pool_s_keys(self, machine: Machine) -> None:
        answer = machine.ask({"scope": SYSTEM}, basic=machine.basic)
        seen, now = claims(machine, answer), time.time()
        assert (seen["sub"], seen["client_id"]) == (machine.client_id, machine.client_id)
        assert (seen["token_use"], seen["scope"], seen["version"]) == ("access", SYSTEM, 2)
        assert seen.keys() == {
            "sub", "token_use", "scope", "auth_time", "iss", "exp", "iat", "version", "jti", "client_id",
        }  # fmt: skip
        assert abs(seen["iat"] - now) < 30
        assert seen["exp"] - seen["iat"] == 20 * 60

    def test_the_answer_is_the_standard_s(self, machine: Machine) -> None:
        answer = machine.ask(basic=machine.basic)
        assert answer.json().keys() == {"access_token", "expires_in", "token_type"}
        assert (answer.json()["expires_in"], answer.json()["token_type"]) == (20 * 60, "Bearer")
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"

    def test_the_client_may_say_who_it_is_in_the_form(self, machine: Machine) -> None:
        answer = machine.ask({"client_id": machine.client_id, "client_secret": machine.secret})
        assert claims(machine, answer)["sub"] == machine.client_id

    def test_the_id_may_stand_in_both_places(self, machine: Machine) -> None:
        assert machine.ask({"client_id": machine.client_id}, basic=machine.basic).status_code == 200

    @pytest.mark.parametrize(
        ("asked", "granted"),
        [
            ({}, f"{SYSTEM} {REPORTS}"),
            ({"scope": ""}, f"{SYSTEM} {REPORTS}"),
            ({"scope": REPORTS}, REPORTS),
            ({"scope": f"{REPORTS} {SYSTEM} {REPORTS}"}, f"{REPORTS} {SYSTEM}"),
        ],
    )
    def test_scopes_are_those_that_are_asked_for_or_all(
        self, machine: Machine, asked: dict[str, str], granted: str
    ) -> None:
        assert claims(machine, machine.ask(asked, basic=machine.basic))["scope"] == granted

    def test_two_tokens_have_two_ids(self, machine: Machine) -> None:
        first, second = (claims(machine, machine.ask(basic=machine.basic))["jti"] for _ in range(2))
        assert first != second

    def test_without_a_word_on_it_a_token_lives_an_hour(self, account: LocalAccount, machine: Machine) -> None:
        basic = make_client(account, machine.pool, AccessTokenValidity=None, TokenValidityUnits=None)
        assert machine.ask(basic=basic).json()["expires_in"] == 3_600


class TestHost:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_the_emulator_s_own_asks_the_client_s_pool(self, machine: Machine, host: str) -> None:
        own = f"{host}:{httpx.URL(machine.url).port}"
        assert claims(machine, machine.ask(basic=machine.basic, host=own))["sub"] == machine.client_id

    def test_another_pool_s_domain_knows_nothing_of_the_client(self, account: LocalAccount, machine: Machine) -> None:
        other = make_machine(account, "other-auth")
        assert machine.ask(basic=machine.basic, host=other.host).json() == {"error": "invalid_client"}
        assert claims(other, other.ask(basic=other.basic))["sub"] == other.client_id

    def test_pool_without_a_domain_gives_none(self, account: LocalAccount) -> None:
        bare = make_machine(account, "")
        assert bare.ask(basic=bare.basic, host="127.0.0.1").json() == {"error": "invalid_client"}


class TestRefusals:
    def refused(self, answer: httpx.Response, code: str) -> None:
        assert (answer.status_code, answer.json()) == (400, {"error": code})
        assert answer.headers["Cache-Control"] == "no-store"

    def test_wrong_secret(self, machine: Machine) -> None:
        self.refused(machine.ask(basic=(machine.client_id, "x" * 36)), "invalid_client")
        self.refused(machine.ask({"client_id": machine.client_id, "client_secret": "x"}), "invalid_client")

    def test_no_secret(self, machine: Machine) -> None:
        self.refused(machine.ask({"client_id": machine.client_id}), "invalid_client")
        self.refused(machine.ask(basic=(machine.client_id, "")), "invalid_client")

    def test_unknown_client_and_none(self, machine: Machine) -> None:
        self.refused(machine.ask(basic=("nobody", machine.secret)), "invalid_client")
        self.refused(machine.ask(), "invalid_client")

    def test_another_client_in_the_form_than_in_the_header(self, machine: Machine) -> None:
        self.refused(machine.ask({"client_id": "nobody"}, basic=machine.basic), "invalid_client")

    def test_two_ways_at_once(self, machine: Machine) -> None:
        form = {"client_id": machine.client_id, "client_secret": machine.secret}
        self.refused(machine.ask(form, basic=machine.basic), "invalid_request")

    @pytest.mark.parametrize("header", ["Bearer abc", "Basic ???", "Basic"])
    def test_header_that_is_no_password(self, machine: Machine, header: str) -> None:
        form = {"grant_type": "client_credentials"}
        answer = httpx.post(machine.url, data=form, headers={"Authorization": header}, trust_env=False)
        self.refused(answer, "invalid_client")

    @pytest.mark.parametrize("scope", ["kept/other", f"{SYSTEM} kept/other", "openid", "KEPT/SYSTEM"])
    def test_scope_that_the_client_has_not(self, machine: Machine, scope: str) -> None:
        self.refused(machine.ask({"scope": scope}, basic=machine.basic), "invalid_scope")

    def test_client_without_a_scope(self, account: LocalAccount, machine: Machine) -> None:
        basic = make_client(account, machine.pool, AllowedOAuthScopes=[])
        self.refused(machine.ask(basic=basic), "invalid_scope")

    @pytest.mark.parametrize("grant", ["authorization_code", "refresh_token", "password"])
    def test_other_grants(self, machine: Machine, grant: str) -> None:
        self.refused(machine.ask({"grant_type": grant}, basic=machine.basic), "unsupported_grant_type")

    @pytest.mark.parametrize(
        "told",
        [
            {"AllowedOAuthFlows": ["code"]},
            {"AllowedOAuthFlowsUserPoolClient": False},
            {"AllowedOAuthFlows": ["code"], "GenerateSecret": False},
            {"GenerateSecret": False},
        ],
    )
    def test_client_that_may_not_sign_in_so(
        self, account: LocalAccount, machine: Machine, told: dict[str, Any]
    ) -> None:
        client_id, secret = make_client(account, machine.pool, **told)
        form = {"client_id": client_id} | ({"client_secret": secret} if secret else {})
        self.refused(machine.ask(form), "unauthorized_client")

    @pytest.mark.parametrize(
        "sent",
        [
            {"data": {"scope": SYSTEM}},
            {"data": {"grant_type": ""}},
            {"data": {"grant_type": ["client_credentials", "client_credentials"]}},
            {"json": {"grant_type": "client_credentials"}},
            {"data": {"grant_type": "client_credentials", "scope": [SYSTEM, REPORTS]}},
        ],
    )
    def test_what_is_no_request(self, machine: Machine, sent: dict[str, Any]) -> None:
        self.refused(httpx.post(machine.url, auth=machine.basic, trust_env=False, **sent), "invalid_request")


class TestBucketOfThatName:
    def test_its_object_is_still_its_own(self, account: LocalAccount) -> None:
        s3 = account.client("s3")
        s3.create_bucket(Bucket="oauth2")
        upload = s3.create_multipart_upload(Bucket="oauth2", Key="token")["UploadId"]
        part = s3.upload_part(Bucket="oauth2", Key="token", UploadId=upload, PartNumber=1, Body=b"mine")["ETag"]
        parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
        s3.complete_multipart_upload(Bucket="oauth2", Key="token", UploadId=upload, MultipartUpload=parts)
        assert s3.get_object(Bucket="oauth2", Key="token")["Body"].read() == b"mine"
