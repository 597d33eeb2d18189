"""The checksum algorithms of S3."""

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from local.compute.s3_gate.protocol.errors import S3Error, invalid_request, not_implemented
from local.compute.s3_gate.protocol.request import S3Request

PREFIX = "x-amz-checksum-"
# Headers with the same prefix that are not checksums.
NOT_CHECKSUMS = frozenset({"x-amz-checksum-mode", "x-amz-checksum-algorithm", "x-amz-checksum-type"})


class Digest(Protocol):
    """The interface of hashlib's objects and of the CRC classes below."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""
        ...

    def digest(self) -> bytes:
        """Return the checksum of all bytes so far, big-endian."""
        ...


class Crc:
    """A reflected CRC whose initial value and final XOR have all bits set.

    It is for the two algorithms that neither zlib nor botocore (without its native extension) provides. About 10 MB/s.
    """

    def __init__(self, polynomial: int, size: int) -> None:
        self._size, self._mask = size, (1 << 8 * size) - 1
        self._table = _table(polynomial)
        self._value = self._mask

    def update(self, data: bytes, /) -> None:
        """Add bytes."""
        value, table = self._value, self._table
        for byte in data:
            value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
        self._value = value

    def digest(self) -> bytes:
        """Return the checksum of all bytes so far, big-endian."""
        return (self._value ^ self._mask).to_bytes(self._size, "big")


class Crc32:
    """CRC-32 as zlib computes it."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Add bytes."""
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        """Return the checksum of all bytes so far, big-endian."""
        return self._value.to_bytes(4, "big")


ALGORITHMS: dict[str, Callable[[], Digest]] = {
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "crc32": Crc32,
    "crc32c": lambda: Crc(0x82F63B78, 4),
    "crc64nvme": lambda: Crc(0x9A6C9329AC4BC9B5, 8),
}
# The algorithms that moto computes correctly (for copies and multipart uploads); for the others it stores a CRC-32.
EMULATOR_ALGORITHMS = frozenset({"sha1", "sha256", "crc32"})


@dataclass(frozen=True, kw_only=True)
class DeclaredChecksum:
    """A checksum that the client declares for its body. `value` is None if it is sent as a trailer."""

    algorithm: str
    value: str | None

    @property
    def header(self) -> str:
        """The name of its header or trailer."""
        return PREFIX + self.algorithm


def declared_checksum(request: S3Request) -> DeclaredChecksum | None:
    """Return the checksum that a request declares for its body.

    Raises:
        S3Error: There are several checksums, or the algorithm or the value is invalid.
    """
    if request.method == "POST" and "uploadId" in request.parameters:
        # On completion of a multipart upload the checksum is that of the object, not of the list of parts in the body.
        return None
    found = {name: value for name, value in request.headers if name.startswith(PREFIX) and name not in NOT_CHECKSUMS}
    trailer = (request.header("x-amz-trailer") or "").strip().lower()
    if trailer and not trailer.startswith(PREFIX):
        raise invalid_request("The value specified in the x-amz-trailer header is not supported")
    if len(found) + bool(trailer) > 1:
        raise invalid_request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    declared_algorithm = (request.header("x-amz-sdk-checksum-algorithm") or "").lower()
    if not found and not trailer:
        if declared_algorithm:
            raise invalid_request(
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
                "headers were found."
            )
        return None
    header, value = next(iter(found.items())) if found else (trailer, None)
    algorithm = header.removeprefix(PREFIX)
    require_supported(algorithm)
    if declared_algorithm and declared_algorithm != algorithm:
        raise invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.")
    if value is not None:
        require_well_formed(algorithm, value)
    return DeclaredChecksum(algorithm=algorithm, value=value)


def require_supported(algorithm: str) -> None:
    """Require a supported algorithm. XXHash is not supported.

    Raises:
        S3Error: The algorithm is not implemented.
    """
    if algorithm not in ALGORITHMS:
        raise not_implemented(PREFIX + algorithm)


def require_well_formed(algorithm: str, value: str) -> None:
    """Require a value with the form of a checksum of this algorithm.

    Raises:
        S3Error: The value is not Base64, or has another length.
    """
    if _decoded(value) is None or len(_decoded(value) or b"") != len(ALGORITHMS[algorithm]().digest()):
        raise invalid_request(f"Value for {PREFIX}{algorithm} header is invalid.")


def require_equal(algorithm: str, declared: str, digest: bytes) -> None:
    """Require the declared checksum.

    Raises:
        S3Error: `BadDigest`.
    """
    if _decoded(declared) != digest:
        raise S3Error(400, "BadDigest", f"The {algorithm.upper()} you specified did not match the calculated checksum.")


def require_content_md5(declared: str, digest: bytes) -> None:
    """Require the declared MD5.

    Raises:
        S3Error: `BadDigest`, or `InvalidDigest` if the declared value is malformed.
    """
    decoded = _decoded(declared)
    if decoded is None or len(decoded) != 16:
        raise S3Error(400, "InvalidDigest", "The Content-MD5 you specified was invalid.", {"Content-MD5": declared})
    if decoded != digest:
        raise S3Error(
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
