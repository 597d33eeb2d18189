"""Presigned URLs: method, path, time and every signed header are verified."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import botocore.auth
import pytest
from botocore.compat import get_current_datetime

PHOTO = b"\xff\xd8\xff\xe0 a photograph, almost"


OTHER = PHOTO[::-1]


@dataclass
class Attempt:
    """An upload request that a test may change before it is sent."""

    url: str
    headers: dict[str, str]
    method: str = "PUT"
    content: bytes = PHOTO

    def replace(self, old: str, new: str) -> None:
        assert old in self.url
        self.url = self.url.replace(old, new)

    def send_other_bytes(self, checksum: str) -> None:
        self.content, self.headers["x-amz-checksum-sha256"] = OTHER, checksum


MISMATCH, DENIED = (403, "SignatureDoesNotMatch"), (403, "AccessDenied")
CHANGED_REQUESTS: dict[str, Any] = {
    "wrong type": (MISMATCH, lambda a, _: a.headers.update({"content-type": "text/html"})),
    "wrong size": (MISMATCH, lambda a, _: setattr(a, "content", PHOTO + b"!")),
    "wrong bytes": ((400, "BadDigest"), lambda a, _: setattr(a, "content", OTHER)),
    "wrong bytes and hash": (MISMATCH, lambda a, sha256: a.send_other_bytes(sha256(OTHER))),
    "other key": (MISMATCH, lambda a, _: a.replace("uploads/one", "uploads/two")),
    "other bucket": (MISMATCH, lambda a, _: a.replace("/gate-", "/other-gate-")),
    "edited expiry": (MISMATCH, lambda a, _: a.replace("X-Amz-Expires=900", "X-Amz-Expires=604800")),
    "other verb": (MISMATCH, lambda a, _: setattr(a, "method", "DELETE")),
    "no checksum header": (MISMATCH, lambda a, _: a.headers.pop("x-amz-checksum-sha256")),
    "no type header": (MISMATCH, lambda a, _: a.headers.pop("content-type")),
    "no if-none-match header": (MISMATCH, lambda a, _: a.headers.pop("if-none-match")),
    "further metadata": (DENIED, lambda a, _: a.headers.update({"x-amz-meta-role": "admin"})),
    "turned into a copy": (DENIED, lambda a, _: a.headers.update({"x-amz-copy-source": "gate-1/secret"})),
    "signature cut": (MISMATCH, lambda a, _: setattr(a, "url", a.url[:-1])),
    "subresource added": (MISMATCH, lambda a, _: setattr(a, "url", a.url + "&acl=")),
}


@pytest.fixture
def upload(s3: Any, bucket: str, sha256: Any) -> tuple[str, dict[str, str]]:
    """A URL that signs length, type, checksum and If-None-Match, and the headers to send with it."""
    url = s3.generate_presigned_url(
        "put_object",
        Params={
            "Bucket": bucket,
            "Key": "uploads/one",
            "ContentLength": len(PHOTO),
            "ContentType": "image/jpeg",
            "ChecksumSHA256": sha256(PHOTO),
            "IfNoneMatch": "*",
        },
        ExpiresIn=900,
    )
    assert "content-length%3Bcontent-type%3Bhost%3Bif-none-match%3Bx-amz-checksum-sha256" in url
    return url, {"content-type": "image/jpeg", "x-amz-checksum-sha256": sha256(PHOTO), "if-none-match": "*"}


class TestPutWithPresignedUrl:
    @pytest.mark.requirement("A-08", "NOVA-05")
    def test_valid_upload_is_stored_with_its_checksum(
        self, s3: Any, bucket: str, upload: Any, http: Any, sha256: Any
    ) -> None:
        url, headers = upload
        response = http.put(url, content=PHOTO, headers=headers)
        assert response.status_code == 200
        assert response.headers["x-amz-checksum-sha256"] == sha256(PHOTO)
        head = s3.head_object(Bucket=bucket, Key="uploads/one", ChecksumMode="ENABLED")
        assert head["ChecksumSHA256"] == sha256(PHOTO)
        assert (head["ContentType"], head["ContentLength"]) == ("image/jpeg", len(PHOTO))

    @pytest.mark.requirement("A-08", "LX-63")
    @pytest.mark.parametrize(("expected", "edit"), CHANGED_REQUESTS.values(), ids=CHANGED_REQUESTS.keys())
    def test_changed_request_is_rejected(
        self, *, edit: Any, expected: Any, upload: Any, http: Any, s3_error: Any, sha256: Any, bucket_is_empty: Any
    ) -> None:
        attempt = Attempt(url=upload[0], headers=upload[1])
        edit(attempt, sha256)
        response = http.request(attempt.method, attempt.url, content=attempt.content, headers=attempt.headers)
        assert s3_error(response) == expected
        assert bucket_is_empty()

    def test_second_use_fails_the_precondition(
        self, s3: Any, bucket: str, upload: Any, http: Any, s3_error: Any
    ) -> None:
        url, headers = upload
        first = http.put(url, content=PHOTO, headers=headers)
        second = http.put(url, content=PHOTO, headers=headers)
        assert first.status_code == 200
        assert (second.status_code, re.findall("<Code>(.+)</Code>", second.text)) == (412, ["PreconditionFailed"])

    @pytest.mark.requirement("NOVA-43")
    def test_expired_url_is_rejected(
        self, *, s3: Any, bucket: str, http: Any, s3_error: Any, bucket_is_empty: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = signed_at(s3, bucket, monkeypatch, -timedelta(minutes=20), lifetime=900)
        response = http.put(url, content=PHOTO)
        assert s3_error(response) == (403, "AccessDenied")
        assert "<Message>Request has expired</Message><X-Amz-Expires>900</X-Amz-Expires>" in response.text
        assert bucket_is_empty()

    def test_url_just_before_its_expiry_is_accepted(
        self, s3: Any, bucket: str, http: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = signed_at(s3, bucket, monkeypatch, -timedelta(minutes=20), lifetime=1260)
        assert http.put(url, content=PHOTO).status_code == 200

    def test_url_signed_in_the_future_is_rejected(
        self, s3: Any, bucket: str, http: Any, s3_error: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        response = http.put(signed_at(s3, bucket, monkeypatch, timedelta(minutes=20)), content=PHOTO)
        assert s3_error(response) == (403, "AccessDenied")
        assert "Request is not yet valid" in response.text

    @pytest.mark.parametrize(
        ("edit", "expected"),
        [
            (("X-Amz-Expires=900", "X-Amz-Expires=604801"), "AuthorizationQueryParametersError"),
            (("X-Amz-Expires=900", "X-Amz-Expires=-1"), "AuthorizationQueryParametersError"),
            (("X-Amz-Expires=900", "X-Amz-Expires=soon"), "AuthorizationQueryParametersError"),
            (("X-Amz-Expires=900", "X-Amz-Later=900"), "AuthorizationQueryParametersError"),
            (("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=none"), "AuthorizationQueryParametersError"),
            (("us-east-1", "eu-west-1"), "AuthorizationQueryParametersError"),
            (("%2Fs3%2F", "%2Fsqs%2F"), "AuthorizationQueryParametersError"),
            (("aws4_request", "aws5_request"), "AuthorizationQueryParametersError"),
            (("X-Amz-Date=2", "X-Amz-Date=x"), "AuthorizationQueryParametersError"),
        ],
    )
    def test_malformed_parameters_are_rejected(
        self, edit: Any, expected: str, upload: Any, http: Any, s3_error: Any
    ) -> None:
        url, headers = upload
        assert edit[0] in url
        response = http.put(url.replace(*edit), content=PHOTO, headers=headers)
        assert s3_error(response) == (400, expected)

    def test_date_other_than_the_credentials_is_rejected(self, upload: Any, http: Any, s3_error: Any) -> None:
        url, headers = upload
        edited = re.sub(r"X-Amz-Date=\d{8}", "X-Amz-Date=20200101", url)
        response = http.put(edited, content=PHOTO, headers=headers)
        assert s3_error(response) == (400, "AuthorizationQueryParametersError")

    def test_unknown_access_key_is_rejected(self, gate: Any, bucket: str, http: Any, s3_error: Any) -> None:
        client = gate.client(aws_access_key_id="AKIANOBODY")
        url = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
        assert s3_error(http.get(url)) == (403, "InvalidAccessKeyId")

    def test_wrong_secret_is_rejected(self, gate: Any, bucket: str, http: Any, s3_error: Any) -> None:
        client = gate.client(aws_secret_access_key="guessed")
        url = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
        assert s3_error(http.get(url)) == (403, "SignatureDoesNotMatch")

    def test_session_token_is_rejected(self, gate: Any, bucket: str, http: Any, s3_error: Any) -> None:
        client = gate.client(aws_session_token="FwoGZXIvYXdzEA")
        url = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
        assert s3_error(http.get(url)) == (400, "InvalidToken")

    def test_signature_version_2_is_rejected(
        self, gate: Any, bucket: str, http: Any, s3_error: Any, bucket_is_empty: Any
    ) -> None:
        client = gate.client(signature_version="s3")
        url = client.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
        assert "AWSAccessKeyId" in url
        assert s3_error(http.put(url, content=PHOTO)) == (400, "InvalidRequest")
        assert bucket_is_empty()

    def test_two_signatures_are_rejected(self, upload: Any, http: Any, s3_error: Any) -> None:
        url, headers = upload
        response = http.put(url, content=PHOTO, headers=headers | {"authorization": "AWS4-HMAC-SHA256 Credential=x"})
        assert s3_error(response) == (400, "InvalidArgument")

    def test_unsigned_content_type_may_be_anything(self, s3: Any, bucket: str, http: Any) -> None:
        """As on AWS, unsigned headers are the client's choice. POST policies can restrict them."""
        url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
        assert http.put(url, content=PHOTO, headers={"content-type": "text/html"}).status_code == 200
        assert s3.head_object(Bucket=bucket, Key="k")["ContentType"] == "text/html"


class TestGetWithPresignedUrl:
    def test_object_is_returned_without_headers(self, s3: Any, bucket: str, http: Any) -> None:
        s3.put_object(Bucket=bucket, Key="a b+%~é/ü", Body=PHOTO)
        url = s3.generate_presigned_url(
            "get_object",
            Params={"Bucket": bucket, "Key": "a b+%~é/ü", "ResponseContentDisposition": 'attachment; filename="x y"'},
        )
        response = http.get(url)
        assert (response.status_code, response.content) == (200, PHOTO)
        assert response.headers["content-disposition"] == 'attachment; filename="x y"'

    @pytest.mark.parametrize(
        "edit", [("attachment", "inline"), ("X-Amz-Signature=", "X-Amz-Signature=0"), ("/k?", "/l?")]
    )
    def test_changed_url_is_rejected(self, edit: Any, s3: Any, bucket: str, http: Any, s3_error: Any) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=PHOTO)
        url = s3.generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": "k", "ResponseContentDisposition": "attachment"}
        )
        assert http.get(url).status_code == 200
        assert s3_error(http.get(url.replace(*edit))) == (403, "SignatureDoesNotMatch")


def signed_at(s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch, shift: timedelta, lifetime: int = 900) -> str:
    """Create a URL that was signed at a shifted time."""

    def shifted(*arguments: Any) -> datetime:
        return get_current_datetime(*arguments) + shift

    with monkeypatch.context() as patched:
        patched.setattr(botocore.auth, "get_current_datetime", shifted)
        url: str = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=lifetime)
        return url
