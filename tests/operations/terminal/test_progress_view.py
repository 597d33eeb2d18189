"""Display of a start: plain lines in a pipe, a list with elapsed times on a terminal, nothing in JSON mode."""

import io

import pytest
from rich.console import Console

from local.progress import ProgressEvent
from operations.terminal import progress_view
from operations.terminal.console import Screen
from operations.terminal.progress_view import LiveProgressView, PlainProgressView

EVENTS = [
    ProgressEvent(step="emulator", state="started"),
    ProgressEvent(step="emulator", state="finished", detail="http://127.0.0.1:1", seconds=1.25),
    ProgressEvent(step="resources", state="started"),
    ProgressEvent(step="resources", state="progressed", detail="7 · vpc", seconds=2.0),
    ProgressEvent(step="health check", state="failed", detail="two\nlines", seconds=0.5),
]


def terminal(width: int = 60) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)


class TestPlainProgressView:
    def test_line_is_printed_when_a_step_ends(self) -> None:
        console = Console(file=io.StringIO(), width=20)
        with PlainProgressView(console) as view:
            for event in EVENTS:
                view.show_event(event)
        assert isinstance(console.file, io.StringIO)
        assert console.file.getvalue().splitlines() == [
            "ok        1.2 s  emulator: http://127.0.0.1:1",
            "FAILED    0.5 s  health check",
        ]


class TestLiveProgressView:
    def test_each_step_has_one_line_with_its_time(self) -> None:
        console = terminal()
        view = LiveProgressView(console)
        for event in EVENTS:
            view.show_event(event)
        with console.capture() as captured:
            console.print(view)
        first, second, third = (" ".join(line.split()) for line in captured.get().splitlines())
        assert first == "✓ emulator 1.2 s http://127.0.0.1:1"
        assert second.endswith("resources 2.0 s 7 · vpc")
        assert third == "✗ health check 0.5 s"

    def test_long_detail_is_truncated(self) -> None:
        console = terminal(width=40)
        view = LiveProgressView(console)
        view.show_event(ProgressEvent(step="resources", state="started", detail="x" * 100))
        with console.capture() as captured:
            console.print(view)
        assert captured.get().count("\n") == 1

    def test_last_output_remains_after_close(self) -> None:
        console = terminal()
        with LiveProgressView(console) as view:
            view.show_event(EVENTS[0])
            view.show_event(EVENTS[1])
            view.close()
        assert isinstance(console.file, io.StringIO)
        assert "✓  emulator" in console.file.getvalue()


class TestForScreen:
    def test_json_mode_shows_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        with progress_view.for_screen(Screen(as_json=True)) as view:
            for event in EVENTS:
                view.show_event(event)
        assert capsys.readouterr() == ("", "")

    def test_pipe_gets_plain_lines(self) -> None:
        assert isinstance(progress_view.for_screen(Screen()), PlainProgressView)
