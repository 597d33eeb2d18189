"""Signatures from the examples in AWS's documentation, and check values from the catalogue of CRCs."""

import base64

import pytest

from local.compute.s3_gate.protocol.aws_chunked import STREAMING_SIGNED, ChunkedDecoder
from local.compute.s3_gate.protocol.checksums import ALGORITHMS
from local.compute.s3_gate.protocol.errors import S3Error
from local.compute.s3_gate.protocol.request import S3Request
from local.compute.s3_gate.protocol.signatures import UNSIGNED_PAYLOAD, CredentialScope, Keyring, VerifiedSignature

ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
KEYRING = Keyring({ACCESS_KEY_ID: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}, "us-east-1")
SCOPE = CredentialScope(access_key_id=ACCESS_KEY_ID, date="20130524", region="us-east-1")
TIMESTAMP = "20130524T000000Z"
EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
POLICY = "\r\n".join(
    [
        '{ "expiration": "2015-12-30T12:00:00.000Z",',
        '  "conditions": [',
        '    {"bucket": "sigv4examplebucket"},',
        '    ["starts-with", "$key", "user/user1/"],',
        '    {"acl": "public-read"},',
        '    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},',
        '    ["starts-with", "$Content-Type", "image/"],',
        '    {"x-amz-meta-uuid": "14365123651274"},',
        '    {"x-amz-server-side-encryption": "AES256"},',
        '    ["starts-with", "$x-amz-meta-tag", ""],',
        "",
        '    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},',
        '    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},',
        '    {"x-amz-date": "20151229T000000Z" }',
        "  ]",
        "}",
    ]
)


def test_signature_of_a_range_request() -> None:
    headers = (
        ("host", "examplebucket.s3.amazonaws.com"),
        ("range", "bytes=0-9"),
        ("x-amz-content-sha256", EMPTY_HASH),
        ("x-amz-date", TIMESTAMP),
    )
    verified = KEYRING.verify_request(
        S3Request(method="GET", raw_path="/test.txt", raw_query="", headers=headers),
        SCOPE,
        timestamp=TIMESTAMP,
        signed_headers="host;range;x-amz-content-sha256;x-amz-date",
        signature="f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        parameters=(),
    )
    assert verified.payload_hash == EMPTY_HASH


def test_signature_of_a_presigned_url() -> None:
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    )
    headers = (("host", "examplebucket.s3.amazonaws.com"),)
    request = S3Request(method="GET", raw_path="/test.txt", raw_query=query, headers=headers)
    verified = KEYRING.verify_request(
        request,
        SCOPE,
        timestamp=TIMESTAMP,
        signed_headers="host",
        signature="aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        parameters=request.query,
    )
    assert verified.payload_hash == UNSIGNED_PAYLOAD


def test_signature_of_a_policy() -> None:
    encoded = base64.b64encode(POLICY.encode()).decode()
    credential = f"{ACCESS_KEY_ID}/20151229/us-east-1/s3/aws4_request"
    signature = "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
    KEYRING.verify_policy(encoded, credential, signature)
    with pytest.raises(S3Error) as caught:
        KEYRING.verify_policy(encoded, credential, signature[::-1])
    assert caught.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("piece_size", [1, 7, 65536, 100_000])
def test_signatures_of_chunks(piece_size: int) -> None:
    signatures = {
        b"a" * 65536: "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        b"a" * 1024: "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        b"": "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    }
    body = b"".join(b"%x;chunk-signature=%s\r\n%s\r\n" % (len(c), s.encode(), c) for c, s in signatures.items())
    verified = VerifiedSignature(
        scope=SCOPE,
        timestamp=TIMESTAMP,
        signature="4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        payload_hash=STREAMING_SIGNED,
        signer=KEYRING.signer(ACCESS_KEY_ID),
    )
    decoder = ChunkedDecoder(verified)
    pieces = (body[start : start + piece_size] for start in range(0, len(body), piece_size))
    assert b"".join(part for piece in pieces for part in decoder.decode(piece)) == b"a" * 66560
    decoder.finish()


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("crc32", "cbf43926"),
        ("crc32c", "e3069283"),
        ("crc64nvme", "ae8b14860a799888"),
        ("sha256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
    ],
)
def test_check_values_of_checksums(algorithm: str, expected: str) -> None:
    checksum = ALGORITHMS[algorithm]()
    checksum.update(b"12345")
    checksum.update(b"6789")
    assert checksum.digest().hex() == expected
