"""Objects in real buckets, presigned addresses read as S3 reads them, and a server that fails in S3's ways."""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest
import stamina

from runtime.adapters import aws_clients, objects
from runtime.adapters.objects import FetchedObject, ObjectStore
from runtime.errors import ConflictError, NotFoundError, PayloadTooLargeError, UnavailableError
from tests.http_listener import Listener, QuietHandler

REGION = "us-east-1"
BODY = b"seeds " * 1000
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(autouse=True)
def _aws(account: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    aws_clients.get_client.cache_clear()
    with stamina.set_testing(True, attempts=3):
        yield
    aws_clients.get_client.cache_clear()


@pytest.fixture
def bucket(account: Any) -> Any:
    name = f"objects-{secrets.token_hex(4)}"
    account.client("s3").create_bucket(Bucket=name)
    account.client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def store() -> Any:
    return ObjectStore(REGION)


def put(store: Any, bucket: Any, key: Any, body: Any = BODY) -> None:
    store.put(bucket, key, body, content_type="image/jpeg", cache_control="private", metadata={"job": "1"})


class TestStoredObjects:
    def test_what_is_put_is_what_is_got(self, store: Any, bucket: Any, account: Any) -> None:
        put(store, bucket, "a b/é+.jpg")
        assert store.get(bucket, "a b/é+.jpg", max_bytes=len(BODY)) == FetchedObject(BODY, "image/jpeg")
        stored = account.client("s3").get_object(Bucket=bucket, Key="a b/é+.jpg")
        assert (stored["ContentType"], stored["CacheControl"], stored["Metadata"]) == (
            "image/jpeg",
            "private",
            {"job": "1"},
        )
        stored["Body"].close()

    def test_head_tells_length_type_hash_and_version(self, store: Any, bucket: Any) -> None:
        put(store, bucket, "x")
        found = store.head(bucket, "x")
        assert (found.byte_count, found.content_type, found.sha256) == (len(BODY), "image/jpeg", SHA256)
        assert found.version_id

    def test_head_of_nothing_is_none(self, store: Any, bucket: Any) -> None:
        assert store.head(bucket, "x") is None
        put(store, bucket, "x")
        assert store.head(bucket, "x", version_id=secrets.token_hex(16)) is None

    def test_object_stored_without_a_hash_has_none(self, store: Any, bucket: Any, account: Any) -> None:
        with httpx.Client() as client:
            address = account.client("s3").generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "x"})
            client.put(address, content=BODY).raise_for_status()
        assert store.head(bucket, "x").sha256 is None

    @pytest.mark.parametrize(
        ("stored", "content_type"),
        [
            ({}, None),
            ({"ContentType": "application/octet-stream"}, None),
            ({"ContentType": "image/png; charset=binary"}, "image/png; charset=binary"),
        ],
        ids=["none", "any bytes", "one with a parameter"],
    )
    def test_type_is_what_was_declared_or_none(
        self, store: Any, bucket: Any, account: Any, stored: Any, content_type: Any
    ) -> None:
        account.client("s3").put_object(Bucket=bucket, Key="x", Body=BODY, **stored)
        assert store.get(bucket, "x", max_bytes=len(BODY)).content_type == content_type

    def test_versions_are_told_apart(self, store: Any, bucket: Any) -> None:
        put(store, bucket, "x", b"first")
        first = store.head(bucket, "x").version_id
        put(store, bucket, "x", b"second")
        assert store.get(bucket, "x", max_bytes=10, version_id=first).content == b"first"
        assert store.get(bucket, "x", max_bytes=10).content == b"second"
        store.copy(
            source_bucket=bucket, source_key="x", source_version_id=first, target_bucket=bucket, target_key="y z/é"
        )
        assert store.get(bucket, "y z/é", max_bytes=10).content == b"first"
        assert store.head(bucket, "y z/é").content_type == "image/jpeg"

    def test_copy_onto_itself_is_the_same_object_stored_anew(self, store: Any, bucket: Any, account: Any) -> None:
        put(store, bucket, "x")
        first = store.head(bucket, "x")
        for _ in range(2):
            store.copy(
                source_bucket=bucket, source_key="x", source_version_id=None, target_bucket=bucket, target_key="x"
            )
        again = store.head(bucket, "x")
        assert again.version_id != first.version_id
        assert (again.byte_count, again.content_type) == (first.byte_count, first.content_type)
        assert store.get(bucket, "x", max_bytes=len(BODY)).content == BODY
        assert account.client("s3").head_object(Bucket=bucket, Key="x")["Metadata"] == {"job": "1"}
        with pytest.raises(NotFoundError):
            store.copy(
                source_bucket=bucket, source_key="y", source_version_id=None, target_bucket=bucket, target_key="y"
            )

    @pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
    def test_archived_object_says_so_and_cannot_be_copied(
        self, store: Any, bucket: Any, account: Any, storage_class: Any
    ) -> None:
        s3 = account.client("s3")
        s3.put_object(Bucket=bucket, Key="x", Body=BODY, StorageClass=storage_class)
        assert store.head(bucket, "x").is_archived
        for target in ("x", "y"):
            with pytest.raises(ConflictError, match="archived"):
                store.copy(
                    source_bucket=bucket,
                    source_key="x",
                    source_version_id=None,
                    target_bucket=bucket,
                    target_key=target,
                )
        s3.restore_object(Bucket=bucket, Key="x", RestoreRequest={"Days": 1})
        assert not store.head(bucket, "x").is_archived
        store.copy(source_bucket=bucket, source_key="x", source_version_id=None, target_bucket=bucket, target_key="y")
        assert not store.head(bucket, "y").is_archived

    def test_deleted_object_is_gone_and_its_version_is_kept(self, store: Any, bucket: Any) -> None:
        put(store, bucket, "x")
        version = store.head(bucket, "x").version_id
        for _ in range(2):
            store.delete(bucket, "x")
            assert store.head(bucket, "x") is None
        assert store.get(bucket, "x", max_bytes=len(BODY), version_id=version).content == BODY

    def test_missing_object(self, store: Any, bucket: Any) -> None:
        with pytest.raises(NotFoundError):
            store.get(bucket, "x", max_bytes=1)
        with pytest.raises(NotFoundError):
            store.copy(
                source_bucket=bucket, source_key="x", source_version_id=None, target_bucket=bucket, target_key="y"
            )

    def test_limit_is_exact(self, store: Any, bucket: Any) -> None:
        put(store, bucket, "x")
        with pytest.raises(PayloadTooLargeError, match=str(len(BODY))):
            store.get(bucket, "x", max_bytes=len(BODY) - 1)

    def test_missing_bucket_is_a_fault_of_ours(self, store: Any) -> None:
        with pytest.raises(UnavailableError):
            store.get("no-such-bucket-at-all", "x", max_bytes=1)


class TestPresignedPost:
    @pytest.mark.requirement("A-08")
    def test_policy_fixes_key_type_length_and_hash(self, store: Any, bucket: Any) -> None:
        form = store.presign_post(
            bucket, "uploads/1", content_type="image/png", byte_count=77, sha256=SHA256, expires_seconds=900
        )
        policy = json.loads(base64.b64decode(form.fields["policy"]))
        checksum = base64.b64encode(bytes.fromhex(SHA256)).decode()
        for condition in (
            {"key": "uploads/1"},
            {"bucket": bucket},
            {"Content-Type": "image/png"},
            {"x-amz-checksum-sha256": checksum},
            {"x-amz-checksum-algorithm": "SHA256"},
            {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
            ["content-length-range", 77, 77],
        ):
            assert condition in policy["conditions"]
        for name in ("key", "Content-Type", "x-amz-checksum-sha256", "x-amz-checksum-algorithm", "x-amz-signature"):
            assert form.fields[name]

    def test_form_uploads(self, store: Any, bucket: Any, account: Any) -> None:
        form = store.presign_post(
            bucket, "uploads/1", content_type="image/png", byte_count=len(BODY), sha256=SHA256, expires_seconds=60
        )
        assert urlsplit(form.url).netloc == urlsplit(account.endpoint).netloc
        with httpx.Client() as client:
            assert client.post(form.url, data=form.fields, files={"file": BODY}).is_success
        assert store.head(bucket, "uploads/1").content_type == "image/png"


class TestPresignedGet:
    def test_address_answers_without_a_header(self, store: Any, bucket: Any) -> None:
        put(store, bucket, "x")
        address = store.presign_get(bucket, "x", expires_seconds=60)
        query = parse_qs(urlsplit(address).query)
        assert (query["X-Amz-Algorithm"], query["X-Amz-Expires"]) == (["AWS4-HMAC-SHA256"], ["60"])
        with httpx.Client() as client:
            assert client.get(address).content == BODY

    @pytest.mark.parametrize("name", ["a.jpg", 'q"uo;te\r\nSet-Cookie: x', "é ü/😀", "../../etc/passwd"])
    def test_download_name_stays_one_word_of_one_header(self, store: Any, bucket: Any, name: Any) -> None:
        address = store.presign_get(bucket, "x", expires_seconds=60, download_name=name)
        (disposition,) = parse_qs(urlsplit(address).query)["response-content-disposition"]
        prefix = "attachment; filename*=UTF-8''"
        assert disposition.startswith(prefix)
        assert disposition.isascii()
        assert not set(disposition.removeprefix(prefix)) & set('"; \r\n/')
        assert unquote(disposition.removeprefix(prefix)) == name


class Scripted(QuietHandler):
    """Answers each request with the next step of the script."""

    def do_GET(self) -> None:  # noqa: N802 - the name is the standard library's
        status, headers, body = self.server.script[min(len(self.server.seen), len(self.server.script) - 1)]
        self.server.seen.append(self.path)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    do_HEAD = do_PUT = do_GET  # noqa: N815  (the names that the server looks for)


@contextmanager
def scripted(monkeypatch: pytest.MonkeyPatch, *script: Any) -> Iterator[Any]:
    with Listener(Scripted) as server:
        server.script, server.seen = script, []
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.address)
        aws_clients.get_client.cache_clear()
        yield server


GOOD = (200, {"Content-Length": "5"}, b"seeds")
CUT_SHORT = (200, {"Content-Length": "5"}, b"see")
BUSY = (503, {}, b"<Error><Code>SlowDown</Code></Error>")
BROKEN = (500, {}, b"")
FORBIDDEN = (403, {}, b"<Error><Code>AccessDenied</Code></Error>")
CHANGED = (200, {"Content-Length": "5", "x-amz-checksum-sha256": base64.b64encode(b"0" * 32).decode()}, b"seeds")


class TestRetries:
    @pytest.mark.requirement("NOVA-14", "C-32")
    @pytest.mark.parametrize(
        "fault", [CUT_SHORT, BUSY, BROKEN, CHANGED], ids=["cut short", "busy", "broken", "changed"]
    )
    def test_third_attempt_counts(self, store: Any, monkeypatch: pytest.MonkeyPatch, fault: Any) -> None:
        with scripted(monkeypatch, fault, fault, GOOD) as server:
            assert store.get("bucket", "x", max_bytes=10) == FetchedObject(b"seeds", None)
            assert len(server.seen) == 3

    @pytest.mark.requirement("NOVA-14")
    @pytest.mark.parametrize("fault", [CUT_SHORT, BUSY, BROKEN], ids=["cut short", "busy", "broken"])
    def test_three_attempts_are_all(self, store: Any, monkeypatch: pytest.MonkeyPatch, fault: Any) -> None:
        with scripted(monkeypatch, fault) as server:
            with pytest.raises(UnavailableError):
                store.get("bucket", "x", max_bytes=10)
            assert len(server.seen) == 3

    @pytest.mark.requirement("NOVA-15")
    def test_put_is_repeated_whole(self, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        with scripted(monkeypatch, BUSY, (200, {"Content-Length": "0"}, b"")) as server:
            put(store, "bucket", "x")
            assert len(server.seen) == 2

    def test_refused_permission_is_not_repeated(self, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        with scripted(monkeypatch, FORBIDDEN) as server:
            with pytest.raises(UnavailableError, match="AccessDenied"):
                store.get("bucket", "x", max_bytes=10)
            assert len(server.seen) == 1

    def test_waits_begin_at_a_second_and_grow(self) -> None:
        assert (objects.ATTEMPTS, objects.FIRST_WAIT_SECONDS) == (3, 1.0)
