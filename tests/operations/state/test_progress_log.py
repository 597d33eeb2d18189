"""The progress log: complete lines in order, and an end in any case."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from local.progress import ProgressEvent
from operations.state import progress_log
from operations.state.progress_log import ProgressWriter, StartOutcome
from operations.terminal.exit_codes import ExitCode


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "progress.jsonl"


def fail_on_wait() -> None:
    raise AssertionError("the reader waits for more than there is")


class TestFollow:
    def test_events_are_in_order_and_the_outcome_is_last(self, path: Path) -> None:
        event = ProgressEvent(step="emulator", state="finished", detail="ü", seconds=1.5)
        with closing(ProgressWriter(path)) as writer:
            writer.write_event(event)
            outcome = writer.write_outcome(ExitCode.FAILED, "no room", "make room")
        assert (outcome.ok, outcome.code) == (False, ExitCode.FAILED)
        with path.open(encoding="utf-8") as file:
            entries = list(progress_log.follow(file, is_writer_alive=lambda: True, wait=fail_on_wait))
        assert entries == [event, outcome]

    def test_incomplete_line_is_completed_first(self, path: Path) -> None:
        text = json.dumps(ProgressEvent(step="one", state="started").as_dict()) + "\n"
        path.write_text(text[:10])
        waits = []

        def write_the_rest() -> None:
            waits.append(1)
            with path.open("a") as file:
                file.write(text[10:])
            with closing(ProgressWriter(path)) as writer:
                writer.write_outcome(ExitCode.OK)

        with path.open(encoding="utf-8") as file:
            first, last = progress_log.follow(file, is_writer_alive=lambda: True, wait=write_the_rest)
        assert first == ProgressEvent(step="one", state="started")
        assert isinstance(last, StartOutcome)
        assert last.ok
        assert len(waits) == 1

    def test_dead_writer_ends_the_iterator_after_its_last_event(self, path: Path) -> None:
        with closing(ProgressWriter(path)) as writer:
            writer.write_event(ProgressEvent(step="one", state="started"))
        with path.open(encoding="utf-8") as file:
            entries = list(progress_log.follow(file, is_writer_alive=lambda: False, wait=fail_on_wait))
        assert [event.step for event in entries if isinstance(event, ProgressEvent)] == ["one"]
        assert len(entries) == 1


class TestProgressWriter:
    def test_event_after_close_is_discarded(self, path: Path) -> None:
        writer = ProgressWriter(path)
        writer.close()
        writer.write_event(ProgressEvent(step="late", state="started"))
        assert path.read_text() == ""


class TestLastStep:
    def test_last_complete_line_is_the_last_step(self, path: Path) -> None:
        assert progress_log.last_step(path) == ""
        with closing(ProgressWriter(path)) as writer:
            for step in ("one", "two"):
                writer.write_event(ProgressEvent(step=step, state="started"))
        with path.open("a") as file:
            file.write('{"step": "hal')
        assert progress_log.last_step(path) == "two"
