"""Requests signed by their headers: credentials, time and body are verified."""

import base64
import hashlib
import hmac
import io
import zlib
from datetime import datetime, timedelta
from typing import Any

import botocore.auth
import pytest
from botocore.compat import get_current_datetime
from botocore.exceptions import ClientError
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum, Sha256Checksum

from local.compute.s3_gate.protocol.checksums import ALGORITHMS

CONTENT = b"0123456789abcdef" * 5000
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
FOREIGN, REST = "AWS4-HMAC-SHA256 Credential=AKIA/20261121", ", SignedHeaders=host, Signature=0"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


class TestAuthorizationHeader:
    def test_anonymous_request_is_rejected(self, gate: Any, bucket: str, http: Any, s3_error: Any) -> None:
        for method, path in (("GET", "/"), ("GET", f"/{bucket}"), ("PUT", f"/{bucket}/k"), ("DELETE", f"/{bucket}/k")):
            assert s3_error(http.request(method, gate.endpoint + path)) == (403, "AccessDenied")

    def test_error_response_to_head_has_no_body(self, gate: Any, bucket: str, http: Any) -> None:
        response = http.head(f"{gate.endpoint}/{bucket}/k")
        assert (response.status_code, response.content) == (403, b"")

    @pytest.mark.parametrize(
        ("credentials", "expected"),
        [
            ({"aws_access_key_id": "AKIANOBODY"}, "InvalidAccessKeyId"),
            ({"aws_secret_access_key": "guessed"}, "SignatureDoesNotMatch"),
            ({"aws_session_token": "FwoGZXIvYXdzEA"}, "InvalidToken"),
            ({"signature_version": "s3"}, "InvalidRequest"),
        ],
    )
    def test_wrong_credentials_are_rejected(self, credentials: Any, expected: str, gate: Any, bucket: str) -> None:
        with pytest.raises(ClientError) as caught:
            gate.client(**credentials).list_objects_v2(Bucket=bucket)
        assert code(caught) == expected

    def test_client_of_another_region_retries_in_this_one(self, gate: Any, bucket: str) -> None:
        """boto3 reads the region from the error response and retries there."""
        response = gate.client(region_name="eu-west-1").list_objects_v2(Bucket=bucket)
        assert response["KeyCount"] == 0

    @pytest.mark.parametrize("minutes", [-16, 16])
    def test_skewed_clock_is_rejected(
        self, minutes: int, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def shifted(*arguments: Any) -> datetime:
            return get_current_datetime(*arguments) + timedelta(minutes=minutes)

        monkeypatch.setattr(botocore.auth, "get_current_datetime", shifted)
        with pytest.raises(ClientError) as caught:
            s3.list_objects_v2(Bucket=bucket)
        assert code(caught) == "RequestTimeTooSkewed"

    @pytest.mark.parametrize(
        ("edit", "expected"),
        [
            ({"authorization": "Bearer abc"}, (400, "InvalidArgument")),
            ({"authorization": "AWS AKIA:abc"}, (400, "InvalidRequest")),
            ({"authorization": "AWS4-HMAC-SHA256 nonsense"}, (400, "AuthorizationHeaderMalformed")),
            ({"authorization": f"{FOREIGN}/eu-west-1/s3/aws4_request{REST}"}, (400, "AuthorizationHeaderMalformed")),
            ({"authorization": f"{FOREIGN}/us-east-1/sqs/aws4_request{REST}"}, (400, "AuthorizationHeaderMalformed")),
            ({"x_amz_date": "yesterday"}, (403, "AccessDenied")),
            ({"x_amz_date": "20200101T000000Z"}, (400, "AuthorizationHeaderMalformed")),
            ({"x_amz_content_sha256": "abc"}, (403, "SignatureDoesNotMatch")),
            ({"x_amz_acl": "public-read"}, (403, "AccessDenied")),
            ({"x_amz_meta_a": "2"}, (403, "SignatureDoesNotMatch")),
        ],
    )
    def test_changed_headers_are_rejected(
        self, *, edit: Any, expected: Any, put_signed: Any, s3_error: Any, bucket_is_empty: Any
    ) -> None:
        response = put_signed(CONTENT, {"x-amz-meta-a": "1"}, payload=digest(CONTENT), **edit)
        assert s3_error(response) == expected
        assert bucket_is_empty()

    def test_body_that_differs_from_its_hash_is_rejected(
        self, put_signed: Any, s3_error: Any, bucket_is_empty: Any
    ) -> None:
        response = put_signed(CONTENT + b"!", {}, payload=digest(CONTENT))
        assert s3_error(response) == (400, "XAmzContentSHA256Mismatch")
        assert bucket_is_empty()

    def test_malformed_payload_hash_is_rejected(self, put_signed: Any, s3_error: Any, bucket_is_empty: Any) -> None:
        assert s3_error(put_signed(CONTENT, {}, payload="some hash")) == (400, "InvalidArgument")
        assert bucket_is_empty()

    def test_body_without_length_is_rejected(self, put_signed: Any, s3_error: Any, bucket_is_empty: Any) -> None:
        response = put_signed(lambda *_: iter([CONTENT]), {}, payload="UNSIGNED-PAYLOAD")
        assert s3_error(response) == (411, "MissingContentLength")
        assert bucket_is_empty()


class TestDeclaredChecksum:
    @pytest.mark.requirement("A-08")
    @pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
    def test_right_checksum_is_stored_and_wrong_one_rejected(
        self, *, algorithm: str, put_signed: Any, s3_error: Any, s3: Any, bucket: str
    ) -> None:
        checksum = ALGORITHMS[algorithm]()
        checksum.update(CONTENT)
        header, value = f"x-amz-checksum-{algorithm}", base64.b64encode(checksum.digest()).decode()
        wrong = put_signed(CONTENT[::-1], {header: value}, payload="UNSIGNED-PAYLOAD", key="wrong")
        assert s3_error(wrong) == (400, "BadDigest")
        assert put_signed(CONTENT, {header: value}, payload="UNSIGNED-PAYLOAD").status_code == 200
        response = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert response["ResponseMetadata"]["HTTPHeaders"][header] == value
        assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]

    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ({"x-amz-checksum-sha256": "AAAA"}, (400, "InvalidRequest")),
            ({"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha1": "x"}, (400, "InvalidRequest")),
            ({"x-amz-sdk-checksum-algorithm": "SHA256"}, (400, "InvalidRequest")),
            ({"x-amz-sdk-checksum-algorithm": "SHA1", "x-amz-checksum-crc32": "AAAAAA=="}, (400, "InvalidRequest")),
            ({"x-amz-checksum-xxhash3": "AAAA"}, (501, "NotImplemented")),
            ({"x-amz-trailer": "x-amz-meta-late"}, (400, "InvalidRequest")),
            ({"content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, (400, "BadDigest")),
            ({"content-md5": "AAAA"}, (400, "InvalidDigest")),
            ({"if-none-match": '"d41d8cd98f00b204e9800998ecf8427e"'}, (501, "NotImplemented")),
        ],
    )
    def test_invalid_headers_are_rejected(
        self, *, headers: Any, expected: Any, put_signed: Any, s3_error: Any, bucket_is_empty: Any
    ) -> None:
        assert s3_error(put_signed(CONTENT, headers, payload="UNSIGNED-PAYLOAD")) == expected
        assert bucket_is_empty()

    def test_unsigned_content_md5_is_rejected(self, put_signed: Any, s3_error: Any) -> None:
        md5 = base64.b64encode(hashlib.md5(CONTENT, usedforsecurity=False).digest()).decode()
        assert put_signed(CONTENT, {"content-md5": md5}, payload="UNSIGNED-PAYLOAD").status_code == 200
        response = put_signed(CONTENT, {}, payload="UNSIGNED-PAYLOAD", content_md5=md5)
        assert s3_error(response) == (403, "AccessDenied")


class TestChunkedBody:
    def trailed(self, algorithm: str) -> dict[str, str]:
        return {
            "content-encoding": "aws-chunked",
            "x-amz-decoded-content-length": str(len(CONTENT)),
            "x-amz-trailer": f"x-amz-checksum-{algorithm}",
        }

    @pytest.mark.parametrize(("algorithm", "kind"), [("sha256", Sha256Checksum), ("crc32", Crc32Checksum)])
    def test_trailing_checksum_is_verified_and_stored(
        self, *, algorithm: str, kind: Any, put_signed: Any, s3: Any, bucket: str
    ) -> None:
        body = AwsChunkedWrapper(io.BytesIO(CONTENT), kind, f"x-amz-checksum-{algorithm}", chunk_size=9000).read()
        response = put_signed(body, self.trailed(algorithm), payload=UNSIGNED_TRAILER)
        assert response.status_code == 200, response.text
        stored = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert stored["Body"].read() == CONTENT
        assert stored[f"Checksum{algorithm.upper()}"] == response.headers[f"x-amz-checksum-{algorithm}"]
        assert "ContentEncoding" not in stored

    @pytest.mark.parametrize(
        ("edit", "expected"),
        [
            (lambda b: b.replace(b"0123", b"0124", 1), (400, "BadDigest")),
            (
                lambda b: b.replace(b"\r\nx-amz-checksum-crc32:", b"\r\nx-amz-checksum-crc32c:"),
                (400, "MalformedTrailerError"),
            ),
            (lambda b: b.replace(b"crc32:", b"crc32;"), (400, "MalformedTrailerError")),
            (lambda b: b[: len(b) // 2], (400, "IncompleteBody")),
            (lambda b: b.replace(b"2328\r\n", b"xyz\r\n", 1), (400, "IncompleteBody")),
            (lambda b: b.replace(b"2328\r\n", b"2327\r\n", 1), (400, "IncompleteBody")),
            (lambda b: b[b.index(b"\r\n") + 2 :], (400, "IncompleteBody")),
            (lambda b: b"f" * 5000 + b, (400, "IncompleteBody")),
            (lambda b: b + b"more\r\n", (400, "IncompleteBody")),
        ],
    )
    def test_damaged_body_is_rejected(
        self, *, edit: Any, expected: Any, put_signed: Any, s3_error: Any, bucket_is_empty: Any
    ) -> None:
        body = AwsChunkedWrapper(io.BytesIO(CONTENT), Crc32Checksum, "x-amz-checksum-crc32", chunk_size=9000).read()
        response = put_signed(edit(body), self.trailed("crc32"), payload=UNSIGNED_TRAILER)
        assert s3_error(response) == expected
        assert bucket_is_empty()

    def test_wrong_decoded_length_is_rejected(self, put_signed: Any, s3_error: Any, bucket_is_empty: Any) -> None:
        body = AwsChunkedWrapper(io.BytesIO(CONTENT[:-1]), Crc32Checksum, "x-amz-checksum-crc32").read()
        assert s3_error(put_signed(body, self.trailed("crc32"), payload=UNSIGNED_TRAILER)) == (400, "IncompleteBody")
        assert bucket_is_empty()

    def test_missing_decoded_length_is_rejected(self, put_signed: Any, s3_error: Any) -> None:
        headers = {"content-encoding": "aws-chunked"}
        assert s3_error(put_signed(b"0\r\n\r\n", headers, payload=UNSIGNED_TRAILER)) == (411, "MissingContentLength")

    def test_signed_chunks_are_stored(self, put_signed: Any, s3: Any, bucket: str, gate: Any) -> None:
        headers = {"content-encoding": "aws-chunked,gzip", "x-amz-decoded-content-length": str(len(CONTENT))}
        response = put_signed(lambda *seed: signed_chunks(gate, *seed), headers, payload=SIGNED)
        assert response.status_code == 200, response.text
        stored = s3.get_object(Bucket=bucket, Key="k")
        assert (stored["Body"].read(), stored["ContentEncoding"]) == (CONTENT, "gzip")

    @pytest.mark.parametrize("damage", [(b"0123", b"0124"), (b"chunk-signature=", b"chunk-signature=0")])
    def test_chunk_with_a_wrong_signature_is_rejected(
        self, *, damage: Any, put_signed: Any, s3_error: Any, gate: Any, bucket_is_empty: Any
    ) -> None:
        headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(CONTENT))}
        response = put_signed(
            lambda *seed: signed_chunks(gate, *seed).replace(damage[0], damage[1], 1), headers, payload=SIGNED
        )
        assert s3_error(response) == (403, "SignatureDoesNotMatch")
        assert bucket_is_empty()

    def test_missing_last_chunk_is_rejected(
        self, *, put_signed: Any, s3_error: Any, gate: Any, bucket_is_empty: Any
    ) -> None:
        headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(CONTENT))}
        response = put_signed(lambda *seed: signed_chunks(gate, *seed).rpartition(b"0;")[0], headers, payload=SIGNED)
        assert s3_error(response) == (400, "IncompleteBody")
        assert bucket_is_empty()

    @pytest.mark.parametrize("damaged", [False, True])
    def test_signature_of_the_trailer_is_verified(
        self, *, damaged: bool, put_signed: Any, s3_error: Any, gate: Any
    ) -> None:
        crc = base64.b64encode(zlib.crc32(CONTENT).to_bytes(4, "big")).decode()

        def body(authorization: str, timestamp: str) -> bytes:
            whole = signed_chunks(gate, authorization, timestamp, trailer=f"x-amz-checksum-crc32:{crc}\n")
            return whole.replace(b"x-amz-trailer-signature:", b"x-amz-trailer-signature:0") if damaged else whole

        response = put_signed(body, self.trailed("crc32"), payload=f"{SIGNED}-TRAILER")
        if damaged:
            assert s3_error(response) == (403, "SignatureDoesNotMatch")
        else:
            assert (response.status_code, response.headers["x-amz-checksum-crc32"]) == (200, crc)


def signed_chunks(gate: Any, authorization: str, timestamp: str, trailer: str = "") -> bytes:
    """Encode CONTENT as two signed chunks and an empty last one, without the gate's code."""
    key = f"AWS4{gate.secret_access_key}".encode()
    for part in (timestamp[:8], gate.region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    scope = f"{timestamp[:8]}/{gate.region}/s3/aws4_request"
    previous, body = authorization.rsplit("Signature=", 1)[1], b""
    for chunk in (CONTENT[:8192], CONTENT[8192:], b""):
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{timestamp}\n{scope}\n{previous}\n{digest(b'')}\n{digest(chunk)}"
        previous = hmac.new(key, text.encode(), "sha256").hexdigest()
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk + (b"\r\n" if chunk else b"")
    if trailer:
        text = f"AWS4-HMAC-SHA256-TRAILER\n{timestamp}\n{scope}\n{previous}\n{digest(trailer.encode())}"
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        body += f"{trailer.strip()}\r\nx-amz-trailer-signature:{signature}\r\n".encode()
    return body + b"\r\n"
