"""The token endpoint of the emulator, which moto itself lacks."""

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
    """A machine client, its pool, and the address of the token endpoint."""

    url: str
    pool: str
    host: str
    client_id: str
    secret: str

    @property
    def basic(self) -> tuple[str, str]:
        return self.client_id, self.secret

    def request_token(
        self, form: Mapping[str, Any] | None = None, *, basic: tuple[str, str] | None = None, host: str | None = None
    ) -> httpx.Response:
        headers = {"Host": self.host if host is None else host}
        data = {"grant_type": "client_credentials", **(form or {})}
        return httpx.post(self.url, data=data, auth=basic, headers=headers, trust_env=False)


def make_client(account: LocalAccount, pool: str, **changes: Any) -> tuple[str, str]:
    settings = {
        "UserPoolId": pool,
        "ClientName": "machine",
        "GenerateSecret": True,
        "AllowedOAuthFlowsUserPoolClient": True,
        "AllowedOAuthFlows": ["client_credentials"],
        "AllowedOAuthScopes": [SYSTEM, REPORTS],
        "AccessTokenValidity": 20,
        "TokenValidityUnits": {"AccessToken": "minutes"},
        **changes,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    client = account.client("cognito-idp").create_user_pool_client(**given)["UserPoolClient"]
    return client["ClientId"], client.get("ClientSecret", "")


def make_machine(account: LocalAccount, domain: str, **changes: Any) -> Machine:
    cognito = account.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="users")["UserPool"]["Id"]
    if domain:
        cognito.create_user_pool_domain(Domain=domain, UserPoolId=pool)
    client_id, secret = make_client(account, pool, **changes)
    host = f"{domain}.auth.us-east-1.amazoncognito.com"
    return Machine(url=account.endpoint + PATH, pool=pool, host=host, client_id=client_id, secret=secret)


@pytest.fixture(scope="module")
def machine(account: LocalAccount) -> Machine:
    return make_machine(account, "kept-auth")


def claims(machine: Machine, answer: httpx.Response) -> dict[str, Any]:
    """Return the claims of a token, verified with the pool's keys and issuer."""
    assert answer.status_code == 200, answer.text
    token, address = answer.json()["access_token"], machine.url.removesuffix(PATH)
    keys = jwt.PyJWKSet.from_dict(httpx.get(f"{address}/{machine.pool}/.well-known/jwks.json", trust_env=False).json())
    issuer = f"https://cognito-idp.us-east-1.amazonaws.com/{machine.pool}"
    key = keys[jwt.get_unverified_header(token)["kid"]]
    seen: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], issuer=issuer)
    return seen


class TestToken:
    @pytest.mark.requirement("C-11")
    def test_token_is_for_client_and_verifies_with_pool_keys(self, machine: Machine) -> None:
        answer = machine.request_token({"scope": SYSTEM}, basic=machine.basic)
        seen, now = claims(machine, answer), time.time()
        assert (seen["sub"], seen["client_id"]) == (machine.client_id, machine.client_id)
        assert (seen["token_use"], seen["scope"], seen["version"]) == ("access", SYSTEM, 2)
        assert seen.keys() == {
            "sub", "token_use", "scope", "auth_time", "iss", "exp", "iat", "version", "jti", "client_id",
        }  # fmt: skip
        assert abs(seen["iat"] - now) < 30
        assert seen["exp"] - seen["iat"] == 20 * 60

    def test_response_follows_rfc_6749(self, machine: Machine) -> None:
        answer = machine.request_token(basic=machine.basic)
        assert answer.json().keys() == {"access_token", "expires_in", "token_type"}
        assert (answer.json()["expires_in"], answer.json()["token_type"]) == (20 * 60, "Bearer")
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"

    def test_client_may_authenticate_in_form(self, machine: Machine) -> None:
        answer = machine.request_token({"client_id": machine.client_id, "client_secret": machine.secret})
        assert claims(machine, answer)["sub"] == machine.client_id

    def test_client_id_may_be_in_header_and_form(self, machine: Machine) -> None:
        assert machine.request_token({"client_id": machine.client_id}, basic=machine.basic).status_code == 200

    @pytest.mark.parametrize(
        ("form", "scopes"),
        [
            ({}, f"{SYSTEM} {REPORTS}"),
            ({"scope": ""}, f"{SYSTEM} {REPORTS}"),
            ({"scope": REPORTS}, REPORTS),
            ({"scope": f"{REPORTS} {SYSTEM} {REPORTS}"}, f"{REPORTS} {SYSTEM}"),
        ],
    )
    def test_scopes_are_requested_ones_or_all(self, machine: Machine, form: dict[str, str], scopes: str) -> None:
        assert claims(machine, machine.request_token(form, basic=machine.basic))["scope"] == scopes

    def test_tokens_have_unique_ids(self, machine: Machine) -> None:
        first, second = (claims(machine, machine.request_token(basic=machine.basic))["jti"] for _ in range(2))
        assert first != second

    def test_default_token_lifetime_is_an_hour(self, account: LocalAccount, machine: Machine) -> None:
        basic = make_client(account, machine.pool, AccessTokenValidity=None, TokenValidityUnits=None)
        assert machine.request_token(basic=basic).json()["expires_in"] == 3_600


class TestHost:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_emulator_host_uses_pool_of_client(self, machine: Machine, host: str) -> None:
        own = f"{host}:{httpx.URL(machine.url).port}"
        assert claims(machine, machine.request_token(basic=machine.basic, host=own))["sub"] == machine.client_id

    def test_domain_of_other_pool_rejects_client(self, account: LocalAccount, machine: Machine) -> None:
        other = make_machine(account, "other-auth")
        assert machine.request_token(basic=machine.basic, host=other.host).json() == {"error": "invalid_client"}
        assert claims(other, other.request_token(basic=other.basic))["sub"] == other.client_id

    def test_pool_without_domain_issues_no_tokens(self, account: LocalAccount) -> None:
        bare = make_machine(account, "")
        assert bare.request_token(basic=bare.basic, host="127.0.0.1").json() == {"error": "invalid_client"}


class TestRejections:
    def assert_error(self, answer: httpx.Response, code: str) -> None:
        assert (answer.status_code, answer.json()) == (400, {"error": code})
        assert answer.headers["Cache-Control"] == "no-store"

    def test_wrong_secret_is_rejected(self, machine: Machine) -> None:
        self.assert_error(machine.request_token(basic=(machine.client_id, "x" * 36)), "invalid_client")
        self.assert_error(
            machine.request_token({"client_id": machine.client_id, "client_secret": "x"}), "invalid_client"
        )

    def test_missing_secret_is_rejected(self, machine: Machine) -> None:
        self.assert_error(machine.request_token({"client_id": machine.client_id}), "invalid_client")
        self.assert_error(machine.request_token(basic=(machine.client_id, "")), "invalid_client")

    def test_unknown_and_missing_client_are_rejected(self, machine: Machine) -> None:
        self.assert_error(machine.request_token(basic=("nobody", machine.secret)), "invalid_client")
        self.assert_error(machine.request_token(), "invalid_client")

    def test_different_clients_in_header_and_form_are_rejected(self, machine: Machine) -> None:
        self.assert_error(machine.request_token({"client_id": "nobody"}, basic=machine.basic), "invalid_client")

    def test_two_authentication_methods_are_rejected(self, machine: Machine) -> None:
        form = {"client_id": machine.client_id, "client_secret": machine.secret}
        self.assert_error(machine.request_token(form, basic=machine.basic), "invalid_request")

    @pytest.mark.parametrize("header", ["Bearer abc", "Basic ???", "Basic"])
    def test_other_authorization_scheme_is_rejected(self, machine: Machine, header: str) -> None:
        form = {"grant_type": "client_credentials"}
        answer = httpx.post(machine.url, data=form, headers={"Authorization": header}, trust_env=False)
        self.assert_error(answer, "invalid_client")

    @pytest.mark.parametrize("scope", ["kept/other", f"{SYSTEM} kept/other", "openid", "KEPT/SYSTEM"])
    def test_scope_not_allowed_for_client_is_rejected(self, machine: Machine, scope: str) -> None:
        self.assert_error(machine.request_token({"scope": scope}, basic=machine.basic), "invalid_scope")

    def test_client_without_scope_is_rejected(self, account: LocalAccount, machine: Machine) -> None:
        basic = make_client(account, machine.pool, AllowedOAuthScopes=[])
        self.assert_error(machine.request_token(basic=basic), "invalid_scope")

    @pytest.mark.parametrize("grant", ["authorization_code", "refresh_token", "password"])
    def test_other_grant_types_are_rejected(self, machine: Machine, grant: str) -> None:
        self.assert_error(machine.request_token({"grant_type": grant}, basic=machine.basic), "unsupported_grant_type")

    @pytest.mark.parametrize(
        "changes",
        [
            {"AllowedOAuthFlows": ["code"]},
            {"AllowedOAuthFlowsUserPoolClient": False},
            {"AllowedOAuthFlows": ["code"], "GenerateSecret": False},
            {"GenerateSecret": False},
        ],
    )
    def test_client_without_flow_is_rejected(
        self, account: LocalAccount, machine: Machine, changes: dict[str, Any]
    ) -> None:
        client_id, secret = make_client(account, machine.pool, **changes)
        form = {"client_id": client_id} | ({"client_secret": secret} if secret else {})
        self.assert_error(machine.request_token(form), "unauthorized_client")

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
    def test_malformed_request_is_rejected(self, machine: Machine, sent: dict[str, Any]) -> None:
        self.assert_error(httpx.post(machine.url, auth=machine.basic, trust_env=False, **sent), "invalid_request")


class TestBucketNamedOauth2:
    def test_object_is_still_accessible(self, account: LocalAccount) -> None:
        s3 = account.client("s3")
        s3.create_bucket(Bucket="oauth2")
        upload = s3.create_multipart_upload(Bucket="oauth2", Key="token")["UploadId"]
        part = s3.upload_part(Bucket="oauth2", Key="token", UploadId=upload, PartNumber=1, Body=b"mine")["ETag"]
        parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
        s3.complete_multipart_upload(Bucket="oauth2", Key="token", UploadId=upload, MultipartUpload=parts)
        assert s3.get_object(Bucket="oauth2", Key="token")["Body"].read() == b"mine"
