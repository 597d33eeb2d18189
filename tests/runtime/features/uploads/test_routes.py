"""Uploads: declarations, presigned forms, completion."""

import asyncio
import base64
import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from runtime.adapters.objects import ObjectStore
from runtime.features.jobs import repository as jobs
from runtime.features.uploads.limits import FILE_SIZE_LIMITS, FileKind
from tests.runtime.features.api_platform import UPLOAD_EXPIRY_SECONDS, Api, Client, problems
from tests.runtime.features.user_pool import User

PHOTO = b"\xff\xd8\xff" + b"a photograph" * 50
PATH = "/api/v1/upload/generate-url"
HOSTILE_NAMES = [
    "../../etc/passwd",
    "..\\..\\boot.ini",
    "%2e%2e%2fsecret",
    "/absolute",
    "x" * 1024,
    "\u202egpj.exe",
    "CON",
    "😀.jpg",
    "a;b.jpg",
    "a\r\nX-Evil: 1",
    'a"b.jpg',
    "${filename}",
    "é" * 512,
    " ",
]


def copies(api: Api) -> list[str]:
    listed = api.account.client("s3").list_objects_v2(Bucket=api.buckets["storage"])
    return [found["Key"] for found in listed.get("Contents", [])]


def job_count(api: Api) -> int:
    with api.client.app.state.resources.database.transaction() as connection:
        row = connection.execute("SELECT count(*) AS jobs FROM processing_queue").fetchone()
    assert row
    return int(row["jobs"])


def expire(api: Api) -> None:
    with api.client.app.state.resources.database.transaction() as connection:
        connection.execute("UPDATE upload_sessions SET expires_at = now()")


class TestGenerateUrl:
    @pytest.mark.requirement("ROAD-115", "NOVA-05", "A-07", "A-08", "C-13", "ROAD-101")
    def test_form_accepts_exactly_the_declared_file(self, api: Api) -> None:
        upload = api.create_upload(PHOTO)
        assert upload.keys() == {"upload_id", "uploadUrl", "fileReference", "fields", "expires_at"}
        key = f"uploads/{upload['upload_id']}"
        assert upload["fileReference"] == f"s3://{api.buckets['temp']}/{key}"
        fields = upload["fields"]
        checksum = base64.b64encode(hashlib.sha256(PHOTO).digest()).decode()
        assert fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
        assert (fields["key"], fields["Content-Type"], fields["x-amz-checksum-sha256"]) == (key, "image/jpeg", checksum)
        policy = json.loads(base64.b64decode(fields["policy"]))
        exact = [condition for condition in policy["conditions"] if isinstance(condition, dict)]
        merged: dict[str, str] = {name: value for condition in exact for name, value in condition.items()}
        expected = {"bucket": api.buckets["temp"], "key": key, "Content-Type": "image/jpeg"}
        expected |= {"x-amz-checksum-sha256": checksum, "x-amz-checksum-algorithm": "SHA256"}
        assert expected.items() <= merged.items()
        ranges = [condition for condition in policy["conditions"] if isinstance(condition, list)]
        assert ranges == [["content-length-range", len(PHOTO), len(PHOTO)]]

    @pytest.mark.requirement("C-13", "NOVA-01")
    def test_session_and_form_expire_together(self, api: Api) -> None:
        upload = api.create_upload(PHOTO)
        policy = json.loads(base64.b64decode(upload["fields"]["policy"]))
        with api.client.app.state.resources.database.transaction() as connection:
            row = connection.execute(
                "SELECT extract(epoch FROM expires_at - created_at)::int AS seconds, status FROM upload_sessions"
            ).fetchone()
        assert row == {"seconds": UPLOAD_EXPIRY_SECONDS, "status": "pending"}
        assert policy["expiration"][:16] == upload["expires_at"][:16]

    @pytest.mark.requirement("C-08")
    def test_path_without_prefix_is_the_same(self, api: Api) -> None:
        response = api.client.post("/upload/generate-url", api.upload_body(PHOTO), api.editor)
        assert response.status_code == 201
        assert response.json()["data"]["fileReference"].startswith(f"s3://{api.buckets['temp']}/uploads/")
        assert "/upload/generate-url" not in api.client.get("/openapi.json").json()["paths"]

    def test_file_name_is_not_part_of_the_key(self, api: Api) -> None:
        episode = api.create_episode()
        for name in HOSTILE_NAMES:
            upload = api.create_upload(PHOTO, episode=episode, file_name=name)
            assert re.fullmatch(r"uploads/[0-9a-f-]{36}", upload["fields"]["key"]), name
        with api.client.app.state.resources.database.transaction() as connection:
            rows = connection.execute("SELECT file_name FROM upload_sessions ORDER BY upload_id").fetchall()
        assert [row["file_name"] for row in rows] == HOSTILE_NAMES

    @pytest.mark.requirement("ROAD-92", "C-14", "P1-29")
    def test_invalid_declarations_are_rejected_with_their_fields(self, api: Api) -> None:
        right = api.upload_body(PHOTO)
        limit = FILE_SIZE_LIMITS[FileKind.IMAGE]
        assert limit == 10_485_760
        for field, value in [
            ("file_type", "image/svg+xml"),
            ("file_type", "image/tiff"),
            ("file_type", "IMAGE/JPEG"),
            ("file_type", "text/html"),
            ("byte_count", 0),
            ("byte_count", limit + 1),
            ("byte_count", "5"),
            ("byte_count", 10**18),
            ("sha256", "0" * 63),
            ("sha256", "Z" * 64),
            ("sha256", "0" * 64 + "\n"),
            ("sha256", right["sha256"].upper()),
            ("entity_type", "user"),
            ("entity_id", "1"),
            ("file_name", ""),
            ("file_name", "x" * 1025),
            ("key", "raw/x"),
            ("bucket", "another"),
            ("upload_id", str(uuid4())),
            ("job_id", str(uuid4())),
        ]:
            response = api.client.post(PATH, right | {field: value}, api.editor)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"body.{field}"}, (field, value)
        assert api.client.post(PATH, right | {"byte_count": limit}, api.editor).status_code == 201

    def test_unknown_entity_is_404(self, api: Api) -> None:
        body = api.upload_body(PHOTO, entity_id=str(uuid4()))
        assert problems(api.client.post(PATH, body, api.editor), 404, "NOT_FOUND").keys() == {"body.entity_id"}


class TestCompleteUpload:
    @pytest.mark.requirement("NOVA-02", "A-08")
    def test_completion_creates_a_job_and_copies_the_verified_version(self, api: Api) -> None:
        upload = api.create_upload(PHOTO)
        api.store(upload, PHOTO)
        response = api.complete(upload)
        assert response.status_code == 200, response.text
        done = response.json()["data"]
        key = f"raw/episodes/{done['entity_id']}/{done['job_id']}"
        assert (done["upload_id"], done["status"]) == (upload["upload_id"], "pending")
        assert done["file_reference"] == f"s3://{api.buckets['storage']}/{key}"
        stored = api.account.client("s3").get_object(Bucket=api.buckets["storage"], Key=key)
        assert (stored["Body"].read(), stored["ContentType"]) == (PHOTO, "image/jpeg")
        job = api.client.get(f"/api/v1/jobs/{done['job_id']}", api.editor).json()["data"]
        assert (job["status"], job["entity_id"]) == ("pending", done["entity_id"])
        assert (job["source_reference"], job["created_by"]) == (done["file_reference"], str(api.editor.user_id))

    def test_repeated_completion_returns_the_same_job_and_does_not_copy(self, api: Api) -> None:
        upload = api.create_upload(PHOTO)
        api.store(upload, PHOTO)
        first = api.complete(upload).json()
        # A later upload with the same form is another version, which is ignored.
        api.store(upload, b"something else")
        expire(api)
        assert api.complete(upload).json() == first
        assert job_count(api) == 1
        key = first["data"]["file_reference"].split("/", 3)[3]
        s3 = api.account.client("s3")
        assert len(s3.list_object_versions(Bucket=api.buckets["storage"], Prefix=key)["Versions"]) == 1

    def test_concurrent_completions_create_one_job(self, api: Api) -> None:
        upload = api.create_upload(PHOTO)
        api.store(upload, PHOTO)
        app, path = api.client.app, f"/api/v1/upload/{upload['upload_id']}/complete"

        def complete(_: int) -> str:
            with asyncio.Runner() as runner:
                return str(Client(app, runner).post(path, user=api.editor).json()["data"]["job_id"])

        with ThreadPoolExecutor(4) as threads:
            assert len(set(threads.map(complete, range(4)))) == 1
        assert job_count(api) == 1

    @pytest.mark.requirement("NOVA-02")
    def test_missing_file_is_409_until_it_is_uploaded(self, api: Api) -> None:
        upload = api.create_upload(PHOTO)
        assert problems(api.complete(upload), 409, "CONFLICT").keys() == {"path.upload_id"}
        assert job_count(api) == 0
        api.store(upload, PHOTO)
        assert api.complete(upload).status_code == 200

    @pytest.mark.requirement("NOVA-02", "A-08")
    @pytest.mark.parametrize(
        ("content", "file_type", "fields"),
        [
            (PHOTO[:-1] + b"!", "image/jpeg", {"sha256"}),
            (PHOTO + b"!", "image/jpeg", {"sha256", "byte_count"}),
            (PHOTO[:-1], "image/jpeg", {"sha256", "byte_count"}),
            (PHOTO, "text/html", {"file_type"}),
        ],
        ids=["other-bytes", "longer", "shorter", "other-type"],
    )
    def test_other_file_is_rejected(self, api: Api, content: bytes, file_type: str, fields: set[str]) -> None:
        upload = api.create_upload(PHOTO)
        api.store(upload, content, file_type=file_type)
        assert problems(api.complete(upload), 400, "VALIDATION_ERROR").keys() == fields
        assert (job_count(api), copies(api)) == (0, [])

    @pytest.mark.requirement("A-08")
    def test_file_without_a_checksum_is_rejected(self, api: Api) -> None:
        upload = api.create_upload(PHOTO)
        api.account.client("s3").put_object(
            Bucket=api.buckets["temp"],
            Key=upload["fields"]["key"],
            Body=PHOTO,
            ContentType="image/jpeg",
            ChecksumAlgorithm="CRC32",
        )
        assert problems(api.complete(upload), 400, "VALIDATION_ERROR").keys() == {"sha256"}
        assert (job_count(api), copies(api)) == (0, [])

    @pytest.mark.requirement("NOVA-01")
    def test_expired_upload_is_409(self, api: Api) -> None:
        upload = api.create_upload(PHOTO)
        api.store(upload, PHOTO)
        expire(api)
        assert problems(api.complete(upload), 409, "CONFLICT").keys() == {"path.upload_id"}
        assert (job_count(api), copies(api)) == (0, [])

    def test_other_users_and_unknown_uploads_are_the_same_404(self, api: Api) -> None:
        upload = api.create_upload(PHOTO)
        api.store(upload, PHOTO)
        responses = [
            api.complete(upload, User.of("editor")),
            api.complete(upload, api.admin),
            api.complete({"upload_id": str(uuid4())}),
        ]
        errors = [problems(response, 404, "NOT_FOUND") for response in responses]
        assert errors == [{"path.upload_id": "Upload not found"}] * 3
        assert (job_count(api), copies(api)) == (0, [])

    def test_verified_version_is_copied(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        upload = api.create_upload(PHOTO)
        api.store(upload, PHOTO)
        store: ObjectStore = api.client.app.state.resources.objects
        head = store.head

        def replaced_after_a_look(*arguments: Any, **options: Any) -> Any:
            found = head(*arguments, **options)
            api.store(upload, b"another")
            return found

        monkeypatch.setattr(store, "head", replaced_after_a_look)
        done = api.complete(upload).json()["data"]
        key = done["file_reference"].split("/", 3)[3]
        stored = api.account.client("s3").get_object(Bucket=api.buckets["storage"], Key=key)
        assert stored["Body"].read() == PHOTO

    def test_started_job_is_not_copied_again(self, api: Api) -> None:
        upload = api.create_upload(PHOTO)
        api.store(upload, PHOTO)
        done = api.complete(upload).json()["data"]
        (key,) = copies(api)
        api.account.client("s3").delete_object(Bucket=api.buckets["storage"], Key=key)
        with api.client.app.state.resources.database.transaction() as connection:
            claim = jobs.claim(connection, UUID(done["job_id"]), 60)
            assert claim
            jobs.fail(connection, claim, error_code="CORRUPT", error_message="broken")
        assert api.complete(upload).json()["data"]["status"] == "failed"
        assert copies(api) == []
