"""The emulator behind the gate. Requests to it are signed again, with the caller's access key, for the emulator's address."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.header import Header
from typing import Any

import boto3
import httpx
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.compute.s3_gate.bodies import SpooledBody
from local.compute.s3_gate.protocol.checksums import EMULATOR_ALGORITHMS, DeclaredChecksum
from local.compute.s3_gate.protocol.errors import S3Error
from local.compute.s3_gate.protocol.request import S3Request
from local.compute.s3_gate.protocol.signatures import Keyring

# Long, because the emulator may deliver notifications before it responds.
TIMEOUT_SECONDS = 120
# The gate has verified the body, so it need not be hashed again.
UNSIGNED_BODY = Config(s3={"payload_signing_enabled": False})
NOT_FORWARDED = frozenset(
    {
        "host",
        "content-length",
        # Hop-by-hop headers.
        "connection",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "expect",
        "accept-encoding",
        # Headers of the signature and the encoding, which the gate replaces.
        "authorization",
        "date",
        "x-amz-date",
        "x-amz-content-sha256",
        "x-amz-decoded-content-length",
        "x-amz-trailer",
        "x-amz-sdk-checksum-algorithm",
    }
)


class Upstream:
    """A client of the moto server."""

    def __init__(self, address: str, keyring: Keyring, access_key_id: str) -> None:
        self._address = address.rstrip("/")
        self._keyring, self._access_key_id = keyring, access_key_id
        # Without proxy settings of the environment: the emulator is on this machine.
        self._client = httpx.AsyncClient(
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        )
        self._s3 = boto3.Session().client(
            "s3",
            region_name=keyring.region,
            endpoint_url=self._address,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=keyring.secret(access_key_id),
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, proxies={}),
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    @asynccontextmanager
    async def send(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Mapping[str, str],
        body: SpooledBody | None = None,
        access_key_id: str | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """Send a request and yield the response, with its body unread.

        Args:
            method: The method.
            path: The path, percent-encoded.
            query: The query, percent-encoded.
            headers: The headers.
            body: The body, if there is one.
            access_key_id: The access key to sign with; by default that of the constructor.

        Raises:
            S3Error: `ServiceUnavailable`: the emulator does not respond.
        """
        all_headers = dict(headers)
        if body is not None:
            all_headers["content-length"] = str(body.size)
        target = f"{path}?{query}" if query else path
        key = access_key_id or self._access_key_id
        all_headers = self._sign(method, f"{self._address}{target}", all_headers, key)
        request = httpx.Request(
            method,
            self._address,
            headers=[(name.encode(), value.encode()) for name, value in all_headers.items()],
            content=body.chunks() if body is not None and body.size else None,
            # The exact path: httpx would normalise it, which could change the key.
            extensions={"target": target.encode(), "timeout": self._client.timeout.as_dict()},
        )
        try:
            response = await self._client.send(request, stream=True)
        except httpx.TransportError as error:
            raise S3Error(503, "ServiceUnavailable", "Service is unable to handle request.") from error
        try:
            yield response
        finally:
            await response.aclose()

    async def cors_rules(self, bucket: str) -> list[Mapping[str, Any]]:
        """Return the CORS rules of a bucket; empty if there are none, or if the bucket does not exist."""
        try:
            response = await asyncio.to_thread(self._s3.get_bucket_cors, Bucket=bucket)
        except ClientError:
            return []
        return list(response["CORSRules"])

    def _sign(self, method: str, url: str, headers: Mapping[str, str], access_key_id: str) -> dict[str, str]:
        request = AWSRequest(method=method, url=url, headers=dict(headers))
        request.context["client_config"] = UNSIGNED_BODY
        self._keyring.upstream_signer(access_key_id).add_auth(request)
        return dict(request.headers.items())


def forwarded_headers(request: S3Request, checksum: DeclaredChecksum | None) -> dict[str, str]:
    """Return the headers for the emulator: those of the request that are forwarded, and the verified checksum."""
    headers: dict[str, str] = {}
    for name, _ in request.headers:
        if name not in NOT_FORWARDED and name not in headers:
            headers[name] = encode_header(request.header(name) or "")
    encodings = [
        e.strip() for e in headers.pop("content-encoding", "").split(",") if e.strip() not in ("", "aws-chunked")
    ]
    if encodings:
        headers["content-encoding"] = ",".join(encodings)
    algorithm = headers.get("x-amz-checksum-algorithm")
    if algorithm is not None and algorithm.lower() not in EMULATOR_ALGORITHMS:
        # moto would compute a CRC-32 and store it under the name of the other algorithm.
        del headers["x-amz-checksum-algorithm"]
    return headers | checksum_headers(checksum)


def checksum_headers(checksum: DeclaredChecksum | None) -> dict[str, str]:
    """Return the headers that make moto store a checksum; it would ignore the value without the algorithm."""
    if checksum is None or checksum.value is None:
        return {}
    return {"x-amz-sdk-checksum-algorithm": checksum.algorithm.upper(), checksum.header: checksum.value}


def encode_header(value: str) -> str:
    """Return a header value in ASCII; other text becomes an encoded word (RFC 2047), as in S3's responses."""
    return value if value.isascii() else Header(value, "utf-8").encode(maxlinelen=0)
