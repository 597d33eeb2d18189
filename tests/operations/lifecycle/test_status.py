"""Running, degraded, stopped: what is said of each, and with which exit code."""

import subprocess
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from local.progress import ProgressEvent
from operations.state.files import EnvironmentState, Process, StateFiles
from operations.state.lock import ProcessIdentity
from operations.state.progress_log import ProgressWriter
from operations.terminal.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.operations.conftest import Api, Command

MakeState = Callable[..., EnvironmentState]
Sleeper = Callable[..., subprocess.Popen[bytes]]


class TestStopped:
    def test_nothing_there(self, command: "Command") -> None:
        answer = command("status", "--json")
        assert answer.code == ExitCode.STOPPED
        assert answer.data == {
            "state": "stopped",
            "environment": "dev",
            "release": "0.1.0",
            "reason": "",
            "next": "platform up",
            "endpoints": {"api": None, "docs": None, "aws": None},
            "resources": {"applied": 0, "recorded_only": 0},
            "processes": [],
        }

    def test_people_are_told_the_next_command(self, command: "Command") -> None:
        answer = command("status")
        assert answer.code == ExitCode.STOPPED
        assert answer.out.splitlines() == ["platform dev is stopped", "next  platform up"]

    def test_dead_host_is_stopped_with_named_remains(
        self, command: "Command", files: StateFiles, held_by: MakeState, sleeper: Sleeper
    ) -> None:
        host = sleeper()
        files.write(held_by(ProcessIdentity.of(host.pid)))
        host.kill()
        host.wait()
        answer = command("status", "--json")
        assert (answer.code, answer.data["state"]) == (ExitCode.STOPPED, "stopped")
        assert "state.json" in answer.data["reason"]
        assert answer.data["next"].startswith("platform down")
        assert answer.data["endpoints"]["api"] is None


class TestDegraded:
    def test_platform_that_starts(
        self, command: "Command", files: StateFiles, held_by: MakeState, sleeper: Sleeper
    ) -> None:
        files.write(held_by(ProcessIdentity.of(sleeper().pid), state="starting", endpoints=None, credentials=None))
        with closing(ProgressWriter(files.progress)) as writer:
            writer.write_event(ProgressEvent(step="resources", state="started"))
        answer = command("status", "--json")
        assert (answer.code, answer.data["state"]) == (ExitCode.DEGRADED, "degraded")
        assert answer.data["reason"] == "it is starting (at: resources)"

    def test_host_that_has_not_written_yet(
        self, command: "Command", files: StateFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lock = files.lock
        assert lock.acquire()
        answer = command("status", "--json")
        assert answer.code == ExitCode.DEGRADED
        assert answer.data["reason"] == "it is being started or stopped"
        lock.release()

    def test_dead_part_is_named(
        self, command: "Command", files: StateFiles, held_by: MakeState, sleeper: Sleeper
    ) -> None:
        processes = (Process(name="postgres", pid=1, state="exited"),)
        state = held_by(ProcessIdentity.of(sleeper().pid), state="degraded", reason="postgres ended unexpectedly")
        files.write(state.model_copy(update={"processes": processes}))
        answer = command("status")
        assert answer.code == ExitCode.DEGRADED
        assert "platform dev is degraded" in answer.out
        assert "postgres ended unexpectedly" in answer.out
        assert "platform down && platform up" in answer.out

    def test_api_that_does_not_answer(
        self, command: "Command", files: StateFiles, held_by: MakeState, sleeper: Sleeper
    ) -> None:
        files.write(held_by(ProcessIdentity.of(sleeper().pid)))
        answer = command("status", "--json")
        assert answer.code == ExitCode.DEGRADED
        assert answer.data["reason"] == "the API does not respond at http://127.0.0.1:9/health/ready (ConnectError)"

    def test_api_that_is_not_ready(
        self,
        command: "Command",
        files: StateFiles,
        held_by: MakeState,
        sleeper: Sleeper,
        api: "Api",
    ) -> None:
        api.status = 503
        files.write(held_by(ProcessIdentity.of(sleeper().pid), api=api.address))
        answer = command("status", "--json")
        assert answer.code == ExitCode.DEGRADED
        assert answer.data["reason"] == f"{api.address}/health/ready returned 503"


class TestRunning:
    def test_it_answers(
        self,
        command: "Command",
        files: StateFiles,
        held_by: MakeState,
        sleeper: Sleeper,
        api: "Api",
    ) -> None:
        host = sleeper()
        state = held_by(ProcessIdentity.of(host.pid), api=api.address)
        files.write(state.model_copy(update={"processes": (Process(name="host", pid=host.pid, state="running"),)}))
        answer = command("status", "--json", HTTP_PROXY="http://127.0.0.1:1")
        assert answer.code == ExitCode.OK
        assert answer.data["state"] == "running"
        assert answer.data["endpoints"] == {
            "api": api.address,
            "docs": f"{api.address}/docs",
            "aws": "http://127.0.0.1:9",
        }
        assert answer.data["resources"] == {"applied": 1, "recorded_only": 1}
        assert answer.data["processes"] == [{"name": "host", "pid": host.pid, "state": "running"}]

    def test_resources_are_a_tree_by_component(
        self, command: "Command", files: StateFiles, held_by: MakeState, sleeper: Sleeper
    ) -> None:
        files.write(held_by(ProcessIdentity.of(sleeper().pid)))
        answer = command("status", "--resources")
        assert (
            "└── network  t:Network  recorded-only: the emulator has no networks\n"
            "    └── vpc  aws:ec2/vpc:Vpc  applied\n"
        ) in answer.out
        listed = command("status", "--resources", "--json").data["resources"]["items"]
        assert [one["name"] for one in listed] == ["network", "vpc"]
