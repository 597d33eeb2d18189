"""Photo journeys: they end at the first failed step and report its cause."""

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

Responses = dict[str, tuple[int, Any]]


class ScriptedHandler(QuietHandler):
    """Returns the response that the test has set for the method and path."""

    def _respond(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        responses: Responses = self.server.responses  # type: ignore[attr-defined]  # set by the fixture
        status, body = responses.get(f"{self.command} {self.path.split('?')[0]}", (404, {}))
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _respond  # noqa: N815 - the names are the standard library's


@pytest.fixture
def platform() -> Iterator[tuple[str, Responses]]:
    """Return the URL and the responses of a fake platform, which works until a test changes a response."""
    with Listener(ScriptedHandler) as server:
        address = server.address
        content = checkout.BUNDLED_PHOTO.read_bytes()
        thumbnail = {
            "variant": "primary",
            "width": 5312,
            "height": 2988,
            "bytes": len(content),
            "url": f"{address}/t.jpg",
        }
        upload = {"upload_id": "u", "uploadUrl": f"{address}/bucket", "fields": {"key": "k"}, "expires_at": "soon"}
        responses: Responses = {
            "GET /health": (200, {"status": "ok"}),
            "POST /api/v1/shows": (201, {"data": {"show_id": "s"}}),
            "POST /api/v1/episodes": (201, {"data": {"episode_id": "e"}}),
            "POST /api/v1/upload/generate-url": (201, {"data": upload}),
            "POST /bucket": (204, b""),
            "POST /api/v1/upload/u/complete": (200, {"data": {"job_id": "j"}}),
            "GET /api/v1/jobs/j": (200, {"data": {"status": "completed"}}),
            "GET /api/v1/episodes/e/thumbnails": (200, {"data": [thumbnail]}),
            "GET /t.jpg": (200, content),
            "GET /api/v1/search": (200, {"data": [{"episode_id": "e"}]}),
            "GET /api/v1/episodes/e": (200, {"data": {"title": "A field of dandelions"}}),
        }
        server.responses = responses  # type: ignore[attr-defined]
        yield address, responses


def run(address: str, sign_in: Any = lambda role: f"token of {role}") -> JourneyResult:
    with PlatformApi(address) as api:
        return PhotoJourney(api, photo.read(checkout.BUNDLED_PHOTO), sign_in).run(lambda _: None)


class TestFailedStep:
    @pytest.mark.parametrize(
        ("request_line", "response", "step", "message"),
        [
            ("GET /health", (503, b"sleeping"), "health", "GET /health returned status 503 instead of 200: sleeping"),
            ("GET /health", (200, b"ok"), "health", "a body that is not JSON"),
            (
                "POST /api/v1/shows",
                (403, {"errors": [{"code": "FORBIDDEN", "message": "no"}]}),
                "create show",
                "POST /api/v1/shows returned status 403 instead of 201: FORBIDDEN: no",
            ),
            (
                "POST /api/v1/episodes",
                (201, {"data": {}}),
                "create episode",
                "lacks a field: KeyError('episode_id')",
            ),
            ("POST /bucket", (403, b"<Code>AccessDenied</Code>"), "upload photo", "403: <Code>AccessDenied</Code>"),
            (
                "GET /api/v1/jobs/j",
                (200, {"data": {"status": "failed", "error_message": "a corrupt file"}}),
                "thumbnail job",
                "the job failed: a corrupt file",
            ),
            ("GET /api/v1/episodes/e/thumbnails", (200, {"data": []}), "thumbnails", "the episode has no thumbnails"),
            ("GET /t.jpg", (403, b""), "thumbnails", "/t.jpg returned status 403"),
            ("GET /t.jpg", (200, b"text"), "thumbnails", "thumbnail primary cannot be decoded"),
            # The last step: a viewer's request that is not rejected.
            (
                "GET /nothing",
                (200, {}),
                "reject viewer",
                "POST /api/v1/shows returned status 201 instead of 403",
            ),
        ],
    )
    def test_failed_step_is_the_last_one_and_has_the_cause(
        self, platform: tuple[str, Responses], request_line: str, response: tuple[int, Any], step: str, message: str
    ) -> None:
        address, responses = platform
        responses[request_line] = response
        result = run(address)
        assert not result.ok
        assert [step_result.ok for step_result in result.steps].count(False) == 1
        assert result.steps[-1].name == step
        assert message in result.steps[-1].detail

    def test_thumbnail_of_a_different_size_fails(self, platform: tuple[str, Responses]) -> None:
        address, responses = platform
        thumbnail = responses["GET /api/v1/episodes/e/thumbnails"][1]["data"][0]
        thumbnail["height"] = 720
        detail = run(address).steps[-1].detail
        assert "is 5312×2988" in detail
        assert "instead of 5312×720" in detail

    def test_search_fails_after_its_deadline(
        self, platform: tuple[str, Responses], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("operations.journeys.photo_journey.SEARCH_SECONDS", 0.0)
        address, responses = platform
        responses["GET /api/v1/search"] = (200, {"data": []})
        assert "finds nothing instead of e" in run(address).steps[-1].detail

    def test_job_fails_after_its_deadline(
        self, platform: tuple[str, Responses], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("operations.journeys.photo_journey.JOB_SECONDS", 0.0)
        address, responses = platform
        responses["GET /api/v1/jobs/j"] = (200, {"data": {"status": "pending"}})
        assert run(address).steps[-1].detail == "the job is still pending after 0 s"

    def test_failed_sign_in_is_a_failed_step(self, platform: tuple[str, Responses]) -> None:
        def fail(role: object) -> str:
            raise CommandError("the pool is closed", code=ExitCode.FAILED)

        assert run(platform[0], fail).steps[-1].detail == "the pool is closed"

    def test_unreachable_platform_fails_the_first_step(self) -> None:
        result = run("http://127.0.0.1:9")
        assert [step.name for step in result.steps] == ["health"]
        assert "GET /health failed without a response: ConnectError" in result.steps[0].detail


class TestResult:
    def test_json_form(self, platform: tuple[str, Responses]) -> None:
        address, responses = platform
        data = run(address).as_data()
        assert set(data) == {"ok", "steps", "thumbnails"}
        assert set(data["steps"][0]) == {"name", "ok", "ms", "detail"}
        assert data["thumbnails"] == responses["GET /api/v1/episodes/e/thumbnails"][1]["data"]
