"""The checksums that S3 knows, computed over the real bytes."""

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from local.compute.s3_gate.protocol.received import ReceivedRequest
from local.compute.s3_gate.protocol.refusals import Refusal, invalid_request, not_implemented

PREFIX = "x-amz-checksum-"
# Headers of the same prefix that carry no checksum.
NOT_CHECKSUMS = frozenset({"x-amz-checksum-mode", "x-amz-checksum-algorithm", "x-amz-checksum-type"})


class Digest(Protocol):
    """What hashlib's objects have in common with the cyclic checksums below."""

    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class CyclicChecksum:
    """A reflected CRC that starts from and ends with all bits inverted. For the two that neither zlib nor botocore
    computes without its native extension: about 10 MB/s, which is enough for a machine's own uploads.
    """

    def __init__(self, polynomial: int, size: int) -> None:
        self._size, self._mask = size, (1 << 8 * size) - 1
        self._table = _table(polynomial)
        self._value = self._mask

    def update(self, data: bytes, /) -> None:
        """Takes further bytes in."""
        value, table = self._value, self._table
        for byte in data:
            value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
        self._value = value

    def digest(self) -> bytes:
        """The checksum so far, big-endian."""
        return (self._value ^ self._mask).to_bytes(self._size, "big")


class ZlibChecksum:
    """CRC-32 as zlib computes it."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Takes further bytes in."""
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        """The checksum so far, big-endian."""
        return self._value.to_bytes(4, "big")


ALGORITHMS: dict[str, Callable[[], Digest]] = {
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "crc32": ZlibChecksum,
    "crc32c": lambda: CyclicChecksum(0x82F63B78, 4),
    "crc64nvme": lambda: CyclicChecksum(0x9A6C9329AC4BC9B5, 8),
}
# Those whose values moto itself computes right (for copies and multipart uploads); of the others it stores a CRC-32.
EMULATOR_COMPUTES = frozenset({"sha1", "sha256", "crc32"})


@dataclass(frozen=True, kw_only=True)
class DeclaredChecksum:
    """A checksum that the client says its body has; `value` is None when it follows behind the body."""

    algorithm: str
    value: str | None

    @property
    def header(self) -> str:
        """The header, or trailer, that carries it."""
        return PREFIX + self.algorithm


def declared_checksum(request: ReceivedRequest) -> DeclaredChecksum | None:
    """The one checksum that a request declares for its body. Raises S3's refusals for several, unknown or unreadable ones."""
    if request.method == "POST" and "uploadId" in request.parameters:
        # On completion of a multipart upload the header speaks of the object, not of the list of parts in the body.
        return None
    found = {name: value for name, value in request.headers if name.startswith(PREFIX) and name not in NOT_CHECKSUMS}
    trailer = (request.header("x-amz-trailer") or "").strip().lower()
    if trailer and not trailer.startswith(PREFIX):
        raise invalid_request("The value specified in the x-amz-trailer header is not supported")
    if len(found) + bool(trailer) > 1:
        raise invalid_request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    named = (request.header("x-amz-sdk-checksum-algorithm") or "").lower()
    if not found and not trailer:
        if named:
            raise invalid_request(
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
                "headers were found."
            )
        return None
    header, value = next(iter(found.items())) if found else (trailer, None)
    algorithm = header.removeprefix(PREFIX)
    require_known(algorithm)
    if named and named != algorithm:
        raise invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.")
    if value is not None:
        require_readable(algorithm, value)
    return DeclaredChecksum(algorithm=algorithm, value=value)


def require_known(algorithm: str) -> None:
    """Raises a refusal of an algorithm that is not computed here (XXHash), rather than trust its value."""
    if algorithm not in ALGORITHMS:
        raise not_implemented(PREFIX + algorithm)


def require_readable(algorithm: str, value: str) -> None:
    """Raises S3's refusal of a value that cannot be a checksum of this algorithm."""
    if _decoded(value) is None or len(_decoded(value) or b"") != len(ALGORITHMS[algorithm]().digest()):
        raise invalid_request(f"Value for {PREFIX}{algorithm} header is invalid.")


def require_equal(algorithm: str, declared: str, digest: bytes) -> None:
    """Raises BadDigest when the bytes have another checksum than declared."""
    if _decoded(declared) != digest:
        raise Refusal(400, "BadDigest", f"The {algorithm.upper()} you specified did not match the calculated checksum.")


def require_content_md5(declared: str, digest: bytes) -> None:
    """Raises BadDigest when the bytes have another MD5 than the Content-MD5 header says, InvalidDigest when it says none."""
    decoded = _decoded(declared)
    if decoded is None or len(decoded) != 16:
        raise Refusal(400, "InvalidDigest", "The Content-MD5 you specified was invalid.", {"Content-MD5": declared})
    if decoded != digest:
        raise Refusal(
            400,
            "BadDigest",
            "The Content-MD5 you specified did not match what we received.",
            {"ExpectedDigest": declared, "CalculatedDigest": base64.b64encode(digest).decode()},
        )


def _decoded(value: str) -> bytes | None:
    if not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", value):
        return None
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        return None


_TABLES: dict[int, tuple[int, ...]] = {}


def _table(polynomial: int) -> tuple[int, ...]:
    if polynomial not in _TABLES:
        entries = []
        for index in range(256):
            value = index
            for _ in range(8):
                value = value >> 1 ^ (polynomial if value & 1 else 0)
            entries.append(value)
        _TABLES[polynomial] = tuple(entries)
    return _TABLES[polynomial]
