"""What must hold before anything is started; and that a refused or failed start leaves nothing behind."""

import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from local.process_registry import FILE_NAME, ProcessRegistry
from operations.client import aws_isolation
from operations.state.files import EnvironmentState, StateFiles
from operations.state.lock import ProcessIdentity
from operations.terminal.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.operations.conftest import Command

MakeState = Callable[..., EnvironmentState]
Sleeper = Callable[..., subprocess.Popen[bytes]]

EMPTY_PROGRAM = """
import pulumi

def platform() -> None:
    pulumi.export("api_url", "{api}")
"""


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def spoil(copied: "Command", path: str, text: str) -> None:
    assert copied.copy is not None
    (copied.copy / path).write_text(text)


def left(files: StateFiles) -> list[str]:
    return sorted(path.name for path in files.directory.iterdir() if path.name != "logs")


class TestPort:
    @pytest.mark.parametrize("way", ["--detach", "--foreground"])
    def test_taken_port_is_named_and_nothing_started(self, command: "Command", taken_port: int, way: str) -> None:
        answer = command("up", way, "--port", str(taken_port), "--json")
        assert answer.code == ExitCode.FAILED
        assert str(taken_port) in answer.data["error"]["message"]
        assert answer.data["error"]["next"] == "platform up --port 0"
        assert left(command.files()) == []

    def test_people_get_two_lines(self, command: "Command", taken_port: int) -> None:
        answer = command("up", "--port", str(taken_port))
        assert answer.out == ""
        assert len(answer.err.splitlines()) == 2


class TestSettings:
    @pytest.mark.parametrize("way", ["--detach", "--foreground"])
    def test_refused_field_is_named(self, copied: "Command", way: str) -> None:
        assert copied.copy is not None
        file = copied.copy / "Pulumi.dev.yaml"
        text = file.read_text()
        assert "    log_level: INFO\n" in text
        file.write_text(text.replace("    log_level: INFO\n", "    log_level: LOUD\n    loudness: 11\n"))
        answer = copied("up", way, "--port", "0")
        assert answer.code == ExitCode.USAGE
        message, next_step = answer.err.splitlines()
        assert "settings.log_level: " in message
        assert "settings.loudness: unknown key" in message
        assert next_step == f"  next: correct {file}"
        assert left(copied.files()) == []

    def test_unreadable_file_is_named(self, copied: "Command") -> None:
        assert copied.copy is not None
        file = copied.copy / "Pulumi.dev.yaml"
        file.write_text("config: [")
        answer = copied("up", "--port", "0")
        assert answer.code == ExitCode.FAILED
        assert str(file) in answer.err
        assert left(copied.files()) == []


class TestFailedStart:
    def test_problem_of_the_program_is_shown_and_nothing_runs(self, copied: "Command") -> None:
        spoil(copied, "stacks/program.py", "def platform() -> None:\n    raise ValueError('no such architecture')\n")
        answer = copied("up", "--port", "0")
        assert answer.code == ExitCode.FAILED
        assert "no such architecture" in answer.err
        assert f"  next: read {copied.files().host_log}" in answer.err
        assert left(copied.files()) == []
        assert not still_running(copied.state_root)

    def test_defect_is_one_line_and_its_traceback_in_the_log(self, copied: "Command") -> None:
        spoil(copied, "local/cloud.py", "raise LookupError('lost')\n")
        answer = copied("up", "--port", "0", "--json")
        assert answer.code == ExitCode.INTERNAL
        assert answer.data["error"]["message"] == "unexpected LookupError: lost"
        log = copied.files().host_log
        assert str(log) in answer.data["error"]["next"]
        assert "Traceback (most recent call last)" in log.read_text()
        assert left(copied.files()) == []

    def test_host_that_dies_without_a_word_is_told(self, copied: "Command") -> None:
        spoil(copied, "local/cloud.py", "import os\nos._exit(9)\n")
        answer = copied("up", "--port", "0")
        assert answer.code == ExitCode.FAILED
        assert "the host process ended with status 9 before the platform was running" in answer.err
        assert left(copied.files()) == []

    def test_api_that_never_becomes_ready_is_told_with_its_last_answer(self, copied: "Command") -> None:
        spoil(copied, "stacks/program.py", EMPTY_PROGRAM.format(api="http://127.0.0.1:9"))
        assert copied.copy is not None
        deployment = copied.copy / "operations" / "lifecycle" / "deployment.py"
        text = deployment.read_text()
        assert "\nREADY_SECONDS = 60\n" in text
        deployment.write_text(text.replace("\nREADY_SECONDS = 60\n", "\nREADY_SECONDS = 1\n"))
        answer = copied("up", "--port", "0", "--json")
        assert answer.code == ExitCode.FAILED
        assert (
            "the API did not become ready within 1 s; the last health check returned: ConnectError"
            in (answer.data["error"]["message"])
        )
        assert answer.data["error"]["next"].endswith("platform logs")
        assert left(copied.files()) == []
        assert not still_running(copied.state_root)


class TestRemains:
    def test_they_are_cleaned_and_named_in_one_line(
        self, command: "Command", files: StateFiles, held_by: MakeState, sleeper: Sleeper, taken_port: int
    ) -> None:
        host, stray = sleeper(), sleeper()
        files.write(held_by(ProcessIdentity.of(host.pid)))
        host.kill()
        host.wait()
        (files.directory / "databases").mkdir()
        ProcessRegistry(files.directory / FILE_NAME).add("postgres", stray.pid, signal.SIGTERM)
        answer = command("up", "--port", str(taken_port))
        assert answer.code == ExitCode.FAILED
        assert answer.err.splitlines()[0] == (
            "removed files of an earlier platform (databases, processes.json, state.json) and terminated 1 of its processes"
        )
        assert stray.wait(30) == -signal.SIGTERM
        assert left(files) == []


class TestHeldElsewhere:
    def test_another_command_at_work_is_a_refusal(self, command: "Command", files: StateFiles) -> None:
        lock = files.lock
        assert lock.acquire()
        answer = command("up", "--json")
        assert answer.code == ExitCode.BUSY
        assert "another command is starting or stopping" in answer.data["error"]["message"]
        assert answer.data["error"]["next"] == "platform status"
        assert left(files) == ["lock"]
        lock.release()


class TestRealAccounts:
    def test_nothing_of_the_users_own_aws_is_seen(self) -> None:
        seen = aws_isolation.isolated_environment(
            {
                "PATH": "/bin",
                "AWS_PROFILE": "work",
                "AWS_ENDPOINT_URL": "https://x",
                "PULUMI_CONFIG": "{}",
                "NO_PROXY": "a",
            }
        )
        assert seen["PATH"] == "/bin"
        assert seen["NO_PROXY"] == "a,127.0.0.1,localhost"
        assert seen["no_proxy"] == "127.0.0.1,localhost"
        assert not {"AWS_PROFILE", "AWS_ENDPOINT_URL", "PULUMI_CONFIG"} & set(seen)
        assert seen["AWS_EC2_METADATA_DISABLED"] == "true"


def still_running(state_root: Path) -> list[str]:
    """Processes whose command line names the state folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if str(state_root) in line:
            found.append(line)
    return found
