"""The emulator behind the gate. Every request to it is signed anew, in the caller's name, for the emulator's own address."""

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
from local.compute.s3_gate.protocol.checksums import EMULATOR_COMPUTES, DeclaredChecksum
from local.compute.s3_gate.protocol.received import ReceivedRequest
from local.compute.s3_gate.protocol.refusals import Refusal
from local.compute.s3_gate.protocol.signatures import Keyring

# The emulator may invoke what a notification reaches before it answers.
TIMEOUT_SECONDS = 120
# The gate has proven the body; it need not be hashed again.
UNSIGNED_BODY = Config(s3={"payload_signing_enabled": False})
NOT_FORWARDED = frozenset(
    {
        "host",
        "content-length",
        # Of one connection, not of the request.
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
        # Of the signature and the encoding, which end here.
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
    """A moto server."""

    def __init__(self, address: str, keyring: Keyring, access_key_id: str) -> None:
        self._address = address.rstrip("/")
        self._keyring, self._access_key_id = keyring, access_key_id
        # The emulator is on this machine: no proxy of the environment may stand between.
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
        """Ends its connections."""
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
        """Sends a request and gives the answer, its body still unread. `path` and `query` are percent-encoded already.

        Raises ServiceUnavailable when the emulator does not answer.
        """
        sent = dict(headers)
        if body is not None:
            sent["content-length"] = str(body.size)
        target = f"{path}?{query}" if query else path
        sent = self._signed(method, f"{self._address}{target}", sent, access_key_id or self._access_key_id)
        request = httpx.Request(
            method,
            self._address,
            headers=[(name.encode(), value.encode()) for name, value in sent.items()],
            content=body.slices() if body is not None and body.size else None,
            # httpx would normalise the path, and keys are what they are.
            extensions={"target": target.encode(), "timeout": self._client.timeout.as_dict()},
        )
        try:
            response = await self._client.send(request, stream=True)
        except httpx.TransportError as error:
            raise Refusal(503, "ServiceUnavailable", "Service is unable to handle request.") from error
        try:
            yield response
        finally:
            await response.aclose()

    async def cors_rules(self, bucket: str) -> list[Mapping[str, Any]]:
        """The bucket's CORS rules in their order; none when it has none, or is not there."""
        try:
            answer = await asyncio.to_thread(self._s3.get_bucket_cors, Bucket=bucket)
        except ClientError:
            return []
        return list(answer["CORSRules"])

    def _signed(self, method: str, url: str, headers: Mapping[str, str], access_key_id: str) -> dict[str, str]:
        request = AWSRequest(method=method, url=url, headers=dict(headers))
        request.context["client_config"] = UNSIGNED_BODY
        self._keyring.upstream_signer(access_key_id).add_auth(request)
        return dict(request.headers.items())


def forwarded_headers(request: ReceivedRequest, proven: DeclaredChecksum | None) -> dict[str, str]:
    """What the emulator gets of a request's headers: all that says what to do, and of the checksum what was proven."""
    headers: dict[str, str] = {}
    for name, _ in request.headers:
        if name not in NOT_FORWARDED and name not in headers:
            headers[name] = header_safe(request.header(name) or "")
    encodings = [
        e.strip() for e in headers.pop("content-encoding", "").split(",") if e.strip() not in ("", "aws-chunked")
    ]
    if encodings:
        headers["content-encoding"] = ",".join(encodings)
    algorithm = headers.get("x-amz-checksum-algorithm")
    if algorithm is not None and algorithm.lower() not in EMULATOR_COMPUTES:
        # moto would compute a CRC-32 and store it under the other name. No checksum is better than a wrong one.
        del headers["x-amz-checksum-algorithm"]
    return headers | checksum_headers(proven)


def checksum_headers(proven: DeclaredChecksum | None) -> dict[str, str]:
    """What makes moto store a checksum and answer it later: the value alone would be forgotten."""
    if proven is None or proven.value is None:
        return {}
    return {"x-amz-sdk-checksum-algorithm": proven.algorithm.upper(), proven.header: proven.value}


def header_safe(value: str) -> str:
    """A header value in ASCII: what is not becomes an encoded word of RFC 2047, as S3 itself answers such metadata."""
    return value if value.isascii() else Header(value, "utf-8").encode(maxlinelen=0)
