"""CORS: preflight requests and response headers."""

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
    """Send a preflight request to a bucket with rules."""
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
    def test_allowed_origin_gets_cors_headers(self, page: Any) -> None:
        response = page(SITE, "PUT", "Content-Type, x-amz-checksum-sha256")
        assert (response.status_code, response.content) == (200, b"")
        assert {name: value for name, value in response.headers.items() if name.startswith("access-control-")} == {
            "access-control-allow-origin": SITE,
            "access-control-allow-credentials": "true",
            "access-control-allow-methods": "PUT, POST",
            "access-control-allow-headers": "content-type, x-amz-checksum-sha256",
            "access-control-expose-headers": "ETag, x-amz-version-id",
            "access-control-max-age": "3000",
        }
        assert "Origin" in response.headers["vary"]

    def test_any_origin_gets_an_asterisk_and_no_credentials(self, page: Any) -> None:
        response = page("https://elsewhere.example", "GET")
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers

    @pytest.mark.parametrize("origin", ["https://a.preview.example.com", "https://a.b.preview.example.com"])
    def test_asterisk_matches_any_characters(self, origin: str, page: Any) -> None:
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
    def test_preflight_without_a_matching_rule_is_forbidden(
        self, *, origin: str, method: str, headers: Any, page: Any, s3_error: Any
    ) -> None:
        response = page(origin, method, headers)
        assert s3_error(response) == (403, "AccessForbidden")
        assert "access-control-allow-origin" not in response.headers

    @pytest.mark.parametrize(("origin", "method"), [(None, "PUT"), (SITE, None), (SITE, "PATCH")])
    def test_incomplete_preflight_is_a_bad_request(self, origin: Any, method: Any, page: Any, s3_error: Any) -> None:
        assert s3_error(page(origin, method)) == (400, "BadRequest")

    def test_preflight_to_a_bucket_without_rules_is_forbidden(
        self, gate: Any, bucket: str, http: Any, s3_error: Any
    ) -> None:
        response = http.options(
            f"{gate.endpoint}/{bucket}/k", headers={"origin": SITE, "access-control-request-method": "PUT"}
        )
        assert s3_error(response) == (403, "AccessForbidden")
        assert "CORS is not enabled for this bucket." in response.text


class TestRequestFromPage:
    @pytest.mark.requirement("ROAD-29")
    def test_responses_and_errors_have_cors_headers(
        self, s3: Any, page: Any, bucket: str, http: Any, s3_error: Any
    ) -> None:
        form = s3.generate_presigned_post(bucket, "k")
        stored = http.post(form["url"], data=form["fields"], files={"file": ("a", b"x")}, headers={"origin": SITE})
        rejected = http.post(form["url"], data={"key": "k"}, files={"file": ("a", b"x")}, headers={"origin": SITE})
        assert stored.status_code == 204
        assert s3_error(rejected) == (403, "AccessDenied")
        for response in (stored, rejected):
            assert response.headers["access-control-allow-origin"] == SITE
            assert response.headers["access-control-expose-headers"] == "ETag, x-amz-version-id"

    def test_other_origin_gets_no_cors_headers(self, s3: Any, page: Any, bucket: str, http: Any) -> None:
        url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
        response = http.put(url, content=b"x", headers={"origin": "https://elsewhere.example"})
        assert response.status_code == 200
        assert not [name for name in response.headers if name.startswith("access-control-")]

    def test_request_without_origin_gets_no_cors_headers(self, s3: Any, page: Any, bucket: str, http: Any) -> None:
        url = s3.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket})
        assert not [name for name in http.get(url).headers if name.startswith("access-control-")]
