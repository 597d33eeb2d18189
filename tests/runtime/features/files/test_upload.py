"""Files that go through the API: what is taken, what becomes of it, and what is refused."""

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
from tests.runtime.features.files.sent_files import (
    BOUNDARY,
    IMAGES,
    PHOTO,
    UPLOAD,
    file,
    form,
    send,
    send_raw,
    sent,
    text,
)
from tests.runtime.features.files.stored_files import rows, stored


def nothing_is_stored(api: Api) -> bool:
    return (stored(api, "storage"), rows(api, "processing_queue"), rows(api, "upload_sessions")) == ({}, 0, 0)


class TestUploadFile:
    @pytest.mark.requirement("P2-28", "P2-12", "P2-15", "C-46", "ROAD-101")
    def test_goes_the_way_of_every_upload(self, api: Api) -> None:
        made = sent(api)
        key = f"raw/episodes/{made['entity_id']}/{made['job_id']}"
        assert made["file_reference"] == f"s3://{api.buckets['storage']}/{key}"
        assert (made["status"], made["job_status"]) == ("completed", "pending")
        assert (made["file_name"], made["file_type"]) == ("photo.jpg", "image/jpeg")
        assert (made["byte_count"], made["sha256"]) == (len(PHOTO), hashlib.sha256(PHOTO).hexdigest())
        # First to where uploads wait, then to where the worker is notified of it.
        assert stored(api, "temp") == {f"uploads/{made['file_id']}": PHOTO}
        assert stored(api, "storage") == {key: PHOTO}
        job = api.client.get(f"/api/v1/jobs/{made['job_id']}", api.editor).json()["data"]
        assert (job["status"], job["entity_id"], job["created_by"]) == ("pending", made["entity_id"], made["user_id"])
        assert api.client.get(f"/api/v1/files/{made['file_id']}", api.editor).json()["data"] == made

    def test_is_noted_like_every_upload(self, api: Api) -> None:
        made = sent(api)
        noted = api.client.get("/api/v1/activity-logs?limit=2", api.admin).json()["data"]
        assert [(entry["action_type"], entry["resource_type"], entry["resource_id"]) for entry in noted] == [
            ("upload", "episode", made["entity_id"]),
            ("create", "upload", made["file_id"]),
        ]
        assert {entry["user_id"] for entry in noted} == {str(api.editor.user_id)}

    @pytest.mark.requirement("C-08")
    def test_path_without_prefix_is_the_same(self, api: Api) -> None:
        made = sent(api, path="/files/upload")
        assert api.client.get(f"/files/{made['file_id']}", api.editor).json()["data"] == made
        described = api.client.get("/openapi.json").json()["paths"]
        assert not [path for path in described if path.startswith("/files")]

    @pytest.mark.parametrize("file_type", IMAGES)
    def test_takes_each_type_of_image(self, api: Api, file_type: str) -> None:
        made = sent(api, IMAGES[file_type], file_type=file_type)
        head = api.account.client("s3").head_object(
            Bucket=api.buckets["storage"], Key=made["file_reference"].split("/", 3)[3]
        )
        assert (made["file_type"], head["ContentType"]) == (file_type, file_type)

    def test_no_byte_is_changed(self, api: Api) -> None:
        content = PHOTO + bytes(range(256)) + b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n\r\n--\r\n"
        body = form(
            text("entity_type", b"episode"),
            text("entity_id", api.create_episode()["episode_id"].encode()),
            file(content),
        )
        answer = send_raw(api, body)
        assert answer.status_code == 201, answer.text
        assert list(stored(api, "storage").values()) == [content]

    @pytest.mark.requirement("A-14", "P2-17", "C-14")
    def test_exactly_the_limit_is_taken(self, api: Api) -> None:
        content = PHOTO + b"x" * (MAX_DIRECT_BYTES - len(PHOTO))
        assert sent(api, content)["byte_count"] == 4_500_000
        # Base64, in which the bytes reach a function, and what else an event has must fit into Lambda's 6 MB.
        assert MAX_FORM_BYTES * 4 / 3 < 6 * 1024 * 1024 - 150_000

    @pytest.mark.requirement("A-14", "P2-17")
    @pytest.mark.parametrize("size", [MAX_DIRECT_BYTES + 1, MAX_FORM_BYTES + 1, 10 * 1024 * 1024])
    def test_beyond_the_limit_is_413_and_says_where_such_files_go(self, api: Api, size: int) -> None:
        answer = send(api, PHOTO + b"x" * (size - len(PHOTO)))
        assert "/api/v1/upload/generate-url" in str(problems(answer, 413, "PAYLOAD_TOO_LARGE"))
        assert nothing_is_stored(api)

    @pytest.mark.requirement("A-14")
    def test_undeclared_beyond_the_limit_is_413_and_says_so_too(self, api: Api) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"--" + BOUNDARY.encode() + b"\r\n"
            for _ in range(100):
                yield b"x" * 65_536

        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        answer = api.client.post(UPLOAD, user=api.editor, content=chunks(), headers=headers)
        assert "/api/v1/upload/generate-url" in str(problems(answer, 413, "PAYLOAD_TOO_LARGE"))

    def test_other_paths_keep_their_limit(self, api: Api) -> None:
        for path in ("/api/v1/files", "/api/v1/files/upload/", "/api/v1/shows", "/api/v1/files/upload/complete"):
            answer = api.client.post(path, user=api.admin, content=b" " * (1024 * 1024 + 1))
            problems(answer, 413, "PAYLOAD_TOO_LARGE")

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
    def test_what_is_no_image_is_refused_whatever_it_says(self, api: Api, content: bytes) -> None:
        for file_type in IMAGES:
            answer = send(api, content, file_type=file_type)
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"body.file"}, file_type
        assert nothing_is_stored(api)

    @pytest.mark.requirement("P2-16")
    def test_image_of_another_type_than_declared_is_refused(self, api: Api) -> None:
        for found, content in IMAGES.items():
            for declared in IMAGES.keys() - {found}:
                answer = send(api, content, file_type=declared)
                assert problems(answer, 400, "VALIDATION_ERROR") == {"body.file_type": f"The file is {found}"}
        assert nothing_is_stored(api)

    def test_wrong_forms_are_refused_by_field(self, api: Api) -> None:
        for fields, options, expected in [
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
        ]:
            answer = send(api, **({"content": PHOTO} | options), **fields)
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == expected, (fields, options)
        assert nothing_is_stored(api)

    def test_form_has_one_file_and_it_is_the_file(self, api: Api) -> None:
        named = [text("entity_type", b"episode"), text("entity_id", str(uuid4()).encode())]
        for parts in (
            named,
            [*named, text("file", PHOTO[:10].hex().encode())],
            [*named, file(field=b"picture")],
            [*named, file(), file(field=b"second")],
        ):
            answer = send_raw(api, form(*parts))
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"body.file"}, parts

    def test_nothing_to_upload_for_is_404(self, api: Api) -> None:
        deleted = api.create_episode()
        api.delete(f"/api/v1/episodes/{deleted['episode_id']}")
        for entity_id in (str(uuid4()), deleted["episode_id"]):
            answer = send(api, entity_id=entity_id)
            assert problems(answer, 404, "NOT_FOUND").keys() == {"body.entity_id"}
        assert nothing_is_stored(api)

    def test_storage_that_is_away_leaves_nothing(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*_: Any, **__: Any) -> None:
            raise UnavailableError("away")

        with monkeypatch.context() as patched:
            patched.setattr(ObjectStore, "put", away)
            problems(send(api), 503, "SERVICE_UNAVAILABLE")
        assert nothing_is_stored(api)
        assert sent(api)["status"] == "completed"

    def test_nobody_unknown_has_a_form_read(self, api: Api) -> None:
        broken = b"--" + BOUNDARY.encode() + b"\r\nbroken"
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        problems(api.client.post(UPLOAD, content=broken, headers=headers), 401, "UNAUTHORIZED")
        problems(api.client.post(UPLOAD, user=api.viewer, content=broken, headers=headers), 403, "FORBIDDEN")
        problems(api.client.post(UPLOAD, user=api.editor, content=broken, headers=headers), 400, "VALIDATION_ERROR")

    def test_repeated_with_its_key_is_one_file(self, api: Api) -> None:
        body = form(
            text("entity_type", b"episode"), text("entity_id", api.create_episode()["episode_id"].encode()), file()
        )
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Idempotency-Key": str(uuid4())}
        app = api.client.app

        def post(_: int) -> tuple[int, str]:
            with asyncio.Runner() as runner:
                answer = Client(app, runner).post(UPLOAD, user=api.editor, content=body, headers=headers)
            return answer.status_code, answer.text

        first = post(0)
        assert first[0] == 201
        with ThreadPoolExecutor(4) as threads:
            assert {answer for answer in threads.map(post, range(4)) if answer[0] != 409} == {first}
        assert rows(api, "upload_sessions") == 1

    def test_is_described_as_a_form(self, api: Api) -> None:
        described = api.client.get("/openapi.json").json()["paths"][UPLOAD]["post"]
        schema = described["requestBody"]["content"]["multipart/form-data"]["schema"]
        assert schema["required"] == ["file", "entity_type", "entity_id"]
        assert "Idempotency-Key" in [parameter["name"] for parameter in described["parameters"]]
