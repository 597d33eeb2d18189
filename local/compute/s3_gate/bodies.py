"""A request's body: taken in whole, proven to be what the headers say, and kept until the emulator has it."""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.compute.s3_gate.protocol import checksums
from local.compute.s3_gate.protocol.aws_chunked import STREAMING, ChunkedDecoder, incomplete_body
from local.compute.s3_gate.protocol.checksums import ALGORITHMS, DeclaredChecksum
from local.compute.s3_gate.protocol.received import ReceivedRequest
from local.compute.s3_gate.protocol.refusals import Refusal, invalid_argument, too_large
from local.compute.s3_gate.protocol.signatures import UNSIGNED_PAYLOAD, VerifiedSignature

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

# Larger bodies wait on disk, in a file without a name, which is gone however the process ends.
MEMORY_BYTES = 1024 * 1024
SLICE_BYTES = 256 * 1024
MAXIMUM_OBJECT_BYTES = 5 * 1024**3
# How much of a refused body is still read. A client that is in the middle of sending hears the refusal only when its bytes
# are taken; one that sends more than this has its connection closed instead.
DRAIN_BYTES = 64 * 1024 * 1024


class ClientGoneError(Exception):
    """The client closed its connection before its body was complete; nobody is there to be answered."""


class IncomingBody:
    """The encoded body as the server hands it on."""

    def __init__(self, receive: Receive, *, expects_continue: bool) -> None:
        self.complete = False
        self._receive = receive
        # Asking for the body of such a request would tell the client to send it.
        self._withheld = expects_continue

    async def chunks(self) -> AsyncIterator[bytes]:
        """The pieces as they arrive. Raises ClientGoneError when the client leaves before the end."""
        self._withheld = False
        while not self.complete:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            self.complete = not message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    async def drain(self) -> None:
        """Reads and forgets what is left, within reason, so that the client comes to read the answer."""
        if self._withheld or self.complete:
            return
        left = DRAIN_BYTES
        async for chunk in self.chunks():
            left -= len(chunk)
            if left < 0:
                return


class SpooledBody:
    """Decoded bytes, in memory while they are few. A context manager: leaving it forgets them."""

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
        """Adds bytes; raises EntityTooLarge beyond the 5 GiB that one request may store."""
        self.size += len(data)
        if self.size > MAXIMUM_OBJECT_BYTES:
            raise too_large(self.size, MAXIMUM_OBJECT_BYTES)
        for digest in self._digests.values():
            digest.update(data)
        self._file.write(data)

    def digest(self, algorithm: str) -> bytes:
        """The checksum of all bytes, for an algorithm named at the start."""
        return self._digests[algorithm].digest()

    async def slices(self) -> AsyncIterator[bytes]:
        """The bytes from the first to the last, as often as asked."""
        self._file.seek(0)
        while piece := self._file.read(SLICE_BYTES):
            yield piece
            # Between slices others get their turn, however fast the disk is.
            await asyncio.sleep(0)


def announced_size(request: ReceivedRequest, verified: VerifiedSignature) -> int | None:
    """The size of the decoded body by the headers; None when there is no body. Raises MissingContentLength, EntityTooLarge."""
    name = "x-amz-decoded-content-length" if verified.payload_hash in STREAMING else "content-length"
    text = request.header(name)
    if text is None:
        if request.header("transfer-encoding") is None and name == "content-length":
            return None
        raise Refusal(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    if not re.fullmatch(r"\d{1,18}", text):
        raise invalid_argument(f"{name} must be a number", name, text)
    if int(text) > MAXIMUM_OBJECT_BYTES:
        raise too_large(int(text), MAXIMUM_OBJECT_BYTES)
    return int(text)


async def take_body(
    request: ReceivedRequest, verified: VerifiedSignature, incoming: IncomingBody, body: SpooledBody
) -> DeclaredChecksum | None:
    """Reads the whole body and proves it: its size, its signed hash, its Content-MD5 and its checksum.

    Returns the checksum with the value that was proven. Raises the refusal of the first thing that is not as declared.
    """
    size = announced_size(request, verified)
    trailers: dict[str, str] = {}
    if verified.payload_hash in STREAMING:
        decoder = ChunkedDecoder(verified)
        async for encoded in incoming.chunks():
            for piece in decoder.decode(encoded):
                body.write(piece)
        decoder.finish()
        trailers = decoder.trailers
    else:
        async for piece in incoming.chunks():
            body.write(piece)
    if size is not None and size != body.size:
        raise incomplete_body()
    _require_payload_hash(verified.payload_hash, body)
    return prove_body(request, body, trailers)


def prove_body(
    request: ReceivedRequest, body: SpooledBody, trailers: Mapping[str, str] | None = None
) -> DeclaredChecksum | None:
    """Holds a complete body against the Content-MD5 and the checksum that a request, or its trailers, declare for it.

    Returns the checksum with the value that was proven. Raises InvalidDigest, BadDigest or InvalidRequest.
    """
    content_md5 = request.header("content-md5")
    if content_md5 is not None:
        checksums.require_content_md5(content_md5, body.digest("md5"))
    declared = checksums.declared_checksum(request)
    return _proven(declared, trailers or {}, body) if declared else None


def algorithms_needed(request: ReceivedRequest, payload_hash: str) -> set[str]:
    """What must be computed while the body passes to prove it."""
    declared = checksums.declared_checksum(request)
    needed = {declared.algorithm} if declared else set()
    if request.header("content-md5") is not None:
        needed.add("md5")
    if payload_hash not in STREAMING | {UNSIGNED_PAYLOAD}:
        needed.add("sha256")
    return needed


def require_payload_hash_form(payload_hash: str) -> None:
    """Raises S3's refusal of an x-amz-content-sha256 that is neither a hash nor one of its keywords."""
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
        raise Refusal(
            400,
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
            {"ClientComputedContentSHA256": payload_hash, "S3ComputedContentSHA256": computed},
        )


def _proven(declared: DeclaredChecksum, trailers: Mapping[str, str], body: SpooledBody) -> DeclaredChecksum:
    value = declared.value
    if value is None:
        value = trailers.get(declared.header)
        if value is None:
            raise Refusal(
                400,
                "MalformedTrailerError",
                "The request contained trailing data that was not well-formed or did not conform to our published schema.",
            )
        checksums.require_readable(declared.algorithm, value)
    checksums.require_equal(declared.algorithm, value, body.digest(declared.algorithm))
    return DeclaredChecksum(algorithm=declared.algorithm, value=value)
