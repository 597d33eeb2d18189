"""Responses to forms, and malformed forms."""

from typing import Any

import pytest

PHOTO = bytes(range(256)) * 3 + b"\r\n--almost a boundary\r"
KEY = "uploads/018f"


class TestFormResponse:
    def test_status_201_returns_a_document(self, make_form: Any, post_form: Any, gate: Any, bucket: str) -> None:
        form = make_form({"success_action_status": "201"}, key="a b/é") | {"success_action_status": "201"}
        response = post_form(form)
        location = f"{gate.endpoint}/{bucket}/a%20b%2F%C3%A9"
        assert response.status_code == 201
        assert response.text == (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<PostResponse><Location>{location}</Location><Bucket>{bucket}</Bucket><Key>a b/é</Key>"
            f"<ETag>{response.headers['etag']}</ETag></PostResponse>"
        )
        assert response.headers["location"] == location

    @pytest.mark.parametrize(("requested", "status"), [("200", 200), ("204", 204), ("404", 204)])
    def test_success_action_status_is_returned(
        self, requested: str, status: int, make_form: Any, post_form: Any
    ) -> None:
        response = post_form(make_form({"success_action_status": requested}) | {"success_action_status": requested})
        assert (response.status_code, response.content) == (status, b"")

    @pytest.mark.parametrize(
        ("address", "expected"),
        [
            ("http://localhost/done", "http://localhost/done?"),
            ("https://x.example/d?a=b", "https://x.example/d?a=b&"),
        ],
    )
    def test_redirect_url_has_bucket_key_and_etag(
        self, *, address: str, expected: str, make_form: Any, post_form: Any, bucket: str
    ) -> None:
        response = post_form(make_form({"success_action_redirect": address}) | {"success_action_redirect": address})
        etag = response.headers["etag"].replace('"', "%22")
        assert response.status_code == 303
        assert response.headers["location"] == f"{expected}bucket={bucket}&key=uploads%2F018f&etag={etag}"

    @pytest.mark.parametrize(
        "address", ["/relative", "javascript:alert(1)", "http://[", "http://x/\r\nSet-Cookie: a=b"]
    )
    def test_invalid_redirect_is_ignored(self, address: str, make_form: Any, post_form: Any) -> None:
        response = post_form(make_form({"success_action_redirect": address}) | {"success_action_redirect": address})
        assert response.status_code == 204
        assert "set-cookie" not in response.headers


class TestMalformedForms:
    def test_other_content_type_is_rejected(self, gate: Any, bucket: str, http: Any, s3_error: Any) -> None:
        response = http.post(f"{gate.endpoint}/{bucket}", data={"key": KEY})
        assert s3_error(response) == (412, "PreconditionFailed")

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"no boundary at all",
            b"--b\r\nX: y\r\n\r\nv\r\n--b--",
            b"--b\r\nContent-Disposition: form-data\r\n\r\nv\r\n--b--",
            b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\n\xff\r\n--b--',
            b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\ncut off',
        ],
    )
    def test_malformed_form_is_rejected(self, body: bytes, gate: Any, bucket: str, http: Any, s3_error: Any) -> None:
        response = http.post(
            f"{gate.endpoint}/{bucket}", content=body, headers={"content-type": "multipart/form-data; boundary=b"}
        )
        assert s3_error(response) == (400, "MalformedPOSTRequest")

    def test_missing_boundary_is_rejected(self, gate: Any, bucket: str, http: Any, s3_error: Any) -> None:
        response = http.post(f"{gate.endpoint}/{bucket}", content=b"x", headers={"content-type": "multipart/form-data"})
        assert s3_error(response) == (400, "MalformedPOSTRequest")

    def test_form_without_a_file_is_rejected(self, gate: Any, bucket: str, form: Any, http: Any, s3_error: Any) -> None:
        response = http.post(f"{gate.endpoint}/{bucket}", files=[(name, (None, value)) for name, value in form.items()])
        assert s3_error(response) == (400, "InvalidArgument")
        assert "POST requires exactly one file upload per request." in response.text

    def test_file_before_the_fields_is_rejected(
        self, gate: Any, bucket: str, form: Any, http: Any, s3_error: Any
    ) -> None:
        parts = [("file", ("a", PHOTO)), *((name, (None, value)) for name, value in form.items())]
        assert s3_error(http.post(f"{gate.endpoint}/{bucket}", files=parts)) == (403, "AccessDenied")

    def test_file_without_a_last_boundary_is_not_stored(
        self, *, gate: Any, bucket: str, make_form: Any, http: Any, s3_error: Any, bucket_is_empty: Any
    ) -> None:
        request = http.build_request(
            "POST", gate.endpoint, files=[*((n, (None, v)) for n, v in make_form().items()), ("file", ("a", PHOTO))]
        )
        whole = request.read()
        response = http.post(
            f"{gate.endpoint}/{bucket}",
            content=whole[: whole.index(PHOTO) + len(PHOTO)],
            headers={"content-type": request.headers["content-type"]},
        )
        assert s3_error(response) == (400, "MalformedPOSTRequest")
        assert bucket_is_empty()

    def test_fields_after_the_file_are_ignored(self, gate: Any, bucket: str, form: Any, http: Any) -> None:
        parts = [
            *((name, (None, value)) for name, value in form.items()),
            ("file", ("a", PHOTO)),
            ("submit", (None, "Go")),
        ]
        assert http.post(f"{gate.endpoint}/{bucket}", files=parts).status_code == 204

    @pytest.mark.parametrize(
        "field", [("x-ignore-long", (None, "x" * 30_000)), ("photo", ("photo.jpg", b"x" * 200_000))]
    )
    def test_too_long_fields_are_rejected(self, field: Any, gate: Any, bucket: str, http: Any, s3_error: Any) -> None:
        assert s3_error(http.post(f"{gate.endpoint}/{bucket}", files=[field])) == (400, "MaxPostPreDataLengthExceeded")

    def test_too_large_file_error_has_its_size(self, make_form: Any, post_form: Any, s3_error: Any) -> None:
        response = post_form(make_form(["content-length-range", 1, 10]), b"x" * 3_000_000)
        assert s3_error(response) == (400, "EntityTooLarge")
        assert "<ProposedSize>3000000</ProposedSize>" in response.text

    def test_signed_post_without_a_form_is_rejected(self, s3: Any, bucket: str, http: Any, s3_error: Any) -> None:
        url = s3.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket}, HttpMethod="POST")
        assert s3_error(http.post(url, files={"file": ("a", b"x")})) == (405, "MethodNotAllowed")
