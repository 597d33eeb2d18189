"""However a platform's life ends, nothing of it goes on running."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest

from operations.state.files import EnvironmentState, StateFiles
from operations.terminal.exit_codes import ExitCode
from tests.operations.conftest import Command

if TYPE_CHECKING:
    from tests.operations.conftest import Api

pytestmark = pytest.mark.timeout(300)

WAIT_SECONDS = 60


@pytest.fixture
def clean_end(command: "Command") -> Iterator["Command"]:
    """The command; whatever a failing test left is ended."""
    yield command
    command("down")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """The command, for a platform that tests may change and end."""
    command = Command(tmp_path_factory.mktemp("own-platform") / "state")
    try:
        up = command("up", "--port", "0")
        assert up.code == 0, up.err
        yield command
    finally:
        command("down")


@pytest.fixture
def small(copied: "Command", api: "Api") -> Iterator["Command"]:
    """The command for a platform that creates nothing and whose API always answers."""
    assert copied.copy is not None
    (copied.copy / "stacks" / "program.py").write_text(
        f"import pulumi\n\ndef platform() -> None:\n    pulumi.export('api_url', '{api.address}')\n"
    )
    yield copied
    copied("down")


def wait_for(condition: Callable[[], Any]) -> Any:
    """Waits until something is true and returns it; the test's own timeout bounds it."""
    seen = condition()
    while not seen:
        time.sleep(0.02)
        seen = condition()
    return seen


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it started, those in sessions of their own too."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def all_end(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=WAIT_SECONDS)
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive)


def state_is(files: StateFiles, name: str) -> Callable[[], EnvironmentState | None]:
    def look() -> EnvironmentState | None:
        state = files.read()
        return state if state is not None and state.state == name else None

    return look


def left(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


@pytest.mark.platform
class TestInterruptedStart:
    def test_nothing_is_left(self, clean_end: "Command") -> None:
        files = clean_end.files()
        with clean_end.start("up", "--port", "0") as waiting:
            state = wait_for(state_is(files, "starting"))
            wait_for(lambda: len(psutil.Process(state.pid).children()) >= 2)
            host = family(state.pid)
            second = clean_end("up", "--json")
            assert second.code == ExitCode.BUSY
            assert "starting" in second.data["error"]["message"]
            assert clean_end("status", "--json").code == ExitCode.DEGRADED
            waiting.send_signal(signal.SIGINT)
            out, err = waiting.communicate(timeout=WAIT_SECONDS)
        assert waiting.returncode == ExitCode.INTERRUPTED
        assert "Traceback" not in out + err
        assert err == "platform: the start was interrupted; nothing is left running\n"
        assert all_end(host)
        assert left(files.directory) == ["logs"]
        assert clean_end("status").code == ExitCode.STOPPED

    def test_down_ends_it_too(self, clean_end: "Command") -> None:
        files = clean_end.files()
        with clean_end.start("up", "--port", "0") as waiting:
            state = wait_for(state_is(files, "starting"))
            host = family(state.pid)
            assert clean_end("down", "--json").data["ended"][0] == state.pid
            _, err = waiting.communicate(timeout=WAIT_SECONDS)
        assert waiting.returncode == ExitCode.INTERRUPTED
        assert "the start was interrupted" in err
        assert all_end(host)
        assert left(files.directory) == ["logs"]


class TestSmallPlatform:
    """A platform whose program creates nothing, and whose API is this test's: the life of the host alone."""

    def test_foreground_stays_until_ctrl_c(self, small: "Command") -> None:
        files = small.files()
        with small.start("up", "--foreground", "--port", "0", "--json") as staying:
            state = wait_for(state_is(files, "running"))
            assert state.pid == staying.pid
            assert small("status").code == ExitCode.OK
            assert small("up", "--json").data["already_running"] is True
            everything = family(staying.pid)
            staying.send_signal(signal.SIGINT)
            out, err = staying.communicate(timeout=WAIT_SECONDS)
        assert (staying.returncode, err) == (0, "")
        assert json.loads(out)["state"] == "running"
        assert all_end(everything)
        assert left(files.directory) == ["logs"]

    def test_wiped_state_ends_it(self, small: "Command") -> None:
        files = small.files()
        assert small("up", "--port", "0").code == 0
        state = files.read()
        assert state is not None
        everything = family(state.pid)
        files.wipe()
        assert all_end(everything)

    def test_broken_link_to_the_users_aws_is_no_obstacle(self, small: "Command") -> None:
        answer = small("up", "--port", "0", AWS_PROFILE="nonexistent", AWS_ENDPOINT_URL="http://127.0.0.1:1")
        assert answer.code == 0
        assert small("down").code == 0


@pytest.mark.platform
class TestPlatformOfItsOwn:
    """One platform, which these tests change and end, in this order."""

    def test_reset_starts_empty_on_the_same_port_with_its_logs(self, own: "Command") -> None:
        files = own.files()
        before, token = files.read(), own("token", "--role", "admin").out.strip()
        assert before is not None
        shows = f"{before.outputs['api_url']}/api/v1/shows"
        body = {"name": "Gone", "description": "It was here before."}
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.post(shows, json=body, headers=headers, trust_env=False).status_code == 201
        log = files.logs / "kept.log"
        log.write_text("kept\n")
        answer = own("reset", "--json")
        assert answer.code == ExitCode.OK
        assert (answer.data["state"], answer.data["already_running"]) == ("running", False)
        assert answer.data["endpoints"]["api"] == before.outputs["api_url"]
        after = files.read()
        assert after is not None
        assert after.pid != before.pid
        assert log.read_text() == "kept\n"
        # Tokens of the platform before are worth nothing.
        assert httpx.get(shows, headers=headers, trust_env=False).status_code == 401
        viewer = {"Authorization": f"Bearer {own('token', '--role', 'viewer').out.strip()}"}
        assert httpx.get(shows, headers=viewer, trust_env=False).json()["data"] == []

    def test_dead_part_is_told_and_a_killed_host_leaves_nothing_running(self, own: "Command") -> None:
        files = own.files()
        state = files.read()
        assert state is not None
        everything = family(state.pid)

        emulator = next(process for process in state.processes if process.name == "emulator")
        psutil.Process(emulator.pid).kill()
        wait_for(state_is(files, "degraded"))
        status = own("status", "--json")
        assert status.code == ExitCode.DEGRADED
        assert status.data["reason"] == "emulator ended unexpectedly"
        assert {"name": "emulator", "pid": emulator.pid, "state": "exited"} in status.data["processes"]
        assert own("up").code == ExitCode.DEGRADED

        journey = own("journey", "--json")
        assert journey.code == ExitCode.FAILED
        assert (journey.data["ok"], journey.data["thumbnails"]) == (False, [])
        failed = journey.data["steps"][-1]
        told = own("journey")
        assert told.code == ExitCode.FAILED
        assert f"platform: the journey failed at {failed['name']!r}: " in told.err

        psutil.Process(state.pid).kill()
        assert all_end(everything)
        status = own("status", "--json")
        assert (status.code, status.data["state"]) == (ExitCode.STOPPED, "stopped")
        assert "state.json" in status.data["reason"]
        assert own("down").code == 0
        assert left(files.directory) == ["logs"]
