"""Logs are printed, prefixed, followed; they outlive the platform."""

import signal
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from operations.state.files import EnvironmentState, StateFiles
from operations.state.lock import ProcessIdentity
from operations.terminal.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.operations.conftest import Command

MakeState = Callable[..., EnvironmentState]
Sleeper = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def logged(files: StateFiles) -> StateFiles:
    (files.logs / "api.log").write_text("one\n\x1b[31mtwo\x1b[0m\nthree\n")
    (files.logs / "postgres.log").write_text("ready\n")
    return files


class TestPrint:
    def test_all_of_them_carry_their_names(self, command: "Command", logged: StateFiles) -> None:
        answer = command("logs")
        assert answer.code == 0
        assert answer.out == "api      | one\napi      | two\napi      | three\npostgres | ready\n"

    def test_one_alone_is_printed_as_it_is(self, command: "Command", logged: StateFiles) -> None:
        assert command("logs", "api", "--lines", "2").out == "two\nthree\n"
        assert command("logs", "api", "-n", "0").out == "one\ntwo\nthree\n"

    def test_names_are_listed(self, command: "Command", logged: StateFiles) -> None:
        assert [log["process"] for log in command("logs", "--list", "--json").data["logs"]] == ["api", "postgres"]
        listed = command("logs", "--list").out.splitlines()
        assert [line.split()[0] for line in listed] == ["process", "api", "postgres"]

    def test_json_holds_the_lines(self, command: "Command", logged: StateFiles) -> None:
        log = command("logs", "postgres", "--json").data["logs"][0]
        path = logged.logs / "postgres.log"
        assert log == {"process": "postgres", "path": str(path), "bytes": 6, "lines": ["ready"]}

    def test_unknown_process_is_refused_with_the_known_ones(self, command: "Command", logged: StateFiles) -> None:
        answer = command("logs", "redis", "--json")
        assert answer.code == ExitCode.USAGE
        assert answer.data["error"]["message"] == "no log of process 'redis'; must be one of api, postgres"

    def test_long_lines_stay_whole(self, command: "Command", logged: StateFiles) -> None:
        (logged.logs / "api.log").write_text("x" * 20_000 + "\n")
        assert command("logs", "api").out == "x" * 20_000 + "\n"


class TestFollow:
    def test_json_has_no_end_and_is_refused(self, command: "Command", logged: StateFiles) -> None:
        answer = command("logs", "--follow", "--json")
        assert answer.code == ExitCode.USAGE
        assert "--follow" in answer.data["error"]["message"]

    def test_it_ends_with_the_platform(self, command: "Command", logged: StateFiles) -> None:
        answer = command("logs", "api", "--follow")
        assert (answer.code, answer.out) == (0, "one\ntwo\nthree\n")
        assert "is not running" in answer.err

    def test_new_lines_and_new_logs_are_shown(
        self, command: "Command", logged: StateFiles, held_by: MakeState, sleeper: Sleeper
    ) -> None:
        host = sleeper()
        logged.write(held_by(ProcessIdentity.of(host.pid)))
        with command.start("logs", "--follow", "--lines", "1") as following:
            assert following.stdout is not None
            assert [following.stdout.readline() for _ in range(2)] == ["api      | three\n", "postgres | ready\n"]
            with (logged.logs / "api.log").open("a") as log:
                log.write("fo")
                log.flush()
                log.write("ur\n")
            assert following.stdout.readline() == "api      | four\n"
            (logged.logs / "worker.log").write_text("hello\n")
            assert following.stdout.readline() == "worker   | hello\n"
            host.kill()
            host.wait()
            assert following.wait(30) == 0

    def test_interruption_ends_it_quietly(
        self, command: "Command", logged: StateFiles, held_by: MakeState, sleeper: Sleeper
    ) -> None:
        logged.write(held_by(ProcessIdentity.of(sleeper().pid)))
        with command.start("logs", "postgres", "--follow") as following:
            assert following.stdout is not None
            assert following.stdout.readline() == "ready\n"
            following.send_signal(signal.SIGINT)
            assert following.wait(30) == 0
            assert following.stderr is not None
            assert following.stderr.read() == ""
