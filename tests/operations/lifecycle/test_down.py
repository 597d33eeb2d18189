"""Whatever state a platform is in, `down` leaves the logs and nothing else."""

import os
import signal
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

from local.process_registry import FILE_NAME, ProcessRegistry
from operations.lifecycle import down
from operations.state.files import EnvironmentState, StateFiles
from operations.state.lock import ProcessIdentity

if TYPE_CHECKING:
    from tests.operations.conftest import Command

MakeState = Callable[..., EnvironmentState]
Sleeper = Callable[..., subprocess.Popen[bytes]]

DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)"
HOLDING = (
    "from operations.state.files import StateFiles; lock = StateFiles.of('dev').lock; print(lock.acquire(), flush=True)"
)


class TestNothingRuns:
    def test_it_is_said_and_no_error(self, command: "Command") -> None:
        answer = command("down")
        assert answer.code == 0
        assert answer.out == "the platform of environment 'dev' is not running\n"
        assert not command.state_root.exists()

    def test_logs_of_an_earlier_platform_are_kept(self, command: "Command", files: StateFiles) -> None:
        files.host_log.write_text("kept")
        answer = command("down", "--json")
        assert answer.code == 0
        assert answer.data == {
            "state": "stopped",
            "environment": "dev",
            "was_running": False,
            "ended": [],
            "logs": str(files.logs),
        }
        assert files.host_log.read_text() == "kept"
        assert [path.name for path in files.directory.iterdir()] == ["logs"]


class TestRunning:
    def test_host_is_asked_to_end_and_everything_wiped(
        self, command: "Command", files: StateFiles, held_by: MakeState, sleeper: Sleeper
    ) -> None:
        host = sleeper()
        files.write(held_by(ProcessIdentity.of(host.pid)))
        (files.directory / "databases").mkdir()
        answer = command("down", "--json")
        assert answer.code == 0
        assert (answer.data["was_running"], answer.data["ended"]) == (True, [host.pid])
        assert host.wait(30) == -signal.SIGTERM
        assert [path.name for path in files.directory.iterdir()] == ["logs"]

    def test_host_that_does_not_listen_is_killed(self, files: StateFiles, held_by: MakeState, sleeper: Sleeper) -> None:
        host = sleeper(DEAF, stdout=subprocess.PIPE)
        assert host.stdout is not None
        assert host.stdout.readline() == b"deaf\n"
        files.write(held_by(ProcessIdentity.of(host.pid)))
        assert down.stop_host(files, grace_seconds=0.2) == host.pid
        assert host.wait(30) == -signal.SIGKILL

    def test_host_that_only_signed_the_lock_is_found(
        self, command: "Command", files: StateFiles, sleeper: Sleeper
    ) -> None:
        host = sleeper(HOLDING, stdout=subprocess.PIPE, env=command.environment())
        assert host.stdout is not None
        assert host.stdout.readline() == b"True\n"
        assert command("down", "--json").data["ended"] == [host.pid]
        assert host.wait(30) == -signal.SIGTERM


class TestRemains:
    def test_processes_that_nobody_holds_are_ended(
        self, command: "Command", files: StateFiles, held_by: MakeState, sleeper: Sleeper
    ) -> None:
        host, stray = sleeper(), sleeper()
        files.write(held_by(ProcessIdentity.of(host.pid)))
        host.kill()
        host.wait()
        ProcessRegistry(files.directory / FILE_NAME).add("postgres", stray.pid, signal.SIGTERM)
        answer = command("down")
        assert answer.code == 0
        assert answer.out.splitlines() == [
            "terminated 1 processes of an earlier platform",
            "the platform of environment 'dev' was not running; its data was removed",
            f"logs: {files.logs}",
        ]
        assert stray.wait(30) == -signal.SIGTERM
        assert [path.name for path in files.directory.iterdir()] == ["logs"]

    def test_process_that_got_the_id_of_a_dead_host_is_spared(
        self, command: "Command", files: StateFiles, held_by: MakeState, sleeper: Sleeper
    ) -> None:
        bystander = sleeper()
        identity = ProcessIdentity.of(bystander.pid)
        files.write(held_by(ProcessIdentity(pid=identity.pid, started_at=identity.started_at - 100)))
        assert command("down", "--json").data["was_running"] is False
        assert bystander.poll() is None
        assert os.getpid() != bystander.pid
