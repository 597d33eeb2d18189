"""What a distribution answers: its bucket's objects, kept or fetched, whole, in parts or packed, and refusals."""

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


def refusal(response: httpx.Response) -> str:
    assert response.status_code == 403, response.text
    assert response.headers["x-cache"] == "Error from cloudfront"
    return response.text.partition("<Code>")[2].partition("</Code>")[0]


class TestDeliver:
    @pytest.mark.requirement("NOVA-39", "NOVA-42")
    def test_object_is_fetched_once_and_then_kept(self, media: Media) -> None:
        path = media.store("thumbnails/", PNG)
        first, second = media.get(path), media.get(path)
        for answer in (first, second):
            assert (answer.status_code, answer.content) == (200, PNG)
            assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("image/png", IMMUTABLE)
        assert [first.headers["x-cache"], second.headers["x-cache"]] == ["Miss from cloudfront", "Hit from cloudfront"]
        assert second.headers["etag"] == first.headers["etag"]
        assert int(second.headers["age"]) >= 0

    def test_address_is_one_that_answers_here(self, media: Media) -> None:
        # An alias resolves to nothing on this machine, and nothing here has a certificate.
        assert media.url == f"http://{media.deployment.outputs['domain']}"
        assert media.url.startswith("http://127.0.0.1:")
        assert {each.state for each in media.deployment.resources} == {"applied"}

    def test_name_of_its_own_is_answered_and_a_strange_one_is_not(self, media: Media) -> None:
        path = media.store("thumbnails/", PNG)
        assert media.get(path, host="media.example.com").status_code == 200
        assert refusal(media.get(path, host="other.example.com")) == "AccessDenied"

    def test_query_and_headers_make_no_further_copy(self, media: Media) -> None:
        path = media.store("thumbnails/", PNG)
        media.get(path)
        for answer in (media.get(f"{path}?x=1"), media.get(path, accept="image/webp", cookie="a=b")):
            assert answer.headers["x-cache"] == "Hit from cloudfront"

    def test_head_says_what_get_would(self, media: Media) -> None:
        path = media.store("thumbnails/", PNG)
        for _ in range(2):
            answer = media.client.head(media.url + path)
            assert (answer.status_code, answer.content) == (200, b"")
            assert answer.headers["content-length"] == str(len(PNG))
            media.get(path)

    def test_what_must_not_be_kept_is_not(self, media: Media) -> None:
        for control in ("no-store", "private, max-age=60", "no-cache", "max-age=0"):
            path = media.store("thumbnails/", PNG, CacheControl=control)
            assert [media.get(path).headers["x-cache"] for _ in range(2)] == ["Miss from cloudfront"] * 2, control

    def test_large_object_arrives_whole_and_is_not_kept(self, media: Media) -> None:
        body = secrets.token_bytes(9 * 1024 * 1024)
        path = media.store("thumbnails/", body)
        for _ in range(2):
            answer = media.get(path)
            assert (answer.headers["x-cache"], answer.content == body) == ("Miss from cloudfront", True)
            assert answer.headers["content-length"] == str(len(body))


class TestInvalidation:
    def test_changed_object_is_fetched_again(self, media: Media) -> None:
        path = media.store("thumbnails/", b"old")
        assert media.get(path).content == b"old"
        media.put(path, b"new", CacheControl=IMMUTABLE)
        assert media.get(path).content == b"old"
        media.invalidate(path)
        again = media.get(path)
        assert (again.content, again.headers["x-cache"]) == (b"new", "Miss from cloudfront")
        assert media.get(path).headers["x-cache"] == "Hit from cloudfront"

    def test_more_invalidations_than_one_page_are_seen(self, media: Media) -> None:
        path = media.store("thumbnails/", b"old")
        for _ in range(101):
            media.invalidate("/*")
        assert media.get(path).content == b"old"
        media.put(path, b"new", CacheControl=IMMUTABLE)
        media.invalidate("/*")
        assert media.get(path).content == b"new"


class TestRefuse:
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
    def test_path_that_no_prefix_covers(self, media: Media, path: str) -> None:
        media.put("quarantine/x", PNG)
        media.put("thumbnails/x", PNG)
        media.put("originals/x", PNG)
        # The client would fold the path; CloudFront gets it as somebody chose to send it.
        request = media.client.build_request("GET", media.url)
        request.url = request.url.copy_with(raw_path=path.encode())
        answer = media.client.send(request)
        assert refusal(answer) == "AccessDenied"
        assert PNG not in answer.content

    def test_missing_object_is_forbidden_as_for_whoever_may_not_list(self, media: Media) -> None:
        assert refusal(media.get("/thumbnails/never-stored")) == "AccessDenied"

    def test_object_outside_the_bucket_policy(self, media: Media) -> None:
        s3 = media.account.client("s3")
        path = media.store("thumbnails/", PNG)
        granted = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
        s3.put_bucket_policy(Bucket=BUCKET, Policy=granted.replace(":distribution/", ":distribution/other-"))
        try:
            assert refusal(media.get(path)) == "AccessDenied"
        finally:
            s3.put_bucket_policy(Bucket=BUCKET, Policy=granted)
        assert media.get(path).status_code == 200

    def test_bucket_without_a_policy(self, media: Media) -> None:
        s3 = media.account.client("s3")
        path = media.store("thumbnails/", PNG)
        granted = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
        s3.delete_bucket_policy(Bucket=BUCKET)
        try:
            assert refusal(media.get(path)) == "AccessDenied"
        finally:
            s3.put_bucket_policy(Bucket=BUCKET, Policy=granted)

    @pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
    def test_method_that_changes_something(self, media: Media, method: str) -> None:
        path = media.store("thumbnails/", PNG)
        assert refusal(media.client.request(method, media.url + path, content=b"x")) == "MethodNotAllowed"
        assert media.get(path).content == PNG


class TestSignedUrls:
    @pytest.mark.requirement("LX-60")
    def test_signed_url_is_answered_until_it_expires(self, media: Media) -> None:
        path = media.store("originals/", PNG)
        assert media.get(media.sign(path)).content == PNG
        # What is kept is not given to others.
        assert refusal(media.get(path)) == "MissingKey"
        assert refusal(media.get(media.sign(path, seconds=-1))) == "AccessDenied"
        assert media.get(media.sign(path)).headers["x-cache"] == "Hit from cloudfront"

    def test_query_that_was_signed_with_it_is_part_of_it(self, media: Media) -> None:
        path = media.store("originals/", PNG)
        signed = media.sign(f"{path}?size=large")
        assert media.get(signed).status_code == 200
        assert refusal(media.get(signed.replace("large", "small"))) == "AccessDenied"

    def test_signature_of_another_key_or_for_something_else(self, media: Media) -> None:
        path, other = media.store("originals/", PNG), media.store("originals/", PNG)
        stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        assert refusal(media.get(media.sign(path, key=stranger))) == "AccessDenied"
        assert refusal(media.get(media.sign(path, key_id="K000000000"))) == "InvalidKey"
        assert refusal(media.get(other + media.sign(path).removeprefix(path))) == "AccessDenied"
        assert refusal(media.get(media.sign(path).replace("Expires=1", "Expires=2"))) == "AccessDenied"
        assert refusal(media.get(f"{path}?Key-Pair-Id={media.key_id}&Expires=soon&Signature=x")) == "AccessDenied"
        assert refusal(media.get(f"{path}?Key-Pair-Id={media.key_id}&Expires=soon")) == "MalformedPolicy"

    @pytest.mark.parametrize(
        ("changes", "answered"),
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
    def test_custom_policy_is_followed(self, media: Media, changes: dict[str, Any], answered: int) -> None:
        path = media.store("originals/", PNG)
        condition = {"DateLessThan": {"AWS:EpochTime": int(time.time()) + 300}, **changes}
        statement = {"Resource": f"{media.url}/originals/*", "Condition": condition}
        assert media.get(media.sign_policy(path, {"Statement": [statement]})).status_code == answered

    def test_custom_policy_for_other_paths(self, media: Media) -> None:
        path = media.store("originals/", PNG)
        condition = {"DateLessThan": {"AWS:EpochTime": int(time.time()) + 300}}
        for resource in (f"{media.url}/thumbnails/*", "https://media.example.com/originals/*", "*/originals/?"):
            statement = {"Resource": resource, "Condition": condition}
            assert refusal(media.get(media.sign_policy(path, {"Statement": [statement]}))) == "AccessDenied"
            assert media.get(media.sign_policy(path, {"Statement": [{**statement, "Resource": "http*"}]})).is_success

    def test_public_prefix_needs_no_signature(self, media: Media) -> None:
        assert media.get(media.store("thumbnails/", PNG)).status_code == 200


class TestHeaders:
    def test_every_answer_is_guarded(self, media: Media) -> None:
        path = media.store("thumbnails/", PNG, content_type="text/html")
        for answer in (media.get(path), media.get(path), media.get("/quarantine/x")):
            assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert "sandbox" in answer.headers["content-security-policy"]

    def test_named_page_may_read_and_another_may_not(self, media: Media) -> None:
        path = media.store("thumbnails/", PNG)
        answer = media.get(path, origin=PAGE)
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert answer.headers["access-control-expose-headers"] == "ETag, Content-Range"
        other = media.get(path, origin="https://other.example.com")
        assert other.headers["x-cache"] == "Hit from cloudfront"
        assert "access-control-allow-origin" not in other.headers
        assert {answer.headers["vary"], other.headers["vary"]} == {"Origin"}


class TestConditions:
    @pytest.fixture(params=["Miss", "Hit"])
    def known(self, media: Media, request: pytest.FixtureRequest) -> tuple[str, httpx.Headers]:
        """An object that is kept, or not kept, and the headers of its answer."""
        control = IMMUTABLE if request.param == "Hit" else "no-store"
        path = media.store("thumbnails/", PNG, CacheControl=control)
        media.get(path)
        answer = media.get(path)
        assert answer.headers["x-cache"] == f"{request.param} from cloudfront"
        return path, answer.headers

    def test_unchanged_object_is_not_sent_again(self, media: Media, known: tuple[str, httpx.Headers]) -> None:
        path, headers = known
        for asked in ({"if_none_match": headers["etag"]}, {"if_modified_since": headers["last-modified"]}):
            answer = media.get(path, **asked)
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == headers["etag"]

    def test_changed_object_is_sent(self, media: Media, known: tuple[str, httpx.Headers]) -> None:
        path, _ = known
        long_ago = "Mon, 01 Jan 2024 00:00:00 GMT"
        for asked in ({"if_none_match": '"other"'}, {"if_modified_since": long_ago}):
            assert media.get(path, **asked).content == PNG

    def test_part_is_sent_alone(self, media: Media, known: tuple[str, httpx.Headers]) -> None:
        path, _ = known
        answer = media.get(path, range="bytes=10-19")
        assert (answer.status_code, answer.content) == (206, PNG[10:20])
        assert answer.headers["content-range"] == f"bytes 10-19/{len(PNG)}"
        assert media.get(path).content == PNG


class TestCompression:
    @pytest.mark.requirement("LX-08")
    def test_text_is_packed_for_whoever_takes_it(self, media: Media) -> None:
        path = media.store("subtitles/", TEXT, content_type="text/vtt")
        plain = media.get(path)
        packed = media.client.send(
            media.client.build_request("GET", media.url + path, headers={"accept-encoding": "br, gzip"})
        )
        assert (plain.content, packed.content) == (TEXT, TEXT)
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < len(TEXT) // 2
        assert packed.headers["etag"] == f"W/{plain.headers['etag']}"
        assert packed.headers["x-cache"] == "Hit from cloudfront"
        assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding, Origin"
        again = media.get(path, if_none_match=packed.headers["etag"], accept_encoding="gzip")
        assert again.status_code == 304
        assert media.get(path).content == TEXT

    def test_text_that_was_fetched_packed_is_kept_plain(self, media: Media) -> None:
        path = media.store("subtitles/", TEXT, content_type="text/vtt")
        assert media.get(path, accept_encoding="gzip").headers["content-encoding"] == "gzip"
        plain = media.get(path)
        assert (plain.content, "content-encoding" in plain.headers) == (TEXT, False)

    def test_pictures_and_small_texts_stay_as_they_are(self, media: Media) -> None:
        for path in (media.store("thumbnails/", PNG), media.store("subtitles/", b"x" * 999, content_type="text/plain")):
            assert "content-encoding" not in media.get(path, accept_encoding="gzip").headers

    def test_what_is_packed_already_is_passed_on(self, media: Media) -> None:
        text = secrets.token_hex(5_000).encode()
        body = gzip.compress(text)
        path = media.store("subtitles/", body, content_type="text/vtt", ContentEncoding="gzip")
        answer = media.get(path, accept_encoding="gzip")
        assert (answer.headers["content-encoding"], answer.content) == ("gzip", text)
        assert answer.headers["content-length"] == str(len(body))
