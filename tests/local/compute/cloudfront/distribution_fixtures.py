"""Fixtures: the component's distribution, in front of a bucket behind the object gate."""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pulumi
import pulumi_aws as aws
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from components import policies
from components.content_delivery import ContentDelivery, ContentDeliveryArgs
from components.naming import Naming
from local.account import LocalAccount
from local.compute.cloudfront.distributions import Distributions
from local.compute.s3_gate import ObjectGate
from local.engines.in_process import Deployment, deploy
from local.provider.protocol import Runner
from local.provider.provider import LocalProvider
from local.supervisor import Supervisor

BUCKET = "films-media-edge"
PAGE = "https://www.example.com"
IMMUTABLE = "public, max-age=31536000, immutable"


def runners(distributions: Distributions) -> dict[str, Runner]:
    return {
        "aws:cloudfront/originAccessControl:OriginAccessControl": distributions.add_origin_access_control,
        "aws:cloudfront/cachePolicy:CachePolicy": distributions.add_cache_policy,
        "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": distributions.add_response_headers_policy,
        "aws:cloudfront/publicKey:PublicKey": distributions.add_public_key,
        "aws:cloudfront/keyGroup:KeyGroup": distributions.add_key_group,
        "aws:cloudfront/distribution:Distribution": distributions.serve,
    }


def pem(key: rsa.RSAPrivateKey) -> str:
    public = key.public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


@dataclass(frozen=True, kw_only=True)
class Media:
    """A distribution, with clients for it and for its bucket, and its signing key."""

    deployment: Deployment
    account: LocalAccount
    key: rsa.RSAPrivateKey
    client: httpx.Client
    stored: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return str(self.deployment.outputs["url"])

    @property
    def key_id(self) -> str:
        return str(self.deployment.outputs["keys"]["first"])

    def store(self, prefix: str, body: bytes, *, content_type: str = "image/png", **options: Any) -> str:
        """Store an object under a new key and return its path."""
        key = f"{prefix}{secrets.token_hex(8)}"
        self.put(key, body, ContentType=content_type, **{"CacheControl": IMMUTABLE, **options})
        return f"/{key}"

    def put(self, key: str, body: bytes, **options: Any) -> None:
        self.account.client("s3").put_object(Bucket=BUCKET, Key=key.removeprefix("/"), Body=body, **options)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(
            self.url + path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    def invalidate(self, *paths: str) -> None:
        self.account.client("cloudfront").create_invalidation(
            DistributionId=self.deployment.outputs["id"],
            InvalidationBatch={
                "Paths": {"Quantity": len(paths), "Items": list(paths)},
                "CallerReference": secrets.token_hex(8),
            },
        )

    def sign(self, path: str, *, seconds: float = 300, key: rsa.RSAPrivateKey | None = None, key_id: str = "") -> str:
        """Return the path, signed with a canned policy."""
        expires = int(time.time() + seconds)
        policy = f'{{"Statement":[{{"Resource":"{self.url}{path}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}'
        return self._signed(path, f"Expires={expires}", policy.encode(), key or self.key, key_id or self.key_id)

    def sign_policy(self, path: str, policy: Any) -> str:
        """Return the path, signed with a custom policy."""
        text = json.dumps(policy).encode()
        return self._signed(path, f"Policy={encoded(text)}", text, self.key, self.key_id)

    @staticmethod
    def _signed(path: str, what: str, policy: bytes, key: rsa.RSAPrivateKey, key_id: str) -> str:
        signature = encoded(key.sign(policy, padding.PKCS1v15(), hashes.SHA1()))  # noqa: S303
        return f"{path}{'&' if '?' in path else '?'}{what}&Signature={signature}&Key-Pair-Id={key_id}"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode().translate(str.maketrans("+=/", "-_~"))


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory, emulator_endpoint: str) -> Iterator[LocalAccount]:
    """An account with an object gate, which rejects unsigned requests."""
    supervisor = Supervisor(tmp_path_factory.mktemp("gated"))
    access_key_id, secret_access_key = "ASIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30)
    pair: dict[str, Any] = {
        "access_key_id": access_key_id,
        "secret_access_key": secret_access_key,
        "region": "us-east-1",
    }
    endpoint = ObjectGate().start(supervisor, upstream=emulator_endpoint, **pair)
    yield LocalAccount(endpoint=emulator_endpoint, s3_endpoint=endpoint, **pair)
    supervisor.stop_all()


@pytest.fixture(scope="module")
def media(gated: LocalAccount) -> Iterator[Media]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    distributions = Distributions(gated)

    def program() -> None:
        delivery = ContentDelivery(
            "media",
            ContentDeliveryArgs(
                naming=Naming("films", "edge"),
                resource_name="media",
                bucket_arn=f"arn:aws:s3:::{BUCKET}",
                bucket_regional_domain_name=f"{BUCKET}.s3.us-east-1.amazonaws.com",
                public_prefixes=["thumbnails/", "subtitles/"],
                private_prefixes=["originals/"],
                signing_public_keys={"first": pem(key)},
                aliases=["media.example.com"],
                certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/one",
                cors_origins=[PAGE],
            ),
        )
        bucket = aws.s3.Bucket("bucket", bucket=BUCKET)
        # Common Deny statements, which do not apply to CloudFront: it signs with version 4 and uses HTTPS.
        conditions = {
            "Bool": {"aws:SecureTransport": "false"},
            "StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"},
        }
        denied = [
            policies.deny(f"Deny{number}", ["s3:*"], ["*"], principal="*", condition={operator: keys})
            for number, (operator, keys) in enumerate(conditions.items())
        ]
        statements = [*denied, *delivery.bucket_statements()]
        document = pulumi.Output.json_dumps(policies.document(*statements))
        aws.s3.BucketPolicy("policy", bucket=bucket.id, policy=document)
        pulumi.export("url", delivery.url)
        pulumi.export("domain", delivery.domain_name)
        pulumi.export("id", delivery.distribution_id)
        pulumi.export("keys", dict(delivery.public_key_ids))

    try:
        provider = LocalProvider(gated, runners(distributions))
        deployment = deploy(program, project="films", stack="edge", config={}, provider=provider)
        with httpx.Client(trust_env=False, timeout=60, headers={"accept-encoding": "identity"}) as client:
            yield Media(deployment=deployment, account=gated, key=key, client=client)
    finally:
        distributions.close()
