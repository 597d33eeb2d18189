"""The aws-chunked encoding: chunks, optionally signed, followed by trailers such as checksums."""

import hashlib
import hmac
from collections.abc import Iterator

from local.compute.s3_gate.protocol.errors import S3Error, signature_mismatch
from local.compute.s3_gate.protocol.signatures import VerifiedSignature

STREAMING_UNSIGNED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
STREAMING_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
STREAMING = frozenset({STREAMING_UNSIGNED, STREAMING_SIGNED, STREAMING_SIGNED_TRAILER})
EMPTY_HASH = hashlib.sha256().hexdigest()
# A chunk header line contains a length and a signature; a trailer line contains a checksum or a signature.
MAXIMUM_LINE_BYTES = 1024


class ChunkedDecoder:
    """A streaming decoder. `trailers` are complete when `finish` has returned.

    Only the current line is buffered. The signature of a chunk is verified at its end, after its bytes have been returned: a
    caller must not use any bytes before `finish` has returned.
    """

    def __init__(self, verified: VerifiedSignature) -> None:
        self.trailers: dict[str, str] = {}
        self._verified = verified
        self._signed = verified.payload_hash != STREAMING_UNSIGNED
        self._trailer_signed = verified.payload_hash == STREAMING_SIGNED_TRAILER
        self._previous = verified.signature
        self._line = bytearray()
        self._chunk_left = 0
        self._chunk_hash = hashlib.sha256()
        self._chunk_signature = ""
        # The kind of the next line: "chunk" (a chunk header), "chunk_end", "trailer" or "done".
        self._expects = "chunk"

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Decode further bytes and yield those of the body.

        Raises:
            S3Error: The encoding or a signature is invalid.
        """
        position = 0
        while position < len(data):
            if self._chunk_left:
                piece = data[position : position + self._chunk_left]
                position += len(piece)
                self._chunk_left -= len(piece)
                if self._signed:
                    self._chunk_hash.update(piece)
                yield piece
                continue
            end = data.find(b"\n", position)
            self._line += data[position : end + 1 if end >= 0 else len(data)]
            if len(self._line) > MAXIMUM_LINE_BYTES:
                raise incomplete_body()
            if end < 0:
                return
            position = end + 1
            line = bytes(self._line).rstrip(b"\r\n")
            self._line.clear()
            self._take_line(line)

    def finish(self) -> None:
        """Require that the body is complete.

        Raises:
            S3Error: The body ended before its last chunk.
        """
        if self._expects == "trailer" and not self._line and not self._trailer_signed:
            # Some clients omit the empty line after the last chunk; the body is complete.
            return
        if self._expects != "done":
            raise incomplete_body()

    def _take_line(self, line: bytes) -> None:
        if self._expects == "chunk_end":
            if line:
                raise incomplete_body()
            self._end_chunk()
            self._expects = "chunk"
        elif self._expects == "chunk":
            self._begin_chunk(line)
        elif self._expects == "trailer":
            self._take_trailer(line)
        else:
            raise incomplete_body()

    def _begin_chunk(self, line: bytes) -> None:
        length, _, extension = line.decode("latin-1").partition(";")
        try:
            self._chunk_left = int(length, 16)
        except ValueError:
            raise incomplete_body() from None
        self._chunk_hash = hashlib.sha256()
        self._chunk_signature = extension.strip().removeprefix("chunk-signature=")
        if self._chunk_left:
            self._expects = "chunk_end"
        else:
            self._end_chunk()
            self._expects = "trailer"

    def _end_chunk(self) -> None:
        if not self._signed:
            return
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{self._context}\n{EMPTY_HASH}\n{self._chunk_hash.hexdigest()}"
        self._require_signature(text, self._chunk_signature)

    def _take_trailer(self, line: bytes) -> None:
        if line:
            name, separator, value = line.decode("latin-1").partition(":")
            if not separator:
                raise S3Error(
                    400,
                    "MalformedTrailerError",
                    "The request contained trailing data that was not well-formed or did not conform to our published schema.",
                )
            self.trailers[name.strip().lower()] = value.strip()
            return
        if self._trailer_signed:
            signature = self.trailers.pop("x-amz-trailer-signature", "")
            canonical = "".join(f"{name}:{value}\n" for name, value in sorted(self.trailers.items()))
            text = f"AWS4-HMAC-SHA256-TRAILER\n{self._context}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
            self._require_signature(text, signature)
        self._expects = "done"

    @property
    def _context(self) -> str:
        return f"{self._verified.timestamp}\n{self._verified.scope.text}\n{self._previous}"

    def _require_signature(self, text: str, provided: str) -> None:
        expected = self._verified.signer.sign(text, self._verified.timestamp)
        if not hmac.compare_digest(expected.encode(), provided.encode()):
            raise signature_mismatch(self._verified.scope.access_key_id, text, provided)
        self._previous = expected


def incomplete_body() -> S3Error:
    """Create a 400 error: the body is incomplete, or not in the encoding that the headers declare."""
    return S3Error(400, "IncompleteBody", "The request body terminated unexpectedly")
