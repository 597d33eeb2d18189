"""`platform import` and `platform export`: report, checkpoint, and retries while the platform is busy."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from operations.client.record_files import MAX_RECORDS, Part
from operations.client.transfer import (
    PlatformConnection,
    RecordKind,
    Report,
    _read_checkpoint,
    export_records,
    import_records,
)
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen
from operations.terminal.exit_codes import ExitCode
from tests.http_listener import Listener, QuietHandler
from tests.operations.conftest import Command


def part(*lines: int) -> Part:
    return Part(content=b"x", lines=lines)


def line(number: int, status: str = "created") -> dict[str, object]:
    return {"line": number, "status": status, "id": None, "errors": []}


class TestReport:
    def test_results_have_line_numbers_of_the_whole_file(self, tmp_path: Path) -> None:
        report, first, second = Report(tmp_path / "r"), part(2, 5), part(6)
        report.add(first, [line(2), line(3, "refused")])
        report.add(second, [line(2)])
        assert report.completed_parts() == {first.idempotency_key, second.idempotency_key}
        results = [
            (entry["line"], entry["status"])
            for entry in report.results([first.idempotency_key, second.idempotency_key])
        ]
        assert results == [(2, "created"), (5, "refused"), (6, "created")]

    def test_interrupted_part_is_not_completed(self, tmp_path: Path) -> None:
        report, first, second = Report(tmp_path / "r"), part(2), part(3, 4)
        report.add(first, [line(2)])
        with report.path.open("a") as file:
            file.write(json.dumps(line(3)) + "\n" + '{"line": 4, "sta')
        assert report.completed_parts() == {first.idempotency_key}
        report.add(second, [line(2, "skipped"), line(3)])
        results = [
            (entry["line"], entry["status"])
            for entry in report.results([first.idempotency_key, second.idempotency_key])
        ]
        assert results == [(2, "created"), (3, "skipped"), (4, "created")]

    def test_missing_report_is_empty(self, tmp_path: Path) -> None:
        report = Report(tmp_path / "missing")
        assert (report.completed_parts(), report.results(["x"])) == (set(), [])


class TestCheckpoint:
    def test_valid_checkpoint_is_returned(self, tmp_path: Path) -> None:
        (tmp_path / "part").write_bytes(b"12345 and more")
        (tmp_path / "next").write_text('{"next": "/there", "bytes": 5}')
        assert _read_checkpoint(tmp_path / "part", tmp_path / "next") == ("/there", 5)

    @pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"next": "/there", "bytes": 6}'])
    def test_invalid_checkpoint_is_ignored(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "part").write_bytes(b"12345")
        (tmp_path / "next").write_text(content)
        assert _read_checkpoint(tmp_path / "part", tmp_path / "next") is None
        assert _read_checkpoint(tmp_path / "missing", tmp_path / "next") is None


ErrorResponse = tuple[int, dict[str, str]]
THROTTLED: ErrorResponse = (429, {"Retry-After": "1"})
UNAVAILABLE: ErrorResponse = (503, {"Retry-After": "1"})
NO_RESPONSE: ErrorResponse = (0, {})


class FakeApi(Listener):
    """An API that returns the given responses in turn; then it accepts every line and exports one record."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.responses: list[ErrorResponse] = []
        self.requests: list[tuple[str, str | None, bytes]] = []

    @property
    def platform(self) -> PlatformConnection:
        return PlatformConnection(base_url=self.address, sign_in=lambda role: role, is_remote=False)


class _Handler(QuietHandler):
    server: FakeApi

    def _respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((f"{self.command} {self.path}", self.headers["Idempotency-Key"], body))
        status, headers = self.server.responses.pop(0) if self.server.responses else (200, {})
        if (status, headers) == NO_RESPONSE:
            return
        content = b'{"title": "One"}\n'
        if self.command == "POST":
            lines = [line(number) for number in range(2, body.count(b"\n") + 1)]
            content = json.dumps({"data": {"lines": lines}}).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _respond  # noqa: N815 - the names are the standard library's


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as server:
        yield server


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Return a file with records for two parts."""
    path = tmp_path / "clips.csv"
    path.write_text("title\n" + "x\n" * (MAX_RECORDS + 1))
    return path


@pytest.fixture
def send(api: FakeApi, clips: Path) -> Callable[[], ExitCode]:
    return lambda: import_records(RecordKind.CLIPS, clips, api.platform, Screen(), skip_existing=False)


class TestRetries:
    """The platform is throttling, unavailable, or does not respond."""

    @pytest.mark.parametrize("response", [THROTTLED, UNAVAILABLE, (502, {}), NO_RESPONSE])
    def test_part_is_repeated_with_a_message(
        self, api: FakeApi, send: Any, response: ErrorResponse, capsys: pytest.CaptureFixture[str]
    ) -> None:
        api.responses = [response]
        assert send() == ExitCode.OK
        first, again, second = api.requests
        assert first == again
        assert first[1] != second[1]
        cause = "no response" if response == NO_RESPONSE else f"HTTP {response[0]}"
        assert capsys.readouterr().err == f"platform: {cause}: repeating the request in 1 s\n"

    def test_export_is_repeated_too(self, api: FakeApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        next_link = {"Link": f'<{api.address}/api/v1/clips/export?format=ndjson&cursor=2>; rel="next"'}
        api.responses = [THROTTLED, (200, next_link), UNAVAILABLE]
        file = tmp_path / "clips.ndjson"
        assert export_records(RecordKind.CLIPS, file, api.platform, Screen()) == ExitCode.OK
        assert [requests for requests, _, _ in api.requests] == [
            "GET /api/v1/clips/export?format=ndjson",
            "GET /api/v1/clips/export?format=ndjson",
            "GET /api/v1/clips/export?format=ndjson&cursor=2",
            "GET /api/v1/clips/export?format=ndjson&cursor=2",
        ]
        assert file.read_text() == '{"title": "One"}\n' * 2
        assert capsys.readouterr().err.count(": repeating the request in 1 s\n") == 2

    def test_transient_faults_are_limited(self, api: FakeApi, send: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("operations.client.transfer.MAX_FAULTS", 2)
        api.responses = [UNAVAILABLE] * 3
        with pytest.raises(CommandError, match="returned status 503") as raised:
            send()
        assert raised.value.next_step == "repeat the command: it resumes where it stopped"
        assert len(api.requests) == 2

    def test_permanent_error_is_not_repeated(self, api: FakeApi, send: Any) -> None:
        api.responses = [(500, {"Retry-After": "1"})]
        with pytest.raises(CommandError, match="returned status 500"):
            send()
        assert len(api.requests) == 1

    def test_part_fails_after_its_deadline(self, api: FakeApi, send: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("operations.client.transfer.RETRY_SECONDS", 0.5)
        api.responses = [THROTTLED]
        with pytest.raises(CommandError, match="returned status 429"):
            send()
        assert len(api.requests) == 1

    def test_each_part_has_its_own_deadline(self, api: FakeApi, send: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("operations.client.transfer.RETRY_SECONDS", 1.5)
        success = (200, dict[str, str]())
        api.responses = [THROTTLED, success, THROTTLED, success]
        assert send() == ExitCode.OK
        assert len(api.requests) == 4

    def test_interruption_ends_a_wait(self, api: FakeApi, clips: Path, command: Command) -> None:
        api.responses = [(429, {"Retry-After": "60"})]
        tokens = ("--token-admin", "a", "--token-editor", "e", "--token-viewer", "v")
        with command.start("import", "clips", str(clips), "--base-url", api.address, *tokens) as process:
            assert process.stderr
            assert process.stderr.readline() == "platform: HTTP 429: repeating the request in 60 s\n"
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == ExitCode.INTERRUPTED
            assert time.monotonic() - began < 10
        assert len(api.requests) == 1
