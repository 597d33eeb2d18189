"""A journey stops at the first step that does not go well, and says what was seen there."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from operations.client.platform_api import PlatformApi
from operations.journeys import photo
from operations.journeys.journey import JourneyResult
from operations.journeys.photo_journey import PhotoJourney
from operations.project import checkout
from operations.terminal.command_errors import CommandError
from operations.terminal.exit_codes import ExitCode
from tests.http_listener import Listener, QuietHandler

Answers = dict[str, tuple[int, Any]]


class Scripted(QuietHandler):
    """A platform that answers what the test wrote down for the method and path."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answers: Answers = self.server.answers  # type: ignore[attr-defined]  # set by the fixture
        status, body = answers.get(f"{self.command} {self.path.split('?')[0]}", (404, {}))
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer  # noqa: N815 - the names are the standard library's


@pytest.fixture
def platform() -> Iterator[tuple[str, Answers]]:
    """A platform that works until a test changes one of its answers; a thumbnail of it is the bundled photo itself."""
    with Listener(Scripted) as server:
        address = server.address
        content = checkout.BUNDLED_PHOTO.read_bytes()
        announced = {
            "variant": "primary",
            "width": 5312,
            "height": 2988,
            "bytes": len(content),
            "url": f"{address}/t.jpg",
        }
        upload = {"upload_id": "u", "uploadUrl": f"{address}/bucket", "fields": {"key": "k"}, "expires_at": "soon"}
        answers: Answers = {
            "GET /health": (200, {"status": "ok"}),
            "POST /api/v1/shows": (201, {"data": {"show_id": "s"}}),
            "POST /api/v1/episodes": (201, {"data": {"episode_id": "e"}}),
            "POST /api/v1/upload/generate-url": (201, {"data": upload}),
            "POST /bucket": (204, b""),
            "POST /api/v1/upload/u/complete": (200, {"data": {"job_id": "j"}}),
            "GET /api/v1/jobs/j": (200, {"data": {"status": "completed"}}),
            "GET /api/v1/episodes/e/thumbnails": (200, {"data": [announced]}),
            "GET /t.jpg": (200, content),
            "GET /api/v1/search": (200, {"data": [{"episode_id": "e"}]}),
            "GET /api/v1/episodes/e": (200, {"data": {"title": "A field of dandelions"}}),
        }
        server.answers = answers  # type: ignore[attr-defined]
        yield address, answers


def run(address: str, sign_in: Any = lambda role: f"token of {role}") -> JourneyResult:
    with PlatformApi(address) as api:
        return PhotoJourney(api, photo.read(checkout.BUNDLED_PHOTO), sign_in).run(lambda _: None)


class TestFailedStep:
    @pytest.mark.parametrize(
        ("request_line", "answer", "step", "said"),
        [
            ("GET /health", (503, b"sleeping"), "health", "GET /health was answered 503 instead of 200: sleeping"),
            ("GET /health", (200, b"ok"), "health", "something that is not JSON"),
            (
                "POST /api/v1/shows",
                (403, {"errors": [{"code": "FORBIDDEN", "message": "no"}]}),
                "create show",
                "POST /api/v1/shows was answered 403 instead of 201: FORBIDDEN: no",
            ),
            (
                "POST /api/v1/episodes",
                (201, {"data": {}}),
                "create episode",
                "lacks what it promises: KeyError('episode_id')",
            ),
            ("POST /bucket", (403, b"<Code>AccessDenied</Code>"), "upload photo", "403: <Code>AccessDenied</Code>"),
            (
                "GET /api/v1/jobs/j",
                (200, {"data": {"status": "failed", "error_message": "a corrupt file"}}),
                "thumbnail job",
                "the job failed: a corrupt file",
            ),
            ("GET /api/v1/episodes/e/thumbnails", (200, {"data": []}), "thumbnails", "the episode has no thumbnails"),
            ("GET /t.jpg", (403, b""), "thumbnails", "/t.jpg was answered 403"),
            ("GET /t.jpg", (200, b"text"), "thumbnails", "thumbnail primary cannot be decoded"),
            # The last one: a viewer's create that is not refused.
            (
                "GET /nothing",
                (200, {}),
                "viewer is refused",
                "POST /api/v1/shows was answered 201 instead of 403",
            ),
        ],
    )
    def test_it_is_the_last_one_and_says_what_was_seen(
        self, platform: tuple[str, Answers], request_line: str, answer: tuple[int, Any], step: str, said: str
    ) -> None:
        address, answers = platform
        answers[request_line] = answer
        result = run(address)
        assert not result.ok
        assert [made.ok for made in result.steps].count(False) == 1
        assert result.steps[-1].name == step
        assert said in result.steps[-1].detail

    def test_thumbnail_of_another_size_than_announced(self, platform: tuple[str, Answers]) -> None:
        address, answers = platform
        announced = answers["GET /api/v1/episodes/e/thumbnails"][1]["data"][0]
        announced["height"] = 720
        detail = run(address).steps[-1].detail
        assert "is 5312×2988" in detail
        assert "announced as 5312×720" in detail

    def test_word_that_is_not_found_in_time(
        self, platform: tuple[str, Answers], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("operations.journeys.photo_journey.SEARCH_SECONDS", 0.0)
        address, answers = platform
        answers["GET /api/v1/search"] = (200, {"data": []})
        assert "finds nothing, not e" in run(address).steps[-1].detail

    def test_job_that_never_ends(self, platform: tuple[str, Answers], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("operations.journeys.photo_journey.JOB_SECONDS", 0.0)
        address, answers = platform
        answers["GET /api/v1/jobs/j"] = (200, {"data": {"status": "pending"}})
        assert run(address).steps[-1].detail == "the job is still pending after 0 s"

    def test_refused_sign_in(self, platform: tuple[str, Answers]) -> None:
        def refuse(role: object) -> str:
            raise CommandError("the pool is closed", code=ExitCode.FAILED)

        assert run(platform[0], refuse).steps[-1].detail == "the pool is closed"

    def test_nobody_there(self) -> None:
        result = run("http://127.0.0.1:9")
        assert [step.name for step in result.steps] == ["health"]
        assert "GET /health was not answered: ConnectError" in result.steps[0].detail


class TestResult:
    def test_json_form_is_the_promised_one(self, platform: tuple[str, Answers]) -> None:
        address, answers = platform
        data = run(address).as_data()
        assert set(data) == {"ok", "steps", "thumbnails"}
        assert set(data["steps"][0]) == {"name", "ok", "ms", "detail"}
        assert data["thumbnails"] == answers["GET /api/v1/episodes/e/thumbnails"][1]["data"]
