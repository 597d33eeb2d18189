"""The host's news reaches whoever waits: whole lines, in order, and the end whatever it is."""

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


def no_more() -> None:
    raise AssertionError("the reader waits though nothing more can come")


class TestFollow:
    def test_events_come_in_order_and_the_outcome_last(self, path: Path) -> None:
        event = ProgressEvent(step="emulator", state="finished", detail="ü", seconds=1.5)
        with closing(ProgressWriter(path)) as writer:
            writer.write_event(event)
            outcome = writer.write_outcome(ExitCode.FAILED, "no room", "make room")
        assert (outcome.ok, outcome.code) == (False, ExitCode.FAILED)
        with path.open(encoding="utf-8") as news:
            told = list(progress_log.follow(news, is_writer_alive=lambda: True, wait=no_more))
        assert told == [event, outcome]

    def test_half_a_line_is_waited_for(self, path: Path) -> None:
        text = json.dumps(ProgressEvent(step="one", state="started").as_dict()) + "\n"
        path.write_text(text[:10])
        pauses = []

        def write_the_rest() -> None:
            pauses.append(1)
            with path.open("a") as file:
                file.write(text[10:])
            with closing(ProgressWriter(path)) as writer:
                writer.write_outcome(ExitCode.OK)

        with path.open(encoding="utf-8") as news:
            first, last = progress_log.follow(news, is_writer_alive=lambda: True, wait=write_the_rest)
        assert first == ProgressEvent(step="one", state="started")
        assert isinstance(last, StartOutcome)
        assert last.ok
        assert len(pauses) == 1

    def test_writer_that_died_ends_it_after_its_last_words(self, path: Path) -> None:
        with closing(ProgressWriter(path)) as writer:
            writer.write_event(ProgressEvent(step="one", state="started"))
        with path.open(encoding="utf-8") as news:
            told = list(progress_log.follow(news, is_writer_alive=lambda: False, wait=no_more))
        assert [event.step for event in told if isinstance(event, ProgressEvent)] == ["one"]
        assert len(told) == 1


class TestProgressWriter:
    def test_event_after_the_end_is_dropped(self, path: Path) -> None:
        writer = ProgressWriter(path)
        writer.close()
        writer.write_event(ProgressEvent(step="late", state="started"))
        assert path.read_text() == ""


class TestLastStep:
    def test_it_is_the_last_one_told_of(self, path: Path) -> None:
        assert progress_log.last_step(path) == ""
        with closing(ProgressWriter(path)) as writer:
            for step in ("one", "two"):
                writer.write_event(ProgressEvent(step=step, state="started"))
        with path.open("a") as file:
            file.write('{"step": "hal')
        assert progress_log.last_step(path) == "two"
