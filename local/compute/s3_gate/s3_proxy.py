"""The proxy: verifies a request, forwards it to the emulator, and corrects moto's deviations from S3."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote
from weakref import WeakValueDictionary

import httpx

from local.compute.s3_gate import bodies
from local.compute.s3_gate.bodies import IncomingBody, SpooledBody
from local.compute.s3_gate.form_upload import FormReader, authorize_form
from local.compute.s3_gate.protocol import checksums
from local.compute.s3_gate.protocol.authentication import authenticate
from local.compute.s3_gate.protocol.errors import S3Error, method_not_allowed, not_implemented, precondition_failed
from local.compute.s3_gate.protocol.request import S3Request
from local.compute.s3_gate.protocol.signatures import UNSIGNED_PAYLOAD, Keyring
from local.compute.s3_gate.upstream import Upstream, forwarded_headers

# Sends a response to the client: status, headers, body.
Reply = Callable[[int, Mapping[str, str], AsyncIterator[bytes]], Awaitable[None]]

# Response headers that are not forwarded: hop-by-hop headers, those of the emulator's server, and those set by the gate.
DROPPED_HEADERS = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "server", "date", "vary", "x-amzn-requestid"}
)
MULTIPART_ETAG = re.compile(r'"?[0-9a-f]{32}-(\d+)"?')


class S3Proxy:
    """Verifies requests and forwards them to the emulator."""

    def __init__(self, keyring: Keyring, upstream: Upstream, spool: Path) -> None:
        self._keyring, self._upstream, self._spool = keyring, upstream, spool
        self._write_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def forward_signed(self, request: S3Request, incoming: IncomingBody, reply: Reply) -> None:
        """Forward a request that is signed by its headers or its query.

        Raises:
            S3Error: The signature, the headers or the body are invalid.
            ClientDisconnectedError: The client disconnected before the end of its body.
        """
        verified = authenticate(request, self._keyring)
        bodies.require_valid_payload_hash(verified.payload_hash)
        if request.method == "POST" and request.bucket and not request.key and "delete" not in request.parameters:
            # Only forms are posted to a bucket, and they are signed by their policy. moto would fail.
            raise method_not_allowed(request.method)
        if request.is_object_write and request.header("if-none-match") not in {None, "*"}:
            raise not_implemented("If-None-Match")
        algorithms = bodies.required_algorithms(request, verified.payload_hash)
        with SpooledBody(self._spool, algorithms) as body:
            checksum = await bodies.read_body(request, verified, incoming, body)
            headers = forwarded_headers(request, checksum)
            async with self._write_lock(request):
                if request.is_copy:
                    await self._prepare_copy(request, headers, verified.scope.access_key_id)
                async with self._upstream.send(
                    request.method,
                    request.canonical_path,
                    query=request.query_without_signature,
                    headers=headers,
                    body=body if body.size or request.method in {"PUT", "POST"} else None,
                    access_key_id=verified.scope.access_key_id,
                ) as response:
                    await reply(response.status_code, _response_headers(response), response.aiter_raw())

    async def forward_form(self, request: S3Request, incoming: IncomingBody, reply: Reply) -> None:
        """Forward a browser upload as a PUT request.

        Raises:
            S3Error: The form is malformed, or its policy does not allow it.
            ClientDisconnectedError: The client disconnected before the end of the form.
        """
        reader = FormReader(request, incoming)
        upload = authorize_form(request, await reader.read_fields(), reader.file_name, self._keyring)
        algorithms = bodies.required_algorithms(upload.as_put, UNSIGNED_PAYLOAD)
        with SpooledBody(self._spool, algorithms) as body:
            size, maximum = 0, upload.policy.maximum_length
            async for chunk in reader.read_file():
                size += len(chunk)
                if maximum is None or size <= maximum:
                    body.write(chunk)
            # The form is complete only with its last boundary.
            await incoming.drain()
            upload.policy.require_length(size)
            checksum = bodies.verify_body(upload.as_put, body)
            async with (
                self._write_lock(upload.as_put),
                self._upstream.send(
                    "PUT",
                    upload.as_put.canonical_path,
                    headers=forwarded_headers(upload.as_put, checksum),
                    body=body,
                ) as response,
            ):
                if response.status_code != 200:
                    await reply(response.status_code, _response_headers(response), response.aiter_raw())
                    return
                stored = {name: value for name, value in response.headers.items() if name.startswith("x-amz-")}
                status, headers, document = upload.response(
                    host=request.header("host") or "", etag=response.headers["etag"]
                )
                await reply(status, stored | headers, _once(document))

    @asynccontextmanager
    async def _write_lock(self, request: S3Request) -> AsyncIterator[None]:
        # moto checks conditions and writes in two steps, so two concurrent conditional writes could both succeed.
        if not request.is_object_write:
            yield
            return
        lock = self._write_locks.setdefault(request.canonical_path, asyncio.Lock())
        async with lock:
            yield

    async def _prepare_copy(self, request: S3Request, headers: dict[str, str], access_key_id: str) -> None:
        """Do what moto's CopyObject lacks: check conditions on the target, and request a checksum of the whole new object."""
        if request.header("if-none-match") or request.header("if-match"):
            await self._require_target(request, access_key_id)
        path, _, query = (request.header("x-amz-copy-source") or "").lstrip("/").partition("?")
        source = S3Request(method="HEAD", raw_path=f"/{path}", raw_query=query, headers=())
        source.require_addressable()
        if not source.key:
            raise S3Error(
                400,
                "InvalidArgument",
                "Invalid copy source object key",
                {"ArgumentName": "x-amz-copy-source", "ArgumentValue": unquote(path)},
            )
        async with self._upstream.send(
            "HEAD",
            source.canonical_path,
            query=query,
            headers={"x-amz-checksum-mode": "ENABLED"},
            access_key_id=access_key_id,
        ) as response:
            algorithm = _checksum_algorithm(response)
            if (
                MULTIPART_ETAG.fullmatch(response.headers.get("etag", ""))
                and algorithm in checksums.EMULATOR_ALGORITHMS
            ):
                # moto would copy the composite checksum of the source to an object that has no parts.
                headers.setdefault("x-amz-checksum-algorithm", algorithm.upper())

    async def _require_target(self, request: S3Request, access_key_id: str) -> None:
        async with self._upstream.send(
            "HEAD", request.canonical_path, headers={}, access_key_id=access_key_id
        ) as response:
            exists, etag = response.status_code == 200, response.headers.get("etag", "").strip('"')
        if request.header("if-none-match") and exists:
            raise precondition_failed("If-None-Match")
        expected = request.header("if-match")
        if expected and not exists:
            raise S3Error(404, "NoSuchKey", "The specified key does not exist.", {"Key": request.key})
        if expected and expected.strip('"') != etag:
            raise precondition_failed("If-Match")


def _response_headers(response: httpx.Response) -> dict[str, str]:
    headers = {
        name: value
        for name, value in response.headers.items()
        if name not in DROPPED_HEADERS and not name.startswith("access-control-")
    }
    parts, algorithm = MULTIPART_ETAG.fullmatch(headers.get("etag", "")), _checksum_algorithm(response)
    if parts and algorithm in {"sha1", "sha256"} and "-" not in headers[checksums.PREFIX + algorithm]:
        # For multipart uploads these checksums are composite. S3 marks them as such, moto does not do so on HEAD.
        headers[checksums.PREFIX + algorithm] += f"-{parts[1]}"
        headers["x-amz-checksum-type"] = "COMPOSITE"
    return headers


def _checksum_algorithm(response: httpx.Response) -> str:
    names = [str(name) for name in response.headers if name not in checksums.NOT_CHECKSUMS]
    return next((name.removeprefix(checksums.PREFIX) for name in names if name.startswith(checksums.PREFIX)), "")


async def _once(document: bytes) -> AsyncIterator[bytes]:
    yield document
