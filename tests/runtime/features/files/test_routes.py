"""Files: who sees which, what is said of them, how they are had back, and how an upload is ended."""

import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from runtime.features.jobs import repository as jobs
from runtime.features.uploads.limits import FILE_SIZE_LIMITS, FileKind
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.files.sent_files import FILES, PHOTO, UPLOAD, announce, path, query, sent
from tests.runtime.features.user_pool import User


def listed(api: Api, user: User, **parameters: Any) -> list[str]:
    answer = api.client.get(FILES, user, params=parameters)
    assert answer.status_code == 200, answer.text
    return [file["file_id"] for file in answer.json()["data"]]


def expire(api: Api, file: dict[str, Any]) -> None:
    with api.client.app.state.resources.database.transaction() as connection:
        connection.execute("UPDATE upload_sessions SET expires_at = now() WHERE upload_id = %s", [file["file_id"]])


class TestUploadForm:
    @pytest.mark.requirement("P2-27", "P2-13", "A-07", "A-08", "C-13")
    def test_is_the_form_of_an_announcement(self, api: Api) -> None:
        episode = api.create_episode()
        by_query = announce(api, episode=episode)
        by_body = api.announce(PHOTO, episode=episode)
        same = {"Content-Type", "x-amz-checksum-sha256", "x-amz-checksum-algorithm", "x-amz-algorithm"}
        assert {name: by_query["fields"][name] for name in same} == {name: by_body["fields"][name] for name in same}
        assert by_query.keys() == by_body.keys() | {"file_id"}
        assert by_query["upload_id"] != by_body["upload_id"]
        api.store(by_query, PHOTO)
        assert api.complete(by_query).status_code == 200

    @pytest.mark.requirement("C-09")
    def test_is_no_file_of_that_name(self, api: Api) -> None:
        for prefix in ("/api/v1", ""):
            fields = problems(api.client.get(f"{prefix}/files/upload", api.editor), 400, "VALIDATION_ERROR").keys()
            assert "query.file_name" in fields
            answer = api.client.get(f"{prefix}/files/uploads", api.editor)
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"path.file_id"}

    @pytest.mark.requirement("C-08")
    def test_path_without_prefix_is_the_same(self, api: Api) -> None:
        assert api.client.get("/files/upload", api.editor, params=query(api)).status_code == 200

    @pytest.mark.requirement("P2-16", "P2-17", "C-14")
    def test_wrong_announcements_are_refused_and_named(self, api: Api) -> None:
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
            answer = api.client.get(UPLOAD, api.editor, params=right | {field: value})
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {f"query.{field}"}, (field, value)
        assert api.client.get(UPLOAD, api.editor, params=right | {"byte_count": limit}).status_code == 200

    def test_half_a_surrogate_pair_is_no_fault_of_ours(self, api: Api) -> None:
        rest = "&".join(f"{name}={value}" for name, value in query(api).items() if name != "file_name")
        answer = api.client.get(f"{UPLOAD}?file_name=%ED%A0%80&{rest}", api.editor)
        assert answer.status_code == 200
        assert "\ufffd" in api.client.get(FILES, api.editor).json()["data"][0]["file_name"]

    def test_nothing_to_upload_for_is_404(self, api: Api) -> None:
        answer = api.client.get(UPLOAD, api.editor, params=query(api, entity_id=str(uuid4())))
        assert problems(answer, 404, "NOT_FOUND").keys() == {"query.entity_id"}


class TestFile:
    @pytest.mark.requirement("P2-29", "P2-14")
    def test_says_where_it_stands(self, api: Api) -> None:
        announced = announce(api)

        def file() -> dict[str, Any]:
            data: dict[str, Any] = api.client.get(path(announced), api.editor).json()["data"]
            return data

        pending = file()
        assert (pending["status"], pending["job_id"], pending["file_reference"]) == ("pending", None, None)
        assert (pending["user_id"], pending["expires_at"]) == (str(api.editor.user_id), announced["expires_at"])
        assert (pending["sha256"], pending["byte_count"]) == (hashlib.sha256(PHOTO).hexdigest(), len(PHOTO))
        api.store(announced, PHOTO)
        answer = api.client.post(path(announced, "/complete"), user=api.editor)
        completed = file()
        assert answer.json()["data"] == completed
        assert (completed["status"], completed["job_status"]) == ("completed", "pending")
        with api.client.app.state.resources.database.transaction() as connection:
            claim = jobs.claim(connection, UUID(completed["job_id"]), 60)
            assert claim
            jobs.fail(connection, claim, error_code="CORRUPT", error_message="broken")
        assert (file()["job_status"], file()["error_code"]) == ("failed", "CORRUPT")
        # A completed file stays one, however late it is.
        expire(api, announced)
        assert file()["status"] == "completed"

    def test_that_came_too_late_is_expired(self, api: Api) -> None:
        announced = announce(api)
        expire(api, announced)
        assert api.client.get(path(announced), api.editor).json()["data"]["status"] == "expired"
        assert listed(api, api.editor, status="expired") == [announced["file_id"]]
        assert listed(api, api.editor, status="pending") == []

    @pytest.mark.requirement("G-06")
    def test_of_somebody_else_is_not_there_but_for_administrators(self, api: Api) -> None:
        made, other = sent(api), User.of("editor")
        for address in (path(made), f"/files/{made['file_id']}", path(made, "/url")):
            found = problems(api.client.get(address, other), 404, "NOT_FOUND")
            assert found == {"path.file_id": "There is no such file"}
            assert api.client.get(address, api.admin).status_code == 200, address
        assert problems(api.client.delete(path(made), other), 404, "NOT_FOUND").keys() == {"path.file_id"}
        assert problems(api.client.get(f"{FILES}/{uuid4()}", other), 404, "NOT_FOUND") == found

    def test_list_has_the_callers_own_and_for_administrators_all(self, api: Api) -> None:
        other = User.of("editor")
        mine, theirs = sent(api)["file_id"], sent(api, user=other)["file_id"]
        assert listed(api, api.editor) == [mine]
        assert listed(api, other) == [theirs]
        assert listed(api, api.admin) == [theirs, mine]
        assert listed(api, api.admin, user_id=str(other.user_id)) == [theirs]
        assert listed(api, api.editor, user_id=str(other.user_id)) == []
        problems(api.client.get(FILES, api.viewer), 403, "FORBIDDEN")

    def test_list_is_narrowed_and_paged(self, api: Api) -> None:
        episode = api.create_episode()
        completed = [sent(api, entity_id=episode["episode_id"])["file_id"] for _ in range(3)]
        pending, elsewhere = announce(api, episode=episode)["file_id"], announce(api)["file_id"]
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

    def test_wrong_filters_are_refused(self, api: Api) -> None:
        for parameter, value in [
            ("status", "lost"),
            ("entity_type", "user"),
            ("entity_id", "x"),
            ("user_id", "x"),
            ("limit", "0"),
            ("cursor", "x"),
        ]:
            answer = api.client.get(FILES, api.editor, params={parameter: value})
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {f"query.{parameter}"}, parameter


class TestUrl:
    @pytest.mark.requirement("P2-29", "P2-13", "P2-15", "P2-36", "G-01", "C-13")
    def test_answers_the_stored_bytes_as_a_download(self, api: Api) -> None:
        made = sent(api, name="Grüße.jpg")
        data = api.client.get(path(made, "/url"), api.editor).json()["data"]
        assert data["download_name"] == "Grüße.jpg"
        parameters = parse_qs(urlsplit(data["url"]).query)
        assert (parameters["X-Amz-Algorithm"], parameters["X-Amz-Expires"]) == (["AWS4-HMAC-SHA256"], ["600"])
        answer = httpx.get(data["url"], trust_env=False)
        assert (answer.content, answer.headers["content-type"]) == (PHOTO, "image/jpeg")
        assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe.jpg"

    def test_is_noted_with_whom_it_was_given(self, api: Api) -> None:
        made = sent(api)
        api.client.get(path(made, "/url"), api.admin)
        (entry,) = api.client.get("/api/v1/activity-logs?limit=1", api.admin).json()["data"]
        assert (entry["action_type"], entry["resource_type"]) == ("download", "upload")
        assert (entry["resource_id"], entry["user_id"]) == (made["file_id"], str(api.admin.user_id))

    @pytest.mark.requirement("C-46")
    def test_nothing_is_had_before_it_is_completed(self, api: Api) -> None:
        announced = announce(api)
        api.store(announced, PHOTO)
        answer = api.client.get(path(announced, "/url"), api.editor)
        assert problems(answer, 409, "CONFLICT").keys() == {"path.file_id"}

    def test_copy_that_is_still_to_be_made_is_a_conflict(self, api: Api) -> None:
        made = sent(api)
        key = made["file_reference"].split("/", 3)[3]
        api.account.client("s3").delete_object(Bucket=api.buckets["storage"], Key=key)
        assert problems(api.client.get(path(made, "/url"), api.editor), 409, "CONFLICT").keys() == {"path.file_id"}


class TestCompleteFile:
    @pytest.mark.requirement("G-01", "P2-36")
    def test_refuses_what_every_completion_refuses(self, api: Api) -> None:
        announced = announce(api)
        complete = path(announced, "/complete")
        assert problems(api.client.post(complete, user=api.editor), 409, "CONFLICT").keys() == {"path.file_id"}
        api.store(announced, PHOTO[:-1] + b"!")
        assert problems(api.client.post(complete, user=api.editor), 400, "VALIDATION_ERROR").keys() == {"sha256"}
        api.store(announced, PHOTO)
        for user in (User.of("editor"), api.admin):
            assert problems(api.client.post(complete, user=user), 404, "NOT_FOUND").keys() == {"path.file_id"}
        first = api.client.post(complete, user=api.editor)
        assert first.status_code == 200
        assert api.client.post(complete, user=api.editor).json() == first.json()

    def test_that_came_too_late_is_a_conflict(self, api: Api) -> None:
        announced = announce(api)
        api.store(announced, PHOTO)
        expire(api, announced)
        answer = api.client.post(path(announced, "/complete"), user=api.editor)
        assert problems(answer, 409, "CONFLICT").keys() == {"path.file_id"}


class TestDeleteFile:
    @pytest.mark.requirement("G-01", "P2-14", "P2-36")
    def test_ends_a_pending_upload(self, api: Api) -> None:
        announced = announce(api)
        api.store(announced, PHOTO)
        answer = api.client.delete(path(announced), api.editor)
        assert (answer.status_code, answer.content) == (204, b"")
        assert problems(api.client.get(path(announced), api.editor), 404, "NOT_FOUND")
        assert problems(api.complete(announced), 404, "NOT_FOUND")
        (entry,) = api.client.get("/api/v1/activity-logs?limit=1", api.admin).json()["data"]
        assert (entry["action_type"], entry["resource_id"]) == ("delete", announced["file_id"])
        assert entry["old_values"]["file_name"] == "photo.jpg"

    def test_administrators_end_those_of_others(self, api: Api) -> None:
        announced = announce(api)
        assert api.client.delete(path(announced), api.admin).status_code == 204

    def test_of_any_other_file_is_a_conflict(self, api: Api) -> None:
        completed, expired = sent(api), announce(api)
        expire(api, expired)
        for file in (completed, expired):
            assert problems(api.client.delete(path(file), api.editor), 409, "CONFLICT").keys() == {"path.file_id"}
            assert api.client.get(path(file), api.editor).status_code == 200

    def test_of_a_file_that_a_post_waits_for_is_a_conflict(self, api: Api) -> None:
        announced = announce(api)
        with api.client.app.state.resources.database.transaction() as connection:
            connection.execute(
                """WITH made AS (INSERT INTO posts (user_id) VALUES (%(user_id)s) RETURNING post_id)
                UPDATE upload_sessions SET post_id = made.post_id FROM made WHERE upload_id = %(file_id)s""",
                {"user_id": api.editor.user_id, "file_id": announced["file_id"]},
            )
        assert problems(api.client.delete(path(announced), api.editor), 409, "CONFLICT").keys() == {"path.file_id"}
        assert api.client.get(path(announced), api.editor).json()["data"]["status"] == "pending"
