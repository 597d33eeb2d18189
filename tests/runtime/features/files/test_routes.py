"""Files: upload form, visibility, status, download URL, completion, deletion."""

import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from runtime.features.jobs import repository as jobs
from runtime.features.uploads.limits import FILE_SIZE_LIMITS, FileKind
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.files.file_forms import FILES, PHOTO, UPLOAD, create_file, create_upload, path, query
from tests.runtime.features.user_pool import User


def listed(api: Api, user: User, **parameters: Any) -> list[str]:
    response = api.client.get(FILES, user, params=parameters)
    assert response.status_code == 200, response.text
    return [file["file_id"] for file in response.json()["data"]]


def expire(api: Api, file: dict[str, Any]) -> None:
    with api.client.app.state.resources.database.transaction() as connection:
        connection.execute("UPDATE upload_sessions SET expires_at = now() WHERE upload_id = %s", [file["file_id"]])


class TestUploadForm:
    @pytest.mark.requirement("P2-27", "P2-13", "A-07", "A-08", "C-13")
    def test_get_returns_a_presigned_form(self, api: Api) -> None:
        episode = api.create_episode()
        by_query = create_upload(api, episode=episode)
        by_body = api.create_upload(PHOTO, episode=episode)
        same = {"Content-Type", "x-amz-checksum-sha256", "x-amz-checksum-algorithm", "x-amz-algorithm"}
        assert {name: by_query["fields"][name] for name in same} == {name: by_body["fields"][name] for name in same}
        assert by_query.keys() == by_body.keys() | {"file_id"}
        assert by_query["upload_id"] != by_body["upload_id"]
        api.store(by_query, PHOTO)
        assert api.complete(by_query).status_code == 200

    @pytest.mark.requirement("C-09")
    def test_path_upload_is_not_a_file_id(self, api: Api) -> None:
        for prefix in ("/api/v1", ""):
            fields = problems(api.client.get(f"{prefix}/files/upload", api.editor), 400, "VALIDATION_ERROR").keys()
            assert "query.file_name" in fields
            response = api.client.get(f"{prefix}/files/uploads", api.editor)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {"path.file_id"}

    @pytest.mark.requirement("C-08")
    def test_path_without_prefix_is_the_same(self, api: Api) -> None:
        assert api.client.get("/files/upload", api.editor, params=query(api)).status_code == 200

    @pytest.mark.requirement("P2-16", "P2-17", "C-14")
    def test_invalid_declarations_are_rejected_with_their_fields(self, api: Api) -> None:
        right, limit = query(api), FILE_SIZE_LIMITS[FileKind.IMAGE]
        for field, value in [
            ("file_type", "image/svg+xml"),
            ("file_type", "video/mp4"),
            ("byte_count", "0"),
            ("byte_count", str(limit + 1)),
            ("byte_count", "many"),
            ("byte_count", "9" * 5000),
            ("sha256", "0" * 63),
            ("sha256", "Z" * 64),
            ("entity_type", "user"),
            ("entity_id", "1"),
            ("file_name", ""),
            ("file_name", "x" * 1025),
            ("file_name", "a\0b"),
            ("bucket", "another"),
        ]:
            response = api.client.get(UPLOAD, api.editor, params=right | {field: value})
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"query.{field}"}, (field, value)
        assert api.client.get(UPLOAD, api.editor, params=right | {"byte_count": limit}).status_code == 200

    def test_lone_surrogate_is_not_a_server_error(self, api: Api) -> None:
        rest = "&".join(f"{name}={value}" for name, value in query(api).items() if name != "file_name")
        response = api.client.get(f"{UPLOAD}?file_name=%ED%A0%80&{rest}", api.editor)
        assert response.status_code == 200
        assert "\ufffd" in api.client.get(FILES, api.editor).json()["data"][0]["file_name"]

    def test_unknown_entity_is_404(self, api: Api) -> None:
        response = api.client.get(UPLOAD, api.editor, params=query(api, entity_id=str(uuid4())))
        assert problems(response, 404, "NOT_FOUND").keys() == {"query.entity_id"}


class TestFile:
    @pytest.mark.requirement("P2-29", "P2-14")
    def test_file_has_its_processing_status(self, api: Api) -> None:
        new_upload = create_upload(api)

        def file() -> dict[str, Any]:
            data: dict[str, Any] = api.client.get(path(new_upload), api.editor).json()["data"]
            return data

        pending = file()
        assert (pending["status"], pending["job_id"], pending["file_reference"]) == ("pending", None, None)
        assert (pending["user_id"], pending["expires_at"]) == (str(api.editor.user_id), new_upload["expires_at"])
        assert (pending["sha256"], pending["byte_count"]) == (hashlib.sha256(PHOTO).hexdigest(), len(PHOTO))
        api.store(new_upload, PHOTO)
        response = api.client.post(path(new_upload, "/complete"), user=api.editor)
        completed = file()
        assert response.json()["data"] == completed
        assert (completed["status"], completed["job_status"]) == ("completed", "pending")
        with api.client.app.state.resources.database.transaction() as connection:
            claim = jobs.claim(connection, UUID(completed["job_id"]), 60)
            assert claim
            jobs.fail(connection, claim, error_code="CORRUPT", error_message="broken")
        assert (file()["job_status"], file()["error_code"]) == ("failed", "CORRUPT")
        # A completed file never expires.
        expire(api, new_upload)
        assert file()["status"] == "completed"

    def test_late_upload_is_expired(self, api: Api) -> None:
        new_upload = create_upload(api)
        expire(api, new_upload)
        assert api.client.get(path(new_upload), api.editor).json()["data"]["status"] == "expired"
        assert listed(api, api.editor, status="expired") == [new_upload["file_id"]]
        assert listed(api, api.editor, status="pending") == []

    @pytest.mark.requirement("G-06")
    def test_file_of_another_user_is_404_except_for_administrators(self, api: Api) -> None:
        created, other = create_file(api), User.of("editor")
        for address in (path(created), f"/files/{created['file_id']}", path(created, "/url")):
            found = problems(api.client.get(address, other), 404, "NOT_FOUND")
            assert found == {"path.file_id": "File not found"}
            assert api.client.get(address, api.admin).status_code == 200, address
        assert problems(api.client.delete(path(created), other), 404, "NOT_FOUND").keys() == {"path.file_id"}
        assert problems(api.client.get(f"{FILES}/{uuid4()}", other), 404, "NOT_FOUND") == found

    def test_list_has_own_files_and_all_for_administrators(self, api: Api) -> None:
        other = User.of("editor")
        mine, theirs = create_file(api)["file_id"], create_file(api, user=other)["file_id"]
        assert listed(api, api.editor) == [mine]
        assert listed(api, other) == [theirs]
        assert listed(api, api.admin) == [theirs, mine]
        assert listed(api, api.admin, user_id=str(other.user_id)) == [theirs]
        assert listed(api, api.editor, user_id=str(other.user_id)) == []
        problems(api.client.get(FILES, api.viewer), 403, "FORBIDDEN")

    def test_list_filters_and_pages(self, api: Api) -> None:
        episode = api.create_episode()
        completed = [create_file(api, entity_id=episode["episode_id"])["file_id"] for _ in range(3)]
        pending, elsewhere = create_upload(api, episode=episode)["file_id"], create_upload(api)["file_id"]
        assert listed(api, api.editor, entity_id=episode["episode_id"]) == [pending, *reversed(completed)]
        assert listed(api, api.editor, status="pending") == [elsewhere, pending]
        assert len(listed(api, api.editor, entity_type="episode")) == 5
        seen: list[str] = []
        parameters: dict[str, Any] = {"status": "completed", "limit": 2}
        while True:
            page = api.client.get(FILES, api.editor, params=parameters).json()
            seen += [file["file_id"] for file in page["data"]]
            if page["page"]["next"] is None:
                break
            parameters["cursor"] = page["page"]["next"]
        assert seen == [*reversed(completed)]
        (first, *_) = api.client.get(FILES, api.editor, params={"status": "completed"}).json()["data"]
        assert first == api.client.get(path(first), api.editor).json()["data"]

    def test_invalid_filters_are_rejected(self, api: Api) -> None:
        for parameter, value in [
            ("status", "lost"),
            ("entity_type", "user"),
            ("entity_id", "x"),
            ("user_id", "x"),
            ("limit", "0"),
            ("cursor", "x"),
        ]:
            response = api.client.get(FILES, api.editor, params={parameter: value})
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"query.{parameter}"}, parameter


class TestUrl:
    @pytest.mark.requirement("P2-29", "P2-13", "P2-15", "P2-36", "G-01", "C-13")
    def test_url_downloads_the_stored_bytes(self, api: Api) -> None:
        created = create_file(api, name="Grüße.jpg")
        data = api.client.get(path(created, "/url"), api.editor).json()["data"]
        assert data["download_name"] == "Grüße.jpg"
        parameters = parse_qs(urlsplit(data["url"]).query)
        assert (parameters["X-Amz-Algorithm"], parameters["X-Amz-Expires"]) == (["AWS4-HMAC-SHA256"], ["600"])
        response = httpx.get(data["url"], trust_env=False)
        assert (response.content, response.headers["content-type"]) == (PHOTO, "image/jpeg")
        assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe.jpg"

    def test_download_url_is_logged(self, api: Api) -> None:
        created = create_file(api)
        api.client.get(path(created, "/url"), api.admin)
        (entry,) = api.client.get("/api/v1/activity-logs?limit=1", api.admin).json()["data"]
        assert (entry["action_type"], entry["resource_type"]) == ("download", "upload")
        assert (entry["resource_id"], entry["user_id"]) == (created["file_id"], str(api.admin.user_id))

    @pytest.mark.requirement("C-46")
    def test_incomplete_file_is_409(self, api: Api) -> None:
        new_upload = create_upload(api)
        api.store(new_upload, PHOTO)
        response = api.client.get(path(new_upload, "/url"), api.editor)
        assert problems(response, 409, "CONFLICT").keys() == {"path.file_id"}

    def test_file_that_is_not_copied_yet_is_409(self, api: Api) -> None:
        created = create_file(api)
        key = created["file_reference"].split("/", 3)[3]
        api.account.client("s3").delete_object(Bucket=api.buckets["storage"], Key=key)
        assert problems(api.client.get(path(created, "/url"), api.editor), 409, "CONFLICT").keys() == {"path.file_id"}


class TestCompleteFile:
    @pytest.mark.requirement("G-01", "P2-36")
    def test_invalid_completion_is_rejected(self, api: Api) -> None:
        new_upload = create_upload(api)
        complete = path(new_upload, "/complete")
        assert problems(api.client.post(complete, user=api.editor), 409, "CONFLICT").keys() == {"path.file_id"}
        api.store(new_upload, PHOTO[:-1] + b"!")
        assert problems(api.client.post(complete, user=api.editor), 400, "VALIDATION_ERROR").keys() == {"sha256"}
        api.store(new_upload, PHOTO)
        for user in (User.of("editor"), api.admin):
            assert problems(api.client.post(complete, user=user), 404, "NOT_FOUND").keys() == {"path.file_id"}
        first = api.client.post(complete, user=api.editor)
        assert first.status_code == 200
        assert api.client.post(complete, user=api.editor).json() == first.json()

    def test_late_completion_is_409(self, api: Api) -> None:
        new_upload = create_upload(api)
        api.store(new_upload, PHOTO)
        expire(api, new_upload)
        response = api.client.post(path(new_upload, "/complete"), user=api.editor)
        assert problems(response, 409, "CONFLICT").keys() == {"path.file_id"}


class TestDeleteFile:
    @pytest.mark.requirement("G-01", "P2-14", "P2-36")
    def test_pending_upload_is_deleted(self, api: Api) -> None:
        new_upload = create_upload(api)
        api.store(new_upload, PHOTO)
        response = api.client.delete(path(new_upload), api.editor)
        assert (response.status_code, response.content) == (204, b"")
        assert problems(api.client.get(path(new_upload), api.editor), 404, "NOT_FOUND")
        assert problems(api.complete(new_upload), 404, "NOT_FOUND")
        (entry,) = api.client.get("/api/v1/activity-logs?limit=1", api.admin).json()["data"]
        assert (entry["action_type"], entry["resource_id"]) == ("delete", new_upload["file_id"])
        assert entry["old_values"]["file_name"] == "photo.jpg"

    def test_administrators_delete_files_of_others(self, api: Api) -> None:
        new_upload = create_upload(api)
        assert api.client.delete(path(new_upload), api.admin).status_code == 204

    def test_other_status_is_409(self, api: Api) -> None:
        completed, expired = create_file(api), create_upload(api)
        expire(api, expired)
        for file in (completed, expired):
            assert problems(api.client.delete(path(file), api.editor), 409, "CONFLICT").keys() == {"path.file_id"}
            assert api.client.get(path(file), api.editor).status_code == 200

    def test_file_of_a_post_is_409(self, api: Api) -> None:
        new_upload = create_upload(api)
        with api.client.app.state.resources.database.transaction() as connection:
            connection.execute(
                """WITH created AS (INSERT INTO posts (user_id) VALUES (%(user_id)s) RETURNING post_id)
                UPDATE upload_sessions SET post_id = created.post_id FROM created WHERE upload_id = %(file_id)s""",
                {"user_id": api.editor.user_id, "file_id": new_upload["file_id"]},
            )
        assert problems(api.client.delete(path(new_upload), api.editor), 409, "CONFLICT").keys() == {"path.file_id"}
        assert api.client.get(path(new_upload), api.editor).json()["data"]["status"] == "pending"
