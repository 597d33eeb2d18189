"""Registration of distributions and of the resources that they refer to."""

import base64
import json
import secrets
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from local.account import LocalAccount
from local.compute.cloudfront.distribution_definition import normalise_path
from local.compute.cloudfront.distributions import Distributions
from local.compute.http.loopback_server import LoopbackServer
from local.errors import PortTakenError, RegistrationError
from local.provider.protocol import Registration

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
BEHAVIOR = {"targetOriginId": "b", "viewerProtocolPolicy": "https-only", "cachePolicyId": "cache"}
ORIGIN = {"originId": "b", "domainName": "films.s3.us-east-1.amazonaws.com", "originAccessControlId": "access"}
INPUTS = {"enabled": True, "origins": [ORIGIN], "defaultCacheBehavior": BEHAVIOR}


def registration(kind: str, id: str, **inputs: Any) -> Registration:  # noqa: A002
    return Registration(
        urn=f"urn:pulumi:test::test::aws:cloudfront/{kind}:{kind}::{id}",
        type=f"aws:cloudfront/{kind}:{kind}",
        name=id,
        id=id,
        inputs=inputs,
        outputs={"arn": f"arn:aws:cloudfront::123456789012:distribution/{id}", "domainName": f"{id}.cloudfront.net"},
    )


def add_resources(distributions: Distributions) -> Distributions:
    access = {"originAccessControlOriginType": "s3", "signingBehavior": "always"}
    distributions.add_origin_access_control(registration("originAccessControl", "access", **access))
    distributions.add_cache_policy(registration("cachePolicy", "cache", name="cache"))
    return distributions


@pytest.fixture
def distributions(account: LocalAccount) -> Iterator[Distributions]:
    running = add_resources(Distributions(account))
    yield running
    running.close()


def public(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, form).decode())


class TestServe:
    def test_outputs_have_the_loopback_address_and_no_aliases(self, distributions: Distributions) -> None:
        inputs = {**INPUTS, "aliases": ["media.example.com"]}
        outputs = distributions.serve(registration("distribution", "E1", **inputs))
        assert outputs["aliases"] == []
        assert outputs["defaultCacheBehavior"] == {**BEHAVIOR, "viewerProtocolPolicy": "allow-all"}
        with httpx.Client(trust_env=False) as client:
            assert client.get(f"http://{outputs['domainName']}/x").status_code == 403

    def test_disabled_distribution_returns_403(self, distributions: Distributions) -> None:
        outputs = distributions.serve(registration("distribution", "E1", **{**INPUTS, "enabled": False}))
        response = httpx.get(f"http://{outputs['domainName']}/x", trust_env=False)
        assert (response.status_code, "does not serve this host name" in response.text) == (403, True)

    def test_behavior_with_a_function_returns_403(self, distributions: Distributions) -> None:
        association = [{"eventType": "viewer-request", "functionArn": "arn:aws:cloudfront::1:function/f"}]
        inputs = {**INPUTS, "defaultCacheBehavior": {**BEHAVIOR, "functionAssociations": association}}
        outputs = distributions.serve(registration("distribution", "E1", **inputs))
        response = httpx.get(f"http://{outputs['domainName']}/x", trust_env=False)
        assert (response.status_code, "Functions are not supported" in response.text) == (403, True)

    def test_first_gets_the_port_and_second_a_free_one(self, account: LocalAccount) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        distributions = add_resources(Distributions(account, port=port))
        try:
            first, second = (
                distributions.serve(registration("distribution", name, **INPUTS))["domainName"] for name in ("E1", "E2")
            )
        finally:
            distributions.close()
        assert first == f"127.0.0.1:{port}"
        assert second.startswith("127.0.0.1:") and second != first

    def test_taken_port_raises_port_taken_error(self, account: LocalAccount) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            distributions = add_resources(Distributions(account, port=port))
            with pytest.raises(PortTakenError, match=f"port {port}: another program listens there"):
                distributions.serve(registration("distribution", "E1", **INPUTS))
            distributions.close()

    def test_port_is_free_after_close(self, account: LocalAccount) -> None:
        port = 0
        for _ in range(2):
            distributions = add_resources(Distributions(account, port=port))
            address = distributions.serve(registration("distribution", "E1", **INPUTS))["domainName"]
            with httpx.Client(trust_env=False) as client:
                assert client.get(f"http://{address}/x").status_code == 403
                distributions.close()
                distributions.close()
                with pytest.raises(httpx.ConnectError):
                    client.get(f"http://{address}/x")
            port = int(address.rpartition(":")[2])

    def test_port_of_a_server_that_never_started_is_free_after_close(self) -> None:
        server = LoopbackServer("unused", port=0)
        with socket.socket() as probe:
            with pytest.raises(OSError):
                probe.bind(("127.0.0.1", server.port))
            server.close()
            probe.bind(("127.0.0.1", server.port))

    def test_unreachable_emulator_returns_502(self, account: LocalAccount) -> None:
        away = LocalAccount(
            endpoint="http://127.0.0.1:1", s3_endpoint="http://127.0.0.1:1", region="us-east-1",
            access_key_id="a", secret_access_key="b",
        )  # fmt: skip
        distributions = add_resources(Distributions(away))
        try:
            address = distributions.serve(registration("distribution", "E1", **INPUTS))["domainName"]
            assert httpx.get(f"http://{address}/x", trust_env=False, timeout=60).status_code == 502
        finally:
            distributions.close()

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"origins": []}, "origins: exactly one"),
            ({"origins": [{**ORIGIN, "domainName": "example.com"}]}, "origins: only buckets"),
            ({"origins": [{**ORIGIN, "customOriginConfig": {"httpPort": 80}}]}, "origins: only buckets"),
            ({"origins": [{**ORIGIN, "originAccessControlId": None}]}, "originAccessControlId: required"),
            ({"originGroups": [{"originId": "g"}]}, "originGroups: not supported"),
            (
                {"defaultCacheBehavior": {**BEHAVIOR, "cachePolicyId": "other"}},
                "cachePolicyId: no resource .* as 'other'",
            ),
            (
                {"defaultCacheBehavior": {**BEHAVIOR, "trustedKeyGroups": ["g"]}},
                "trustedKeyGroups: no resource .* as 'g'",
            ),
            (
                {"defaultCacheBehavior": {**BEHAVIOR, "responseHeadersPolicyId": "other"}},
                "responseHeadersPolicyId: no resource .* as 'other'",
            ),
            (
                {"defaultCacheBehavior": {**BEHAVIOR, "allowedMethods": ["GET", "PUT"]}},
                "allowedMethods: only GET and HEAD",
            ),
            ({"defaultCacheBehavior": {**BEHAVIOR, "trustedSigners": ["self"]}}, "trustedSigners: not supported"),
            (
                {"orderedCacheBehaviors": [{**BEHAVIOR, "pathPattern": "/x", "lambdaFunctionAssociations": [{}]}]},
                "lambdaFunctionAssociations: not supported",
            ),
        ],
    )
    def test_unsupported_input_raises_registration_error(
        self, distributions: Distributions, changes: dict[str, Any], problem: str
    ) -> None:
        with pytest.raises(RegistrationError, match=problem):
            distributions.serve(registration("distribution", "E1", **{**INPUTS, **changes}))


class TestUngatedBucket:
    """Checks that the distribution makes itself: the bucket's endpoint has no gate and allows everything."""

    @pytest.fixture
    def address(self, distributions: Distributions, account: LocalAccount) -> str:
        s3, name = account.client("s3"), f"films-{secrets.token_hex(4)}"
        s3.create_bucket(Bucket=name)
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{name}/thumbnails/*",
        }
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Statement": [statement]}))
        for key in ("thumbnails/x", "quarantine/x"):
            s3.put_object(Bucket=name, Key=key, Body=key.encode())
        everything = {"queryStringsConfig": {"queryStringBehavior": "all"}}
        policy = {"parametersInCacheKeyAndForwardedToOrigin": everything}
        distributions.add_cache_policy(registration("cachePolicy", "queries", **policy))
        distributions.add_public_key(registration("publicKey", "K1", encodedKey=public(KEY)))
        distributions.add_key_group(registration("keyGroup", "G1", items=["K1"]))
        behavior = {**BEHAVIOR, "cachePolicyId": "queries", "trustedKeyGroups": ["G1"]}
        origin = {**ORIGIN, "domainName": f"{name}.s3.us-east-1.amazonaws.com"}
        inputs = {**INPUTS, "origins": [origin], "defaultCacheBehavior": behavior}
        return f"http://{distributions.serve(registration('distribution', 'E1', **inputs))['domainName']}"

    def signed(self, url: str, expires: int) -> str:
        policy = (
            f'{{"Statement":[{{"Resource":"{url}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}'
        )
        signature = base64.b64encode(KEY.sign(policy.encode(), padding.PKCS1v15(), hashes.SHA1())).decode()  # noqa: S303
        joined = "&" if "?" in url else "?"
        query = f"Expires={expires}&Signature={signature.translate(str.maketrans('+=/', '-_~'))}&Key-Pair-Id=K1"
        return f"{url}{joined}{query}"

    def get(self, url: str) -> httpx.Response:
        return httpx.get(url, trust_env=False, timeout=60)

    def test_signature_is_not_in_the_cache_key(self, address: str) -> None:
        responses = [self.get(self.signed(f"{address}/thumbnails/x?v=1", 4_000_000_000 + late)) for late in (0, 1)]
        assert [response.content for response in responses] == [b"thumbnails/x"] * 2
        assert [response.headers["x-cache"] for response in responses] == [
            "Miss from cloudfront",
            "Hit from cloudfront",
        ]
        other = self.get(self.signed(f"{address}/thumbnails/x?v=2", 4_000_000_000))
        assert other.headers["x-cache"] == "Miss from cloudfront"

    @pytest.mark.parametrize(
        "path",
        [
            "/quarantine/x",
            "/thumbnails/..%2Fquarantine/x",
            "/thumbnails/a%2F..%2F..%2Fquarantine/x",
            "/thumbnails/.%2Fx",
        ],
    )
    def test_encoded_dot_segments_are_forbidden(self, address: str, path: str) -> None:
        response = self.get(self.signed(address + path, 4_000_000_000))
        assert (response.status_code, "AccessDenied" in response.text) == (403, True)

    def test_path_that_is_not_utf8_is_forbidden(self, address: str) -> None:
        assert self.get(self.signed(f"{address}/thumbnails/%FF", 4_000_000_000)).status_code == 403


class TestReferencedResources:
    def test_key_that_is_not_rsa_or_not_pem_raises_registration_error(self, distributions: Distributions) -> None:
        curve = public(ec.generate_private_key(ec.SECP256R1()))
        for text, problem in ((curve, "only RSA keys"), ("x", "must be a public key in PEM")):
            with pytest.raises(RegistrationError, match=problem):
                distributions.add_public_key(registration("publicKey", "K1", encodedKey=text))

    def test_key_group_with_an_unknown_key_raises_registration_error(self, distributions: Distributions) -> None:
        distributions.add_public_key(registration("publicKey", "K1", encodedKey=public(KEY)))
        distributions.add_key_group(registration("keyGroup", "G1", items=["K1"]))
        with pytest.raises(RegistrationError, match="items: no public key is registered as K2"):
            distributions.add_key_group(registration("keyGroup", "G2", items=["K1", "K2"]))

    def test_access_control_that_does_not_always_sign_raises_registration_error(
        self, distributions: Distributions
    ) -> None:
        inputs = {"originAccessControlOriginType": "s3", "signingBehavior": "no-override"}
        with pytest.raises(RegistrationError, match="signingBehavior: must be always"):
            distributions.add_origin_access_control(registration("originAccessControl", "A2", **inputs))

    def test_cookies_in_the_cache_key_raise_registration_error(self, distributions: Distributions) -> None:
        parameters = {"cookiesConfig": {"cookieBehavior": "all"}}
        with pytest.raises(RegistrationError, match="cookiesConfig: not supported"):
            distributions.add_cache_policy(
                registration("cachePolicy", "c", parametersInCacheKeyAndForwardedToOrigin=parameters)
            )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("/a/b/", "/a/b/"),
        ("//a///b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/./b", "/a/b"),
        ("/%61/%2e%2e/b", "/b"),
        ("/a%2fb", "/a%2Fb"),
        ("/%7Ea", "/~a"),
        ("/../..", "/"),
    ],
)
def test_path_is_normalised(path: str, expected: str) -> None:
    assert normalise_path(path) == expected
