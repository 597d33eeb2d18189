"""Direct uploads through the API: accepted files, their processing, and rejections."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from runtime.adapters.objects import ObjectStore
from runtime.errors import UnavailableError
from runtime.features.files.schemas import MAX_DIRECT_BYTES, MAX_FORM_BYTES
from tests.runtime.features.api_platform import Api, Client, problems
from tests.runtime.features.files.file_forms import (
    BOUNDARY,
    IMAGES,
    PHOTO,
    UPLOAD,
    create_file,
    file,
    form,
    send,
    send_raw,
    text,
)
from tests.runtime.features.files.stored_files import rows, stored


def is_storage_empty(api: Api) -> bool:
    return (stored(api, "storage"), rows(api, "processing_queue"), rows(api, "upload_sessions")) == ({}, 0, 0)


class TestUploadFile:
    @pytest.mark.requirement("P2-28", "P2-12", "P2-15", "C-46", "ROAD-101")
    def test_file_is_stored_and_processed(self, api: Api) -> None:
        created = create_file(api)
        key = f"raw/episodes/{created['entity_id']}/{created['job_id']}"
        assert created["file_reference"] == f"s3://{api.buckets['storage']}/{key}"
        assert (created["status"], created["job_status"]) == ("completed", "pending")
        assert (created["file_name"], created["file_type"]) == ("photo.jpg", "image/jpeg")
        assert (created["byte_count"], created["sha256"]) == (len(PHOTO), hashlib.sha256(PHOTO).hexdigest())
        # First into the temp bucket, then into the storage bucket, which notifies the worker.
        assert stored(api, "temp") == {f"uploads/{created['file_id']}": PHOTO}
        assert stored(api, "storage") == {key: PHOTO}
        job = api.client.get(f"/api/v1/jobs/{created['job_id']}", api.editor).json()["data"]
        assert (job["status"], job["entity_id"], job["created_by"]) == (
            "pending",
            created["entity_id"],
            created["user_id"],
        )
        assert api.client.get(f"/api/v1/files/{created['file_id']}", api.editor).json()["data"] == created

    def test_upload_is_logged(self, api: Api) -> None:
        created = create_file(api)
        noted = api.client.get("/api/v1/activity-logs?limit=2", api.admin).json()["data"]
        assert [(entry["action_type"], entry["resource_type"], entry["resource_id"]) for entry in noted] == [
            ("upload", "episode", created["entity_id"]),
            ("create", "upload", created["file_id"]),
        ]
        assert {entry["user_id"] for entry in noted} == {str(api.editor.user_id)}

    @pytest.mark.requirement("C-08")
    def test_path_without_prefix_is_the_same(self, api: Api) -> None:
        created = create_file(api, path="/files/upload")
        assert api.client.get(f"/files/{created['file_id']}", api.editor).json()["data"] == created
        described = api.client.get("/openapi.json").json()["paths"]
        assert not [path for path in described if path.startswith("/files")]

    @pytest.mark.parametrize("file_type", IMAGES)
    def test_each_image_type_is_accepted(self, api: Api, file_type: str) -> None:
        created = create_file(api, IMAGES[file_type], file_type=file_type)
        head = api.account.client("s3").head_object(
            Bucket=api.buckets["storage"], Key=created["file_reference"].split("/", 3)[3]
        )
        assert (created["file_type"], head["ContentType"]) == (file_type, file_type)

    def test_stored_bytes_are_unchanged(self, api: Api) -> None:
        content = PHOTO + bytes(range(256)) + b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n\r\n--\r\n"
        body = form(
            text("entity_type", b"episode"),
            text("entity_id", api.create_episode()["episode_id"].encode()),
            file(content),
        )
        response = send_raw(api, body)
        assert response.status_code == 201, response.text
        assert list(stored(api, "storage").values()) == [content]

    @pytest.mark.requirement("A-14", "P2-17", "C-14")
    def test_file_at_the_limit_is_accepted(self, api: Api) -> None:
        content = PHOTO + b"x" * (MAX_DIRECT_BYTES - len(PHOTO))
        assert create_file(api, content)["byte_count"] == 4_500_000
        # The body in base64 and the rest of the event must fit into Lambda's 6 MB.
        assert MAX_FORM_BYTES * 4 / 3 < 6 * 1024 * 1024 - 150_000

    @pytest.mark.requirement("A-14", "P2-17")
    @pytest.mark.parametrize("size", [MAX_DIRECT_BYTES + 1, MAX_FORM_BYTES + 1, 10 * 1024 * 1024])
    def test_file_over_the_limit_is_413_and_names_the_alternative(self, api: Api, size: int) -> None:
        response = send(api, PHOTO + b"x" * (size - len(PHOTO)))
        assert "/api/v1/upload/generate-url" in str(problems(response, 413, "PAYLOAD_TOO_LARGE"))
        assert is_storage_empty(api)

    @pytest.mark.requirement("A-14")
    def test_chunked_body_over_the_limit_is_413(self, api: Api) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"--" + BOUNDARY.encode() + b"\r\n"
            for _ in range(100):
                yield b"x" * 65_536

        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        response = api.client.post(UPLOAD, user=api.editor, content=chunks(), headers=headers)
        assert "/api/v1/upload/generate-url" in str(problems(response, 413, "PAYLOAD_TOO_LARGE"))

    def test_other_paths_keep_their_body_limit(self, api: Api) -> None:
        for path in ("/api/v1/files", "/api/v1/files/upload/", "/api/v1/shows", "/api/v1/files/upload/complete"):
            response = api.client.post(path, user=api.admin, content=b" " * (1024 * 1024 + 1))
            problems(response, 413, "PAYLOAD_TOO_LARGE")

    @pytest.mark.requirement("P2-16")
    @pytest.mark.parametrize(
        "content",
        [
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"<html><script>alert(1)</script>",
            b"\x00\x00\x00\x18ftypmp42",
            b"\x00\x00\x00\x18ftypheic",
            b"%PDF-1.7",
            b"MZ\x90\x00",
            b"PK\x03\x04",
            b"\xff\xd8",
            b"GIF88a",
            b"RIFF\x10\x00\x00\x00WAVE",
            b"x" + PHOTO,
        ],
        ids=["svg", "html", "mp4", "heic", "pdf", "exe", "zip", "short", "gif88", "wav", "shifted"],
    )
    def test_other_content_is_rejected_whatever_its_declared_type(self, api: Api, content: bytes) -> None:
        for file_type in IMAGES:
            response = send(api, content, file_type=file_type)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.file"}, file_type
        assert is_storage_empty(api)

    @pytest.mark.requirement("P2-16")
    def test_image_of_another_type_than_declared_is_rejected(self, api: Api) -> None:
        for found, content in IMAGES.items():
            for declared in IMAGES.keys() - {found}:
                response = send(api, content, file_type=declared)
                expected = {"body.file_type": f"The file is {found}, not {declared}"}
                assert problems(response, 400, "VALIDATION_ERROR") == expected
        assert is_storage_empty(api)

    def test_invalid_forms_are_rejected_with_their_fields(self, api: Api) -> None:
        cases: list[tuple[dict[str, Any], dict[str, Any], set[str]]] = [
            ({"entity_type": "user"}, {}, {"body.entity_type"}),
            ({"entity_id": "x"}, {}, {"body.entity_id"}),
            ({"entity_id": "x", "entity_type": ""}, {}, {"body.entity_id", "body.entity_type"}),
            ({"bucket": "another"}, {}, {"body.bucket"}),
            ({"key": "raw/x"}, {}, {"body.key"}),
            ({"job_id": str(uuid4())}, {}, {"body.job_id"}),
            ({"sha256": "0" * 64, "byte_count": "1"}, {}, {"body.sha256", "body.byte_count"}),
            ({"file_type": "image/png"}, {}, {"body.file_type"}),
            ({"file_name": "other"}, {}, {"body.file_name"}),
            ({}, {"file_type": "image/svg+xml"}, {"body.file_type"}),
            ({}, {"file_type": "IMAGE/JPEG"}, {"body.file_type"}),
            ({}, {"file_type": "image/jpeg; charset=utf-8"}, {"body.file_type"}),
            ({}, {"name": "x" * 1025}, {"body.file_name"}),
            ({}, {"content": b""}, {"body.byte_count"}),
        ]
        for fields, options, expected in cases:
            response = send(api, **options, **fields)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == expected, (fields, options)
        assert is_storage_empty(api)

    def test_form_without_exactly_one_file_is_rejected(self, api: Api) -> None:
        named = [text("entity_type", b"episode"), text("entity_id", str(uuid4()).encode())]
        for parts in (
            named,
            [*named, text("file", PHOTO[:10].hex().encode())],
            [*named, file(field=b"picture")],
            [*named, file(), file(field=b"second")],
        ):
            response = send_raw(api, form(*parts))
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.file"}, parts

    def test_unknown_entity_is_404(self, api: Api) -> None:
        deleted = api.create_episode()
        api.delete(f"/api/v1/episodes/{deleted['episode_id']}")
        for entity_id in (str(uuid4()), deleted["episode_id"]):
            response = send(api, entity_id=entity_id)
            assert problems(response, 404, "NOT_FOUND").keys() == {"body.entity_id"}
        assert is_storage_empty(api)

    def test_unavailable_storage_leaves_no_rows(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        def raise_unavailable(*_: Any, **__: Any) -> None:
            raise UnavailableError("unavailable")

        with monkeypatch.context() as patched:
            patched.setattr(ObjectStore, "put", raise_unavailable)
            problems(send(api), 503, "SERVICE_UNAVAILABLE")
        assert is_storage_empty(api)
        assert create_file(api)["status"] == "completed"

    def test_form_is_not_read_without_authentication(self, api: Api) -> None:
        broken = b"--" + BOUNDARY.encode() + b"\r\nbroken"
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        problems(api.client.post(UPLOAD, content=broken, headers=headers), 401, "UNAUTHORIZED")
        problems(api.client.post(UPLOAD, user=api.viewer, content=broken, headers=headers), 403, "FORBIDDEN")
        problems(api.client.post(UPLOAD, user=api.editor, content=broken, headers=headers), 400, "VALIDATION_ERROR")

    def test_repeated_idempotency_key_creates_one_file(self, api: Api) -> None:
        body = form(
            text("entity_type", b"episode"), text("entity_id", api.create_episode()["episode_id"].encode()), file()
        )
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Idempotency-Key": str(uuid4())}
        app = api.client.app

        def post(_: int) -> tuple[int, str]:
            with asyncio.Runner() as runner:
                response = Client(app, runner).post(UPLOAD, user=api.editor, content=body, headers=headers)
            return response.status_code, response.text

        first = post(0)
        assert first[0] == 201
        with ThreadPoolExecutor(4) as threads:
            assert {response for response in threads.map(post, range(4)) if response[0] != 409} == {first}
        assert rows(api, "upload_sessions") == 1

    def test_openapi_describes_the_form(self, api: Api) -> None:
        described = api.client.get("/openapi.json").json()["paths"][UPLOAD]["post"]
        schema = described["requestBody"]["content"]["multipart/form-data"]["schema"]
        assert schema["required"] == ["file", "entity_type", "entity_id"]
        assert "Idempotency-Key" in [parameter["name"] for parameter in described["parameters"]]
