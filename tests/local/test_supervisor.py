"""Starting, watching and stopping of processes."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from local import supervisor as module
from local.errors import ProcessFailedError
from local.process_registry import FILE_NAME, RegisteredProcess, read_registry
from local.supervisor import ManagedProcess, ProcessStatus, Supervisor, terminate_orphans

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


@pytest.fixture
def own_supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path)
    yield supervisor
    supervisor.stop_all()


def wait_for_end(pids: list[int], seconds: float = 20) -> None:
    processes = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            processes.append(psutil.Process(pid))
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


class TestStart:
    def test_output_is_written_to_log_file_by_name(self, own_supervisor: Supervisor) -> None:
        process = own_supervisor.start("greeter", [sys.executable, "-c", "print('good morning')"])
        assert process.wait(20) == 0
        assert (own_supervisor.logs / "greeter.log").read_text() == "good morning\n"

    def test_environment_is_exactly_the_given_one(self, own_supervisor: Supervisor) -> None:
        process = own_supervisor.start(
            "env", [sys.executable, "-c", "import os; print(sorted(os.environ))"], environment={"ONE": "1"}
        )
        process.wait(20)
        # The interpreter itself adds LC_CTYPE in a C locale.
        assert set(eval((own_supervisor.logs / "env.log").read_text())) - {"LC_CTYPE"} == {"ONE"}  # noqa: S307

    def test_name_in_use_is_rejected(self, own_supervisor: Supervisor) -> None:
        own_supervisor.start("one", SLEEP)
        with pytest.raises(ProcessFailedError, match="one: a process with this name is already running"):
            own_supervisor.start("one", SLEEP)

    def test_missing_program_is_reported(self, own_supervisor: Supervisor) -> None:
        with pytest.raises(ProcessFailedError, match="ghost: cannot start /nonexistent"):
            own_supervisor.start("ghost", ["/nonexistent"])

    def test_unexpected_exit_calls_on_exit(self, own_supervisor: Supervisor) -> None:
        exited, seen = threading.Event(), list[int]()

        def on_exit(status: int) -> None:
            seen.append(status)
            exited.set()

        own_supervisor.start("brief", [sys.executable, "-c", "raise SystemExit(7)"], on_exit=on_exit)
        assert exited.wait(20)
        assert seen == [7]
        assert own_supervisor.processes()[0].state == "exited"


class TestStop:
    def test_stopped_process_is_removed(self, own_supervisor: Supervisor) -> None:
        exited = threading.Event()
        process = own_supervisor.start("one", SLEEP, on_exit=lambda _: exited.set())
        assert own_supervisor.processes() == [ProcessStatus(name="one", pid=process.pid, state="running")]
        own_supervisor.stop("one")
        assert process.poll() == -signal.SIGTERM
        assert own_supervisor.processes() == []
        assert not exited.is_set()

    def test_process_that_ignores_stop_signal_is_killed(
        self, own_supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("local.supervisor.GRACE_SECONDS", 0.2)
        process = own_supervisor.start("stubborn", STUBBORN)
        while "up" not in process.log_tail():
            assert process.poll() is None
        own_supervisor.stop("stubborn")
        assert process.poll() == -signal.SIGKILL

    def test_unknown_name_is_no_error(self, own_supervisor: Supervisor) -> None:
        own_supervisor.stop("nobody")

    def test_nothing_starts_after_stop_all(self, own_supervisor: Supervisor) -> None:
        process = own_supervisor.start("one", SLEEP)
        own_supervisor.stop_all()
        assert process.poll() is not None
        with pytest.raises(ProcessFailedError, match="the supervisor is stopping"):
            own_supervisor.start("two", SLEEP)


HOST = """
import sys, time
from pathlib import Path
from local.supervisor import Supervisor
supervisor = Supervisor(Path(sys.argv[1]))
print(*[supervisor.start(f"child-{n}", [sys.executable, "-c", "import time; time.sleep(600)"]).pid for n in (1, 2)], flush=True)
time.sleep(600)
"""


class TestKeepAlive:
    """Programs that write a line when they start, and exit on a signal."""

    def kill_process(self, process: ManagedProcess) -> int:
        pid = process.pid
        os.kill(pid, signal.SIGKILL)
        wait_for_end([pid])
        return pid

    def is_restarted(self, process: ManagedProcess, former_pid: int) -> bool:
        return process.pid != former_pid and process.poll() is None

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def test_process_that_exits_is_restarted(
        self, own_supervisor: Supervisor, caplog: pytest.LogCaptureFixture
    ) -> None:
        program = [sys.executable, "-c", "import os, time; print(os.environ['ONE'], flush=True); time.sleep(600)"]
        process = own_supervisor.start("kept", program, environment={"ONE": "1"})
        own_supervisor.keep_alive(process)
        self.wait_for(lambda: process.log.read_text() == "1\n")
        first = self.kill_process(process)
        self.wait_for(lambda: process.pid != first and process.poll() is None)
        assert own_supervisor.processes() == [ProcessStatus(name="kept", pid=process.pid, state="running")]
        self.wait_for(lambda: process.log.read_text() == "1\n1\n")
        events = [(record.getMessage(), vars(record)["program"], vars(record)["pid"]) for record in caplog.records]
        assert events == [("process_ended", "kept", first), ("process_restarted", "kept", process.pid)]
        assert [each.pid for each in read_registry(own_supervisor.state_directory / FILE_NAME)] == [process.pid]
        own_supervisor.stop("kept")
        wait_for_end([process.pid])
        assert own_supervisor.processes() == []

    def test_process_that_keeps_failing_is_no_longer_restarted(
        self, own_supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(module, "INITIAL_RESTART_DELAY_SECONDS", 0.001)
        monkeypatch.setattr(module, "MIN_UPTIME_SECONDS", 600.0)
        ended = threading.Event()
        once = [
            sys.executable,
            "-c",
            "import pathlib, time; print('up', flush=True); pathlib.Path('go').exists() or time.sleep(600)",
        ]
        process = own_supervisor.start("failing", once, cwd=own_supervisor.logs, on_exit=lambda _: ended.set())
        own_supervisor.keep_alive(process)
        (own_supervisor.logs / "go").touch()
        self.kill_process(process)
        assert ended.wait(60)
        assert process.log.read_text().count("up") in {module.MAX_RESTARTS, module.MAX_RESTARTS + 1}
        assert [record.getMessage() for record in caplog.records].count("process_restarted") == module.MAX_RESTARTS
        assert caplog.records[-1].getMessage() == "process_restarts_exhausted"
        assert own_supervisor.processes()[0].state == "exited"

    def test_process_with_long_runs_is_always_restarted(
        self, own_supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MIN_UPTIME_SECONDS", 0.0)
        process = own_supervisor.start("kept", SLEEP)
        own_supervisor.keep_alive(process)
        pids = set()
        for _ in range(module.MAX_RESTARTS + 2):
            pid = self.kill_process(process)
            pids.add(pid)
            self.wait_for(partial(self.is_restarted, process, pid))
        assert len(pids) == module.MAX_RESTARTS + 2

    def test_process_stopped_during_restart_delay_is_not_restarted(
        self, own_supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(module, "INITIAL_RESTART_DELAY_SECONDS", 0.5)
        ended = threading.Event()
        process = own_supervisor.start("kept", SLEEP, on_exit=lambda _: ended.set())
        own_supervisor.keep_alive(process)
        pid = self.kill_process(process)
        self.wait_for(lambda: "process_ended" in [record.getMessage() for record in caplog.records])
        own_supervisor.stop("kept")
        assert ended.wait(20)
        assert (process.pid, own_supervisor.processes()) == (pid, [])

    def test_process_without_keep_alive_is_not_restarted(self, own_supervisor: Supervisor) -> None:
        ended = threading.Event()
        process = own_supervisor.start("one", SLEEP, on_exit=lambda _: ended.set())
        self.kill_process(process)
        assert ended.wait(20)
        assert own_supervisor.processes()[0].state == "exited"


class TestKilledSupervisor:
    def test_watchdog_terminates_all_processes(self, tmp_path: Path) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", HOST, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        ) as host:
            assert host.stdout is not None
            children = [int(pid) for pid in host.stdout.readline().split()]
            assert len(children) == 2
            assert all(psutil.pid_exists(pid) for pid in children)
            host.kill()
        wait_for_end(children)

    def test_orphans_of_killed_watchdog_are_terminated_later(self, tmp_path: Path) -> None:
        supervisor = Supervisor(tmp_path)
        process = supervisor.start("left", SLEEP)
        assert [entry.pid for entry in read_registry(tmp_path / FILE_NAME)] == [process.pid]
        assert terminate_orphans(tmp_path) == [process.pid]
        wait_for_end([process.pid])
        assert terminate_orphans(tmp_path) == []
        supervisor.stop_all()

    def test_reused_process_id_is_not_terminated(self) -> None:
        mine = RegisteredProcess(name="reused", pid=os.getpid(), started_at=1.0, stop_signal=signal.SIGTERM)
        assert mine.find_process() is None
