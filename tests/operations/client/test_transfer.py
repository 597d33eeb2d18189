"""`platform import` and `platform export`: a report, a place to go on, and what is done while the platform has no time."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from operations.client.record_files import MAX_RECORDS, Part
from operations.client.transfer import Noun, Platform, Report, _place, export_records, import_records
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
    def test_lines_are_those_of_the_whole_file(self, tmp_path: Path) -> None:
        report, first, second = Report(tmp_path / "r"), part(2, 5), part(6)
        report.add(first, [line(2), line(3, "refused")])
        report.add(second, [line(2)])
        assert report.done() == {first.key, second.key}
        told = [(entry["line"], entry["status"]) for entry in report.of([first.key, second.key])]
        assert told == [(2, "created"), (5, "refused"), (6, "created")]

    def test_a_part_that_was_cut_off_is_not_done(self, tmp_path: Path) -> None:
        report, first, second = Report(tmp_path / "r"), part(2), part(3, 4)
        report.add(first, [line(2)])
        with report.path.open("a") as file:
            file.write(json.dumps(line(3)) + "\n" + '{"line": 4, "sta')
        assert report.done() == {first.key}
        report.add(second, [line(2, "skipped"), line(3)])
        told = [(entry["line"], entry["status"]) for entry in report.of([first.key, second.key])]
        assert told == [(2, "created"), (3, "skipped"), (4, "created")]

    def test_none_yet_is_empty(self, tmp_path: Path) -> None:
        report = Report(tmp_path / "missing")
        assert (report.done(), report.of(["x"])) == (set(), [])


class TestPlace:
    def test_what_is_sure_is_kept(self, tmp_path: Path) -> None:
        (tmp_path / "part").write_bytes(b"12345 and more")
        (tmp_path / "next").write_text('{"next": "/there", "bytes": 5}')
        assert _place(tmp_path / "part", tmp_path / "next") == ("/there", 5)

    @pytest.mark.parametrize("noted", ["", "{", "{}", "[]", '{"next": "/there", "bytes": 6}'])
    def test_what_is_not_is_begun_anew(self, tmp_path: Path, noted: str) -> None:
        (tmp_path / "part").write_bytes(b"12345")
        (tmp_path / "next").write_text(noted)
        assert _place(tmp_path / "part", tmp_path / "next") is None
        assert _place(tmp_path / "missing", tmp_path / "next") is None


Refusal = tuple[int, dict[str, str]]
BUSY: Refusal = (429, {"Retry-After": "1"})
AWAY: Refusal = (503, {"Retry-After": "1"})
LOST: Refusal = (0, {})


class Busy(Listener):
    """Refuses as it is told, one request after the other; then takes every line and has one record."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.refusals: list[Refusal] = []
        self.asked: list[tuple[str, str | None, bytes]] = []

    @property
    def platform(self) -> Platform:
        return Platform(base_url=self.address, sign_in=lambda role: role, is_elsewhere=False)


class _Handler(QuietHandler):
    server: Busy

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((f"{self.command} {self.path}", self.headers["Idempotency-Key"], body))
        status, headers = self.server.refusals.pop(0) if self.server.refusals else (200, {})
        if (status, headers) == LOST:
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

    do_GET = do_POST = _answer  # noqa: N815 - the names are the standard library's


@pytest.fixture
def busy() -> Iterator[Busy]:
    with Busy() as server:
        yield server


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Two parts of records."""
    path = tmp_path / "clips.csv"
    path.write_text("title\n" + "x\n" * (MAX_RECORDS + 1))
    return path


@pytest.fixture
def send(busy: Busy, clips: Path) -> Callable[[], ExitCode]:
    return lambda: import_records(Noun.CLIPS, clips, busy.platform, Screen(), skip_existing=False)


class TestWaiting:
    """The platform asks to come back later, or does not answer."""

    @pytest.mark.parametrize("refusal", [BUSY, AWAY, (502, {}), LOST])
    def test_the_same_part_is_sent_again_and_that_is_said(
        self, busy: Busy, send: Any, refusal: Refusal, capsys: pytest.CaptureFixture[str]
    ) -> None:
        busy.refusals = [refusal]
        assert send() == ExitCode.OK
        first, again, second = busy.asked
        assert first == again
        assert first[1] != second[1]
        said = "an answer was lost" if refusal == LOST else "the platform asks to wait 1 s"
        assert capsys.readouterr().err == f"platform: {said}\n"

    def test_an_export_waits_too(self, busy: Busy, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        there = {"Link": f'<{busy.address}/api/v1/clips/export?format=ndjson&cursor=2>; rel="next"'}
        busy.refusals = [BUSY, (200, there), AWAY]
        file = tmp_path / "clips.ndjson"
        assert export_records(Noun.CLIPS, file, busy.platform, Screen()) == ExitCode.OK
        assert [asked for asked, _, _ in busy.asked] == [
            "GET /api/v1/clips/export?format=ndjson",
            "GET /api/v1/clips/export?format=ndjson",
            "GET /api/v1/clips/export?format=ndjson&cursor=2",
            "GET /api/v1/clips/export?format=ndjson&cursor=2",
        ]
        assert file.read_text() == '{"title": "One"}\n' * 2
        assert capsys.readouterr().err.count("platform: the platform asks to wait 1 s\n") == 2

    def test_faults_are_counted(self, busy: Busy, send: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("operations.client.transfer.ATTEMPTS", 2)
        busy.refusals = [AWAY] * 3
        with pytest.raises(CommandError, match="was answered 503") as refused:
            send()
        assert refused.value.next_step == "run it again: it goes on where it stopped"
        assert len(busy.asked) == 2

    def test_what_waiting_does_not_mend_is_not_repeated(self, busy: Busy, send: Any) -> None:
        busy.refusals = [(500, {"Retry-After": "1"})]
        with pytest.raises(CommandError, match="was answered 500"):
            send()
        assert len(busy.asked) == 1

    def test_a_part_has_its_time_and_no_more(self, busy: Busy, send: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("operations.client.transfer.PATIENCE_SECONDS", 0.5)
        busy.refusals = [BUSY]
        with pytest.raises(CommandError, match="was answered 429"):
            send()
        assert len(busy.asked) == 1

    def test_the_next_part_has_a_time_of_its_own(self, busy: Busy, send: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("operations.client.transfer.PATIENCE_SECONDS", 1.5)
        taken = (200, dict[str, str]())
        busy.refusals = [BUSY, taken, BUSY, taken]
        assert send() == ExitCode.OK
        assert len(busy.asked) == 4

    def test_an_interruption_ends_the_wait_at_once(self, busy: Busy, clips: Path, command: Command) -> None:
        busy.refusals = [(429, {"Retry-After": "60"})]
        tokens = ("--token-admin", "a", "--token-editor", "e", "--token-viewer", "v")
        with command.start("import", "clips", str(clips), "--base-url", busy.address, *tokens) as process:
            assert process.stderr
            assert process.stderr.readline() == "platform: the platform asks to wait 60 s\n"
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == ExitCode.INTERRUPTED
            assert time.monotonic() - began < 10
        assert len(busy.asked) == 1
