"""What an upload may be, tried from outside on the whole platform: honest ones arrive, any other leaves nothing behind."""

import io
import time
from typing import Any

import psutil
import pytest
from PIL import Image

from tests.journeys.conftest import PHOTO, Platform

pytestmark = pytest.mark.platform

SIZES = {"primary": (1280, 720), "medium": (640, 360), "small": (320, 180)}


@pytest.fixture(scope="module")
def small_photo() -> bytes:
    image = Image.linear_gradient("L").resize((400, 300)).convert("RGB")
    image.save(buffer := io.BytesIO(), "JPEG")
    return buffer.getvalue()


def nothing_came_of_it(platform: Platform, episode_id: str, form: dict[str, Any]) -> None:
    """The completion is refused, no job exists, and no thumbnail."""
    refused = platform.complete(form)
    assert refused.status_code in {400, 404, 409, 410}, refused.text
    assert refused.json()["errors"][0]["code"] in {"VALIDATION_ERROR", "CONFLICT", "NOT_FOUND"}
    assert platform.thumbnails(episode_id) == []
    jobs = platform.data("GET", "/api/v1/jobs", "editor", params={"limit": "100"})
    assert [job for job in jobs if job["entity_id"] == episode_id] == []


class TestHonestUpload:
    @pytest.mark.requirement("ROAD-91", "ROAD-115", "ROAD-117", "ROAD-118", "P2-07", "P2-43", "C-33", "NOVA-05")
    def test_photograph_becomes_three_thumbnails(self, platform: Platform) -> None:
        episode = platform.episode()
        job = platform.finished(platform.upload(episode, PHOTO.read_bytes()))
        assert job["status"] == "completed", job
        listed = {one["variant"]: one for one in platform.thumbnails(episode)}
        assert set(listed) == set(SIZES)
        for variant, size in SIZES.items():
            answer = platform.http.get(listed[variant]["url"])
            assert answer.headers["content-type"] == "image/jpeg"
            with Image.open(io.BytesIO(answer.content)) as image:
                assert (image.size, image.format, dict(image.getexif())) == (size, "JPEG", {})
            assert len(answer.content) == listed[variant]["bytes"]

    @pytest.mark.requirement("NOVA-18", "NOVA-16")
    def test_bytes_that_are_no_image_are_a_failed_job_with_a_reason(self, platform: Platform) -> None:
        episode = platform.episode()
        job = platform.finished(platform.upload(episode, b"\xff\xd8\xff not really a photograph"))
        assert job["status"] == "failed"
        assert job["error_message"]
        assert job["retry_count"] <= 1
        assert platform.thumbnails(episode) == []


@pytest.mark.requirement("A-07", "A-08", "NOVA-43", "C-46", "P1-34", "P1-56")
class TestRefusedUpload:
    def test_one_byte_more_than_announced(self, platform: Platform, small_photo: bytes) -> None:
        episode = platform.episode()
        form = platform.announce(episode, small_photo)
        answer = platform.send(form, small_photo + b"\0")
        assert (answer.status_code, "EntityTooLarge" in answer.text) == (400, True), answer.text
        nothing_came_of_it(platform, episode, form)

    def test_another_type_than_announced(self, platform: Platform, small_photo: bytes) -> None:
        episode = platform.episode()
        form = platform.announce(episode, small_photo)
        answer = platform.send(form, small_photo, **{"Content-Type": "text/html"})
        assert (answer.status_code, "AccessDenied" in answer.text) == (403, True), answer.text
        nothing_came_of_it(platform, episode, form)

    def test_other_bytes_than_the_hash(self, platform: Platform, small_photo: bytes) -> None:
        episode = platform.episode()
        form = platform.announce(episode, small_photo)
        answer = platform.send(form, small_photo[:-1] + bytes([small_photo[-1] ^ 1]))
        assert answer.status_code == 400, answer.text
        nothing_came_of_it(platform, episode, form)

    def test_another_key_than_announced(self, platform: Platform, small_photo: bytes) -> None:
        episode = platform.episode()
        form = platform.announce(episode, small_photo)
        answer = platform.send(form, small_photo, key="uploads/elsewhere")
        assert (answer.status_code, "AccessDenied" in answer.text) == (403, True), answer.text
        nothing_came_of_it(platform, episode, form)

    def test_expired_form(self, platform: Platform, small_photo: bytes) -> None:
        episode = platform.episode()
        form = platform.announce(episode, small_photo)
        time.sleep(6.1)  # the platform's upload expiry is six seconds: the clock is what is tested
        answer = platform.send(form, small_photo)
        assert (answer.status_code, "expired" in answer.text) == (403, True), answer.text
        nothing_came_of_it(platform, episode, form)

    def test_never_uploaded(self, platform: Platform, small_photo: bytes) -> None:
        episode = platform.episode()
        nothing_came_of_it(platform, episode, platform.announce(episode, small_photo))

    def test_someone_elses_upload_is_not_there(self, platform: Platform, small_photo: bytes) -> None:
        form = platform.announce(platform.episode(), small_photo)
        sent = platform.send(form, small_photo)
        assert sent.is_success, sent.text
        answer = platform.call("POST", f"/api/v1/upload/{form['upload_id']}/complete", "admin")
        assert answer.status_code == 404

    def test_replayed_form_and_completion_change_nothing(self, platform: Platform, small_photo: bytes) -> None:
        episode = platform.episode()
        form = platform.announce(episode, small_photo)
        sent = platform.send(form, small_photo)
        assert sent.is_success, sent.text
        first = platform.complete(form).json()["data"]["job_id"]
        assert platform.finished(first)["status"] == "completed"
        before = platform.thumbnails(episode)
        platform.send(form, small_photo)
        again = platform.complete(form)
        assert again.json()["data"]["job_id"] == first
        assert [one["file_reference"] for one in platform.thumbnails(episode)] == [
            one["file_reference"] for one in before
        ]
        jobs = platform.data("GET", "/api/v1/jobs", "editor", params={"limit": "100"})
        assert [job["job_id"] for job in jobs if job["entity_id"] == episode] == [first]


@pytest.mark.requirement("P1-35", "P1-57")
class TestKilledWorker:
    @pytest.mark.requirement("NOVA-62", "P2-24")
    def test_job_ends_exactly_once(self, platform: Platform) -> None:
        episode = platform.episode()
        job = platform.upload(episode, PHOTO.read_bytes())
        # The first moment at which the row says that a worker has it.
        platform.until(
            lambda: platform.data("GET", f"/api/v1/jobs/{job}", "editor")["status"],
            lambda status: status != "pending",
            30,
        )
        for process in platform.cloud.processes():
            if "thumbnail" in process.name and process.state == "running":
                psutil.Process(process.pid).kill()
        ended = platform.finished(job, seconds=100)
        assert ended["status"] == "completed", ended
        assert {one["variant"] for one in platform.thumbnails(episode)} == set(SIZES)


class TestRoles:
    @pytest.mark.requirement("P1-13", "P1-28", "ROAD-104", "C-10")
    def test_viewer_may_not_create(self, platform: Platform) -> None:
        answer = platform.call("POST", "/api/v1/shows", "viewer", json={"name": "Not mine to make"})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "FORBIDDEN")

    @pytest.mark.requirement("ROAD-102")
    def test_nobody_may_read(self, platform: Platform) -> None:
        assert platform.http.get("/api/v1/shows").status_code == 401
