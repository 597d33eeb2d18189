"""A browser on an allowed origin can upload and read the answer; on any other it cannot."""

from typing import Any

import pytest

SITE = "https://app.example.com"
RULES = [
    {
        "AllowedOrigins": [SITE, "https://*.preview.example.com"],
        "AllowedMethods": ["PUT", "POST"],
        "AllowedHeaders": ["content-type", "x-amz-*"],
        "ExposeHeaders": ["ETag", "x-amz-version-id"],
        "MaxAgeSeconds": 3000,
    },
    {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]},
]


@pytest.fixture
def page(s3: Any, bucket: str, gate: Any, http: Any) -> Any:
    """A page's preflight to a bucket with rules."""
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})

    def preflight(origin: str | None, method: str | None, headers: str | None = None, key: str = "/k") -> Any:
        asked = {
            "origin": origin,
            "access-control-request-method": method,
            "access-control-request-headers": headers,
        }
        return http.options(
            f"{gate.endpoint}/{bucket}{key}", headers={name: value for name, value in asked.items() if value}
        )

    return preflight


class TestPreflight:
    @pytest.mark.requirement("ROAD-29", "P2-53")
    def test_allowed_origin_may_go_on(self, page: Any):
        answer = page(SITE, "PUT", "Content-Type, x-amz-checksum-sha256")
        assert (answer.status_code, answer.content) == (200, b"")
        assert {name: value for name, value in answer.headers.items() if name.startswith("access-control-")} == {
            "access-control-allow-origin": SITE,
            "access-control-allow-credentials": "true",
            "access-control-allow-methods": "PUT, POST",
            "access-control-allow-headers": "content-type, x-amz-checksum-sha256",
            "access-control-expose-headers": "ETag, x-amz-version-id",
            "access-control-max-age": "3000",
        }
        assert "Origin" in answer.headers["vary"]

    def test_any_origin_gets_an_asterisk_and_no_credentials(self, page: Any):
        answer = page("https://elsewhere.example", "GET")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers

    @pytest.mark.parametrize("origin", ["https://a.preview.example.com", "https://a.b.preview.example.com"])
    def test_asterisk_stands_for_any_characters(self, origin: str, page: Any):
        assert page(origin, "POST", key="").headers["access-control-allow-origin"] == origin

    @pytest.mark.parametrize(
        ("origin", "method", "headers"),
        [
            ("https://app.example.com.evil.example", "PUT", None),
            ("https://app-example.com", "PUT", None),
            ("http://app.example.com", "PUT", None),
            ("https://preview.example.com", "PUT", None),
            ("null", "PUT", None),
            (SITE, "DELETE", None),
            (SITE, "PUT", "authorization"),
            ("https://elsewhere.example", "GET", "x-amz-meta-a"),
        ],
    )
    def test_what_no_rule_allows_is_refused(self, *, origin: str, method: str, headers: Any, page: Any, refusal: Any):
        answer = page(origin, method, headers)
        assert refusal(answer) == (403, "AccessForbidden")
        assert "access-control-allow-origin" not in answer.headers

    @pytest.mark.parametrize(("origin", "method"), [(None, "PUT"), (SITE, None), (SITE, "PATCH")])
    def test_incomplete_question_is_refused(self, origin: Any, method: Any, page: Any, refusal: Any):
        assert refusal(page(origin, method)) == (400, "BadRequest")

    def test_bucket_without_rules_allows_nothing(self, gate: Any, bucket: str, http: Any, refusal: Any):
        answer = http.options(
            f"{gate.endpoint}/{bucket}/k", headers={"origin": SITE, "access-control-request-method": "PUT"}
        )
        assert refusal(answer) == (403, "AccessForbidden")
        assert "CORS is not enabled for this bucket." in answer.text


class TestRequestFromPage:
    @pytest.mark.requirement("ROAD-29")
    def test_answers_and_refusals_can_be_read(self, s3: Any, page: Any, bucket: str, http: Any, refusal: Any):
        form = s3.generate_presigned_post(bucket, "k")
        stored = http.post(form["url"], data=form["fields"], files={"file": ("a", b"x")}, headers={"origin": SITE})
        refused = http.post(form["url"], data={"key": "k"}, files={"file": ("a", b"x")}, headers={"origin": SITE})
        assert stored.status_code == 204
        assert refusal(refused) == (403, "AccessDenied")
        for answer in (stored, refused):
            assert answer.headers["access-control-allow-origin"] == SITE
            assert answer.headers["access-control-expose-headers"] == "ETag, x-amz-version-id"

    def test_other_origins_read_nothing(self, s3: Any, page: Any, bucket: str, http: Any):
        url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
        answer = http.put(url, content=b"x", headers={"origin": "https://elsewhere.example"})
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control-")]

    def test_without_origin_nothing_is_said(self, s3: Any, page: Any, bucket: str, http: Any):
        url = s3.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket})
        assert not [name for name in http.get(url).headers if name.startswith("access-control-")]
