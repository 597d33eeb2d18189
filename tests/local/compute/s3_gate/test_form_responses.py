"""What a form gets as its answer, and what is no form."""

from typing import Any

import pytest

PHOTO = bytes(range(256)) * 3 + b"\r\n--almost a boundary\r"
KEY = "uploads/018f"


class TestFormAnswer:
    def test_document_is_given_for_201(self, signed: Any, post: Any, gate: Any, bucket: str):
        form = signed({"success_action_status": "201"}, key="a b/é") | {"success_action_status": "201"}
        answer = post(form)
        location = f"{gate.endpoint}/{bucket}/a%20b%2F%C3%A9"
        assert answer.status_code == 201
        assert answer.text == (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<PostResponse><Location>{location}</Location><Bucket>{bucket}</Bucket><Key>a b/é</Key>"
            f"<ETag>{answer.headers['etag']}</ETag></PostResponse>"
        )
        assert answer.headers["location"] == location

    @pytest.mark.parametrize(("asked", "given"), [("200", 200), ("204", 204), ("404", 204)])
    def test_status_is_the_one_asked_for(self, asked: str, given: int, signed: Any, post: Any):
        answer = post(signed({"success_action_status": asked}) | {"success_action_status": asked})
        assert (answer.status_code, answer.content) == (given, b"")

    @pytest.mark.parametrize(
        ("address", "expected"),
        [
            ("http://localhost/done", "http://localhost/done?"),
            ("https://x.example/d?a=b", "https://x.example/d?a=b&"),
        ],
    )
    def test_redirect_says_what_was_stored(self, *, address: str, expected: str, signed: Any, post: Any, bucket: str):
        answer = post(signed({"success_action_redirect": address}) | {"success_action_redirect": address})
        etag = answer.headers["etag"].replace('"', "%22")
        assert answer.status_code == 303
        assert answer.headers["location"] == f"{expected}bucket={bucket}&key=uploads%2F018f&etag={etag}"

    @pytest.mark.parametrize(
        "address", ["/relative", "javascript:alert(1)", "http://[", "http://x/\r\nSet-Cookie: a=b"]
    )
    def test_redirect_to_no_address_is_ignored(self, address: str, signed: Any, post: Any):
        answer = post(signed({"success_action_redirect": address}) | {"success_action_redirect": address})
        assert answer.status_code == 204
        assert "set-cookie" not in answer.headers


class TestFormShape:
    def test_other_types_are_refused(self, gate: Any, bucket: str, http: Any, refusal: Any):
        answer = http.post(f"{gate.endpoint}/{bucket}", data={"key": KEY})
        assert refusal(answer) == (412, "PreconditionFailed")

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
    def test_malformed_forms_are_refused(self, body: bytes, gate: Any, bucket: str, http: Any, refusal: Any):
        answer = http.post(
            f"{gate.endpoint}/{bucket}", content=body, headers={"content-type": "multipart/form-data; boundary=b"}
        )
        assert refusal(answer) == (400, "MalformedPOSTRequest")

    def test_missing_boundary_is_refused(self, gate: Any, bucket: str, http: Any, refusal: Any):
        answer = http.post(f"{gate.endpoint}/{bucket}", content=b"x", headers={"content-type": "multipart/form-data"})
        assert refusal(answer) == (400, "MalformedPOSTRequest")

    def test_form_without_file_is_refused(self, gate: Any, bucket: str, form: Any, http: Any, refusal: Any):
        answer = http.post(f"{gate.endpoint}/{bucket}", files=[(name, (None, value)) for name, value in form.items()])
        assert refusal(answer) == (400, "InvalidArgument")
        assert "POST requires exactly one file upload per request." in answer.text

    def test_file_before_its_fields_is_refused(self, gate: Any, bucket: str, form: Any, http: Any, refusal: Any):
        parts = [("file", ("a", PHOTO)), *((name, (None, value)) for name, value in form.items())]
        assert refusal(http.post(f"{gate.endpoint}/{bucket}", files=parts)) == (403, "AccessDenied")

    def test_file_that_does_not_end_is_not_stored(
        self, *, gate: Any, bucket: str, signed: Any, http: Any, refusal: Any, absent: Any
    ):
        request = http.build_request(
            "POST", gate.endpoint, files=[*((n, (None, v)) for n, v in signed().items()), ("file", ("a", PHOTO))]
        )
        whole = request.read()
        answer = http.post(
            f"{gate.endpoint}/{bucket}",
            content=whole[: whole.index(PHOTO) + len(PHOTO)],
            headers={"content-type": request.headers["content-type"]},
        )
        assert refusal(answer) == (400, "MalformedPOSTRequest")
        assert absent()

    def test_fields_after_the_file_are_ignored(self, gate: Any, bucket: str, form: Any, http: Any):
        parts = [
            *((name, (None, value)) for name, value in form.items()),
            ("file", ("a", PHOTO)),
            ("submit", (None, "Go")),
        ]
        assert http.post(f"{gate.endpoint}/{bucket}", files=parts).status_code == 204

    @pytest.mark.parametrize(
        "field", [("x-ignore-long", (None, "x" * 30_000)), ("photo", ("photo.jpg", b"x" * 200_000))]
    )
    def test_too_long_fields_are_refused(self, field: Any, gate: Any, bucket: str, http: Any, refusal: Any):
        assert refusal(http.post(f"{gate.endpoint}/{bucket}", files=[field])) == (400, "MaxPostPreDataLengthExceeded")

    def test_large_file_is_told_its_size(self, signed: Any, post: Any, refusal: Any):
        answer = post(signed(["content-length-range", 1, 10]), b"x" * 3_000_000)
        assert refusal(answer) == (400, "EntityTooLarge")
        assert "<ProposedSize>3000000</ProposedSize>" in answer.text

    def test_signed_post_that_is_no_form_is_refused(self, s3: Any, bucket: str, http: Any, refusal: Any):
        url = s3.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket}, HttpMethod="POST")
        assert refusal(http.post(url, files={"file": ("a", b"x")})) == (405, "MethodNotAllowed")
