"""Responses of a distribution: caching, ranges, conditions, compression, signed URLs and errors."""

import gzip
import secrets
import time
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.local.compute.cloudfront.distribution_fixtures import BUCKET, IMMUTABLE, PAGE, Media, gated, media

__all__ = ["gated", "media"]

PNG = bytes(range(256)) * 20
TEXT = b"WEBVTT\n" + b"00:01.000 --> 00:02.000\nNothing happens.\n\n" * 60


def error_code(response: httpx.Response) -> str:
    assert response.status_code == 403, response.text
    assert response.headers["x-cache"] == "Error from cloudfront"
    return response.text.partition("<Code>")[2].partition("</Code>")[0]


class TestDeliver:
    @pytest.mark.requirement("NOVA-39", "NOVA-42")
    def test_object_is_fetched_once_and_then_cached(self, media: Media) -> None:
        path = media.store("thumbnails/", PNG)
        first, second = media.get(path), media.get(path)
        for response in (first, second):
            assert (response.status_code, response.content) == (200, PNG)
            assert (response.headers["content-type"], response.headers["cache-control"]) == ("image/png", IMMUTABLE)
        assert [first.headers["x-cache"], second.headers["x-cache"]] == ["Miss from cloudfront", "Hit from cloudfront"]
        assert second.headers["etag"] == first.headers["etag"]
        assert int(second.headers["age"]) >= 0

    def test_url_is_a_loopback_address(self, media: Media) -> None:
        # Not the alias, which does not resolve on this machine, and not HTTPS.
        assert media.url == f"http://{media.deployment.outputs['domain']}"
        assert media.url.startswith("http://127.0.0.1:")
        assert {each.state for each in media.deployment.resources} == {"applied"}

    def test_alias_is_served_and_unknown_host_forbidden(self, media: Media) -> None:
        path = media.store("thumbnails/", PNG)
        assert media.get(path, host="media.example.com").status_code == 200
        assert error_code(media.get(path, host="other.example.com")) == "AccessDenied"

    def test_query_and_headers_are_not_in_the_cache_key(self, media: Media) -> None:
        path = media.store("thumbnails/", PNG)
        media.get(path)
        for response in (media.get(f"{path}?x=1"), media.get(path, accept="image/webp", cookie="a=b")):
            assert response.headers["x-cache"] == "Hit from cloudfront"

    def test_head_returns_the_content_length_without_a_body(self, media: Media) -> None:
        path = media.store("thumbnails/", PNG)
        for _ in range(2):
            response = media.client.head(media.url + path)
            assert (response.status_code, response.content) == (200, b"")
            assert response.headers["content-length"] == str(len(PNG))
            media.get(path)

    def test_uncacheable_object_is_not_cached(self, media: Media) -> None:
        for control in ("no-store", "private, max-age=60", "no-cache", "max-age=0"):
            path = media.store("thumbnails/", PNG, CacheControl=control)
            assert [media.get(path).headers["x-cache"] for _ in range(2)] == ["Miss from cloudfront"] * 2, control

    def test_large_object_is_streamed_and_not_cached(self, media: Media) -> None:
        body = secrets.token_bytes(9 * 1024 * 1024)
        path = media.store("thumbnails/", body)
        for _ in range(2):
            response = media.get(path)
            assert (response.headers["x-cache"], response.content == body) == ("Miss from cloudfront", True)
            assert response.headers["content-length"] == str(len(body))


class TestInvalidation:
    def test_invalidated_object_is_fetched_again(self, media: Media) -> None:
        path = media.store("thumbnails/", b"old")
        assert media.get(path).content == b"old"
        media.put(path, b"new", CacheControl=IMMUTABLE)
        assert media.get(path).content == b"old"
        media.invalidate(path)
        again = media.get(path)
        assert (again.content, again.headers["x-cache"]) == (b"new", "Miss from cloudfront")
        assert media.get(path).headers["x-cache"] == "Hit from cloudfront"

    def test_invalidations_beyond_one_page_are_counted(self, media: Media) -> None:
        path = media.store("thumbnails/", b"old")
        for _ in range(101):
            media.invalidate("/*")
        assert media.get(path).content == b"old"
        media.put(path, b"new", CacheControl=IMMUTABLE)
        media.invalidate("/*")
        assert media.get(path).content == b"new"


class TestForbidden:
    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/quarantine/x",
            "/thumbnails",
            "/thumbnails%2Fx",
            "/originals%2Fx",
            "/THUMBNAILS/x",
            "/thumbnails/../quarantine/x",
        ],
    )
    def test_path_outside_the_allowed_prefixes_is_forbidden(self, media: Media, path: str) -> None:
        media.put("quarantine/x", PNG)
        media.put("thumbnails/x", PNG)
        media.put("originals/x", PNG)
        # The client would normalise the path.
        request = media.client.build_request("GET", media.url)
        request.url = request.url.copy_with(raw_path=path.encode())
        response = media.client.send(request)
        assert error_code(response) == "AccessDenied"
        assert PNG not in response.content

    def test_missing_object_is_forbidden_without_list_permission(self, media: Media) -> None:
        assert error_code(media.get("/thumbnails/never-stored")) == "AccessDenied"

    def test_object_outside_the_bucket_policy_is_forbidden(self, media: Media) -> None:
        s3 = media.account.client("s3")
        path = media.store("thumbnails/", PNG)
        policy = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
        s3.put_bucket_policy(Bucket=BUCKET, Policy=policy.replace(":distribution/", ":distribution/other-"))
        try:
            assert error_code(media.get(path)) == "AccessDenied"
        finally:
            s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)
        assert media.get(path).status_code == 200

    def test_bucket_without_a_policy_is_forbidden(self, media: Media) -> None:
        s3 = media.account.client("s3")
        path = media.store("thumbnails/", PNG)
        policy = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
        s3.delete_bucket_policy(Bucket=BUCKET)
        try:
            assert error_code(media.get(path)) == "AccessDenied"
        finally:
            s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)

    @pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
    def test_write_method_is_not_allowed(self, media: Media, method: str) -> None:
        path = media.store("thumbnails/", PNG)
        assert error_code(media.client.request(method, media.url + path, content=b"x")) == "MethodNotAllowed"
        assert media.get(path).content == PNG


class TestSignedUrls:
    @pytest.mark.requirement("LX-60")
    def test_signed_url_is_valid_until_it_expires(self, media: Media) -> None:
        path = media.store("originals/", PNG)
        assert media.get(media.sign(path)).content == PNG
        # The cached response also requires a signature.
        assert error_code(media.get(path)) == "MissingKey"
        assert error_code(media.get(media.sign(path, seconds=-1))) == "AccessDenied"
        assert media.get(media.sign(path)).headers["x-cache"] == "Hit from cloudfront"

    def test_signed_query_cannot_be_changed(self, media: Media) -> None:
        path = media.store("originals/", PNG)
        signed = media.sign(f"{path}?size=large")
        assert media.get(signed).status_code == 200
        assert error_code(media.get(signed.replace("large", "small"))) == "AccessDenied"

    def test_wrong_signature_is_forbidden(self, media: Media) -> None:
        path, other = media.store("originals/", PNG), media.store("originals/", PNG)
        stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        assert error_code(media.get(media.sign(path, key=stranger))) == "AccessDenied"
        assert error_code(media.get(media.sign(path, key_id="K000000000"))) == "InvalidKey"
        assert error_code(media.get(other + media.sign(path).removeprefix(path))) == "AccessDenied"
        assert error_code(media.get(media.sign(path).replace("Expires=1", "Expires=2"))) == "AccessDenied"
        assert error_code(media.get(f"{path}?Key-Pair-Id={media.key_id}&Expires=soon&Signature=x")) == "AccessDenied"
        assert error_code(media.get(f"{path}?Key-Pair-Id={media.key_id}&Expires=soon")) == "MalformedPolicy"

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({}, 200),
            ({"IpAddress": {"AWS:SourceIp": "127.0.0.0/8"}}, 200),
            ({"IpAddress": {"AWS:SourceIp": "192.0.2.0/24"}}, 403),
            ({"DateGreaterThan": {"AWS:EpochTime": 1}}, 200),
            ({"DateGreaterThan": {"AWS:EpochTime": 4_000_000_000}}, 403),
            ({"DateLessThan": {"AWS:EpochTime": 1_000_000_000}}, 403),
            ({"DateLessThan": None}, 403),
        ],
    )
    def test_custom_policy_conditions_apply(self, media: Media, changes: dict[str, Any], status: int) -> None:
        path = media.store("originals/", PNG)
        condition = {"DateLessThan": {"AWS:EpochTime": int(time.time()) + 300}, **changes}
        statement = {"Resource": f"{media.url}/originals/*", "Condition": condition}
        assert media.get(media.sign_policy(path, {"Statement": [statement]})).status_code == status

    def test_custom_policy_for_other_paths_is_forbidden(self, media: Media) -> None:
        path = media.store("originals/", PNG)
        condition = {"DateLessThan": {"AWS:EpochTime": int(time.time()) + 300}}
        for resource in (f"{media.url}/thumbnails/*", "https://media.example.com/originals/*", "*/originals/?"):
            statement = {"Resource": resource, "Condition": condition}
            assert error_code(media.get(media.sign_policy(path, {"Statement": [statement]}))) == "AccessDenied"
            assert media.get(media.sign_policy(path, {"Statement": [{**statement, "Resource": "http*"}]})).is_success

    def test_public_prefix_needs_no_signature(self, media: Media) -> None:
        assert media.get(media.store("thumbnails/", PNG)).status_code == 200


class TestHeaders:
    def test_every_response_has_security_headers(self, media: Media) -> None:
        path = media.store("thumbnails/", PNG, content_type="text/html")
        for response in (media.get(path), media.get(path), media.get("/quarantine/x")):
            assert response.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["x-frame-options"] == "DENY"
            assert response.headers["referrer-policy"] == "no-referrer"
            assert "sandbox" in response.headers["content-security-policy"]

    def test_only_allowed_origins_get_cors_headers(self, media: Media) -> None:
        path = media.store("thumbnails/", PNG)
        response = media.get(path, origin=PAGE)
        assert response.headers["access-control-allow-origin"] == PAGE
        assert response.headers["access-control-expose-headers"] == "ETag, Content-Range"
        other = media.get(path, origin="https://other.example.com")
        assert other.headers["x-cache"] == "Hit from cloudfront"
        assert "access-control-allow-origin" not in other.headers
        assert {response.headers["vary"], other.headers["vary"]} == {"Origin"}


class TestConditions:
    @pytest.fixture(params=["Miss", "Hit"])
    def cached(self, media: Media, request: pytest.FixtureRequest) -> tuple[str, httpx.Headers]:
        """The path and the response headers of an object that is cached, or is not."""
        control = IMMUTABLE if request.param == "Hit" else "no-store"
        path = media.store("thumbnails/", PNG, CacheControl=control)
        media.get(path)
        response = media.get(path)
        assert response.headers["x-cache"] == f"{request.param} from cloudfront"
        return path, response.headers

    def test_matching_condition_returns_304(self, media: Media, cached: tuple[str, httpx.Headers]) -> None:
        path, headers = cached
        for headers_sent in ({"if_none_match": headers["etag"]}, {"if_modified_since": headers["last-modified"]}):
            response = media.get(path, **headers_sent)
            assert (response.status_code, response.content) == (304, b"")
            assert response.headers["etag"] == headers["etag"]

    def test_condition_that_does_not_match_returns_the_object(
        self, media: Media, cached: tuple[str, httpx.Headers]
    ) -> None:
        path, _ = cached
        long_ago = "Mon, 01 Jan 2024 00:00:00 GMT"
        for headers_sent in ({"if_none_match": '"other"'}, {"if_modified_since": long_ago}):
            assert media.get(path, **headers_sent).content == PNG

    def test_range_request_returns_the_part(self, media: Media, cached: tuple[str, httpx.Headers]) -> None:
        path, _ = cached
        response = media.get(path, range="bytes=10-19")
        assert (response.status_code, response.content) == (206, PNG[10:20])
        assert response.headers["content-range"] == f"bytes 10-19/{len(PNG)}"
        assert media.get(path).content == PNG


class TestCompression:
    @pytest.mark.requirement("LX-08")
    def test_text_is_compressed_if_the_viewer_accepts_gzip(self, media: Media) -> None:
        path = media.store("subtitles/", TEXT, content_type="text/vtt")
        plain = media.get(path)
        compressed = media.client.send(
            media.client.build_request("GET", media.url + path, headers={"accept-encoding": "br, gzip"})
        )
        assert (plain.content, compressed.content) == (TEXT, TEXT)
        assert "content-encoding" not in plain.headers
        assert compressed.headers["content-encoding"] == "gzip"
        assert int(compressed.headers["content-length"]) < len(TEXT) // 2
        assert compressed.headers["etag"] == f"W/{plain.headers['etag']}"
        assert compressed.headers["x-cache"] == "Hit from cloudfront"
        assert plain.headers["vary"] == compressed.headers["vary"] == "Accept-Encoding, Origin"
        again = media.get(path, if_none_match=compressed.headers["etag"], accept_encoding="gzip")
        assert again.status_code == 304
        assert media.get(path).content == TEXT

    def test_text_fetched_with_gzip_is_cached_uncompressed(self, media: Media) -> None:
        path = media.store("subtitles/", TEXT, content_type="text/vtt")
        assert media.get(path, accept_encoding="gzip").headers["content-encoding"] == "gzip"
        plain = media.get(path)
        assert (plain.content, "content-encoding" in plain.headers) == (TEXT, False)

    def test_images_and_small_texts_are_not_compressed(self, media: Media) -> None:
        for path in (media.store("thumbnails/", PNG), media.store("subtitles/", b"x" * 999, content_type="text/plain")):
            assert "content-encoding" not in media.get(path, accept_encoding="gzip").headers

    def test_compressed_object_is_not_compressed_again(self, media: Media) -> None:
        text = secrets.token_hex(5_000).encode()
        body = gzip.compress(text)
        path = media.store("subtitles/", body, content_type="text/vtt", ContentEncoding="gzip")
        response = media.get(path, accept_encoding="gzip")
        assert (response.headers["content-encoding"], response.content) == ("gzip", text)
        assert response.headers["content-length"] == str(len(body))
