"""Request bodies: read completely, verified against the headers, and spooled until the emulator has received them."""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from local.compute.http.asgi import Receive
from local.compute.s3_gate.protocol import checksums
from local.compute.s3_gate.protocol.aws_chunked import STREAMING, ChunkedDecoder, incomplete_body
from local.compute.s3_gate.protocol.checksums import ALGORITHMS, DeclaredChecksum
from local.compute.s3_gate.protocol.errors import S3Error, invalid_argument, too_large
from local.compute.s3_gate.protocol.request import S3Request
from local.compute.s3_gate.protocol.signatures import UNSIGNED_PAYLOAD, VerifiedSignature

# Larger bodies are spooled to an unnamed temporary file, which the system removes when the process ends.
MEMORY_BYTES = 1024 * 1024
CHUNK_BYTES = 256 * 1024
MAXIMUM_OBJECT_BYTES = 5 * 1024**3
# How much of a rejected body is still read. Most clients read the response only after they have sent their body; if the body is
# longer than this, the connection is closed instead.
DRAIN_BYTES = 64 * 1024 * 1024


class ClientDisconnectedError(Exception):
    """The client closed the connection before its body was complete."""


class IncomingBody:
    """The encoded body, as it arrives from the client."""

    def __init__(self, receive: Receive, *, expects_continue: bool) -> None:
        self.complete = False
        self._receive = receive
        # Receiving the body of such a request would send "100 Continue" to the client.
        self._awaits_continue = expects_continue

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives.

        Raises:
            ClientDisconnectedError: The client disconnected before the end.
        """
        self._awaits_continue = False
        while not self.complete:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnectedError
            self.complete = not message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    async def drain(self) -> None:
        """Read and discard the rest of the body, up to a limit, so that the client reads the response."""
        if self._awaits_continue or self.complete:
            return
        remaining = DRAIN_BYTES
        async for chunk in self.chunks():
            remaining -= len(chunk)
            if remaining < 0:
                return


class SpooledBody:
    """A decoded body, in memory or, if it is large, on disk. A context manager: on exit the body is discarded."""

    def __init__(self, directory: Path, algorithms: Iterable[str]) -> None:
        self.size = 0
        self._digests = {name: ALGORITHMS[name]() for name in algorithms}
        self._file = tempfile.SpooledTemporaryFile(MEMORY_BYTES, dir=str(directory))  # noqa: SIM115  # closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, data: bytes) -> None:
        """Add bytes.

        Raises:
            S3Error: The body is larger than the 5 GiB allowed for one request.
        """
        self.size += len(data)
        if self.size > MAXIMUM_OBJECT_BYTES:
            raise too_large(self.size, MAXIMUM_OBJECT_BYTES)
        for digest in self._digests.values():
            digest.update(data)
        self._file.write(data)

    def digest(self, algorithm: str) -> bytes:
        """Return the checksum of the body, for one of the algorithms given on construction."""
        return self._digests[algorithm].digest()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body from its beginning. May be called more than once."""
        self._file.seek(0)
        while chunk := self._file.read(CHUNK_BYTES):
            yield chunk
            # Reading the file does not suspend this coroutine, so other requests would have to wait.
            await asyncio.sleep(0)


def declared_size(request: S3Request, verified: VerifiedSignature) -> int | None:
    """Return the size of the decoded body by the headers, or None if there is no body.

    Raises:
        S3Error: The size is missing, malformed or too large.
    """
    name = "x-amz-decoded-content-length" if verified.payload_hash in STREAMING else "content-length"
    text = request.header(name)
    if text is None:
        if request.header("transfer-encoding") is None and name == "content-length":
            return None
        raise S3Error(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    if not re.fullmatch(r"\d{1,18}", text):
        raise invalid_argument(f"{name} must be a number", name, text)
    if int(text) > MAXIMUM_OBJECT_BYTES:
        raise too_large(int(text), MAXIMUM_OBJECT_BYTES)
    return int(text)


async def read_body(
    request: S3Request, verified: VerifiedSignature, incoming: IncomingBody, body: SpooledBody
) -> DeclaredChecksum | None:
    """Read the whole body into `body` and verify its size, its signed hash, its Content-MD5 and its checksum.

    Returns:
        The declared checksum with its verified value.

    Raises:
        S3Error: The body is not as declared.
        ClientDisconnectedError: The client disconnected before the end.
    """
    size = declared_size(request, verified)
    trailers: dict[str, str] = {}
    if verified.payload_hash in STREAMING:
        decoder = ChunkedDecoder(verified)
        async for encoded in incoming.chunks():
            for chunk in decoder.decode(encoded):
                body.write(chunk)
        decoder.finish()
        trailers = decoder.trailers
    else:
        async for chunk in incoming.chunks():
            body.write(chunk)
    if size is not None and size != body.size:
        raise incomplete_body()
    _require_payload_hash(verified.payload_hash, body)
    return verify_body(request, body, trailers)


def verify_body(
    request: S3Request, body: SpooledBody, trailers: Mapping[str, str] | None = None
) -> DeclaredChecksum | None:
    """Verify a complete body against the Content-MD5 and the checksum declared in the headers or trailers.

    Returns:
        The declared checksum with its verified value.

    Raises:
        S3Error: `InvalidDigest`, `BadDigest` or `InvalidRequest`.
    """
    content_md5 = request.header("content-md5")
    if content_md5 is not None:
        checksums.require_content_md5(content_md5, body.digest("md5"))
    declared = checksums.declared_checksum(request)
    return _verify_checksum(declared, trailers or {}, body) if declared else None


def required_algorithms(request: S3Request, payload_hash: str) -> set[str]:
    """Return the checksum algorithms that are required to verify the body."""
    declared = checksums.declared_checksum(request)
    required = {declared.algorithm} if declared else set()
    if request.header("content-md5") is not None:
        required.add("md5")
    if payload_hash not in STREAMING | {UNSIGNED_PAYLOAD}:
        required.add("sha256")
    return required


def require_valid_payload_hash(payload_hash: str) -> None:
    """Require an x-amz-content-sha256 that is a SHA-256 or one of S3's keywords.

    Raises:
        S3Error: It is neither.
    """
    if payload_hash not in STREAMING | {UNSIGNED_PAYLOAD} and not re.fullmatch("[0-9a-f]{64}", payload_hash):
        raise invalid_argument(
            f"x-amz-content-sha256 must be {UNSIGNED_PAYLOAD}, {', '.join(sorted(STREAMING))} or a valid sha256 value.",
            "x-amz-content-sha256",
            payload_hash,
        )


def _require_payload_hash(payload_hash: str, body: SpooledBody) -> None:
    if payload_hash in STREAMING | {UNSIGNED_PAYLOAD}:
        return
    if (computed := body.digest("sha256").hex()) != payload_hash:
        raise S3Error(
            400,
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
            {"ClientComputedContentSHA256": payload_hash, "S3ComputedContentSHA256": computed},
        )


def _verify_checksum(declared: DeclaredChecksum, trailers: Mapping[str, str], body: SpooledBody) -> DeclaredChecksum:
    value = declared.value
    if value is None:
        value = trailers.get(declared.header)
        if value is None:
            raise S3Error(
                400,
                "MalformedTrailerError",
                "The request contained trailing data that was not well-formed or did not conform to our published schema.",
            )
        checksums.require_well_formed(declared.algorithm, value)
    checksums.require_equal(declared.algorithm, value, body.digest(declared.algorithm))
    return DeclaredChecksum(algorithm=declared.algorithm, value=value)
