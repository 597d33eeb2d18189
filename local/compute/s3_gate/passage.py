"""How a request passes the gate: proven first, then sent on to the emulator, and what moto answers wrongly set right."""

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
from local.compute.s3_gate.protocol.received import ReceivedRequest
from local.compute.s3_gate.protocol.refusals import Refusal, method_not_allowed, not_implemented, precondition_failed
from local.compute.s3_gate.protocol.signatures import UNSIGNED_PAYLOAD, Keyring
from local.compute.s3_gate.upstream import Upstream, forwarded_headers

# Gives an answer to the client: status, headers, body.
Reply = Callable[[int, Mapping[str, str], AsyncIterator[bytes]], Awaitable[None]]

# What describes a connection, or the server that the emulator runs in, or is the gate's own to say.
NOT_RELAYED = frozenset({"connection", "keep-alive", "transfer-encoding", "server", "date", "vary", "x-amzn-requestid"})
MULTIPART_ETAG = re.compile(r'"?[0-9a-f]{32}-(\d+)"?')


class Passage:
    """Everything between a request and the emulator."""

    def __init__(self, keyring: Keyring, upstream: Upstream, spool: Path) -> None:
        self._keyring, self._upstream, self._spool = keyring, upstream, spool
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def pass_signed(self, request: ReceivedRequest, incoming: IncomingBody, reply: Reply) -> None:
        """A request that its headers or its query sign."""
        verified = authenticate(request, self._keyring)
        bodies.require_payload_hash_form(verified.payload_hash)
        if request.method == "POST" and request.bucket and not request.key and "delete" not in request.parameters:
            # A POST to a bucket is a form, which nothing but its policy can sign; moto fails on anything else.
            raise method_not_allowed(request.method)
        if request.is_object_write and request.header("if-none-match") not in {None, "*"}:
            raise not_implemented("If-None-Match")
        algorithms = bodies.algorithms_needed(request, verified.payload_hash)
        with SpooledBody(self._spool, algorithms) as body:
            proven = await bodies.take_body(request, verified, incoming, body)
            headers = forwarded_headers(request, proven)
            async with self._turn(request):
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
                    await reply(response.status_code, _relayed(response), response.aiter_raw())

    async def pass_form(self, request: ReceivedRequest, incoming: IncomingBody, reply: Reply) -> None:
        """A browser's upload, which the policy in its form signs."""
        reader = FormReader(request, incoming)
        upload = authorize_form(request, await reader.read_fields(), reader.file_name, self._keyring)
        algorithms = bodies.algorithms_needed(upload.as_put, UNSIGNED_PAYLOAD)
        with SpooledBody(self._spool, algorithms) as body:
            size, maximum = 0, upload.policy.maximum_length
            async for piece in reader.read_file():
                size += len(piece)
                if maximum is None or size <= maximum:
                    body.write(piece)
            # A client that leaves within the last boundary has not sent its form.
            await incoming.drain()
            upload.policy.require_length(size)
            proven = bodies.prove_body(upload.as_put, body)
            async with (
                self._turn(upload.as_put),
                self._upstream.send(
                    "PUT",
                    upload.as_put.canonical_path,
                    headers=forwarded_headers(upload.as_put, proven),
                    body=body,
                ) as response,
            ):
                if response.status_code != 200:
                    await reply(response.status_code, _relayed(response), response.aiter_raw())
                    return
                stored = {name: value for name, value in response.headers.items() if name.startswith("x-amz-")}
                status, headers, document = upload.answer(
                    host=request.header("host") or "", etag=response.headers["etag"]
                )
                await reply(status, stored | headers, _once(document))

    @asynccontextmanager
    async def _turn(self, request: ReceivedRequest) -> AsyncIterator[None]:
        # moto looks whether a key is taken and then takes it, so two conditional writes could both succeed. In S3 one does.
        if not request.is_object_write:
            yield
            return
        turn = self._turns.setdefault(request.canonical_path, asyncio.Lock())
        async with turn:
            yield

    async def _prepare_copy(self, request: ReceivedRequest, headers: dict[str, str], access_key_id: str) -> None:
        """What CopyObject does in S3 and not in moto: conditions on the target, a checksum of the whole new object."""
        if request.header("if-none-match") or request.header("if-match"):
            await self._require_target(request, access_key_id)
        path, _, query = (request.header("x-amz-copy-source") or "").lstrip("/").partition("?")
        source = ReceivedRequest(method="HEAD", raw_path=f"/{path}", raw_query=query, headers=())
        source.require_addressable()
        if not source.key:
            raise Refusal(
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
            if MULTIPART_ETAG.fullmatch(response.headers.get("etag", "")) and algorithm in checksums.EMULATOR_COMPUTES:
                # moto would copy the checksum of the parts' checksums to an object that has no parts.
                headers.setdefault("x-amz-checksum-algorithm", algorithm.upper())

    async def _require_target(self, request: ReceivedRequest, access_key_id: str) -> None:
        async with self._upstream.send(
            "HEAD", request.canonical_path, headers={}, access_key_id=access_key_id
        ) as response:
            exists, etag = response.status_code == 200, response.headers.get("etag", "").strip('"')
        if request.header("if-none-match") and exists:
            raise precondition_failed("If-None-Match")
        expected = request.header("if-match")
        if expected and not exists:
            raise Refusal(404, "NoSuchKey", "The specified key does not exist.", {"Key": request.key})
        if expected and expected.strip('"') != etag:
            raise precondition_failed("If-Match")


def _relayed(response: httpx.Response) -> dict[str, str]:
    headers = {
        name: value
        for name, value in response.headers.items()
        if name not in NOT_RELAYED and not name.startswith("access-control-")
    }
    parts, algorithm = MULTIPART_ETAG.fullmatch(headers.get("etag", "")), _checksum_algorithm(response)
    if parts and algorithm in {"sha1", "sha256"} and "-" not in headers[checksums.PREFIX + algorithm]:
        # Of a multipart upload these exist only as checksums of the parts' checksums. S3 marks them so, moto not on HEAD.
        headers[checksums.PREFIX + algorithm] += f"-{parts[1]}"
        headers["x-amz-checksum-type"] = "COMPOSITE"
    return headers


def _checksum_algorithm(response: httpx.Response) -> str:
    names = [str(name) for name in response.headers if name not in checksums.NOT_CHECKSUMS]
    return next((name.removeprefix(checksums.PREFIX) for name in names if name.startswith(checksums.PREFIX)), "")


async def _once(document: bytes) -> AsyncIterator[bytes]:
    yield document
