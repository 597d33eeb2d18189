"""The end and the concurrency of function instances, with real processes."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.compute.lambda_ import function_pool, function_worker
from local.compute.lambda_.function_definition import LOCAL_CONCURRENCY
from local.compute.lambda_.functions import Functions
from local.supervisor import Supervisor

Register = Callable[..., str]
WaitFor = Callable[..., Any]


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def running_instances(supervisor: Supervisor, name: str) -> list[int]:
    prefix = f"function-{name}-"
    return [p.pid for p in supervisor.processes() if p.name.startswith(prefix) and p.state == "running"]


def log_of(supervisor: Supervisor, name: str) -> str:
    return (supervisor.logs / f"function-{name}-1.log").read_text()


class TestTimeout:
    @pytest.mark.parametrize("handler", ["answers.sleep", "answers.hold_gil"])
    def test_timeout_kills_the_worker_and_the_next_event_gets_a_new_one(
        self, functions: Functions, register: Register, supervisor: Supervisor, tmp_path: Path, handler: str
    ) -> None:
        name = register(handler, timeout=1.0)
        invocation = functions.invoke(name, {"seconds": 600, "began": str(tmp_path / "began")})
        assert invocation.error is not None
        assert (invocation.error.type, invocation.error.message) == ("Timeout", "Task timed out after 1.00 seconds")
        assert invocation.payload["errorType"] == "Sandbox.Timedout"
        assert running_instances(supervisor, name) == []
        log = log_of(supervisor, name)
        assert f"{invocation.request_id} Task timed out after 1.00 seconds\nEND RequestId" in log
        assert "Status: timeout" in log
        if handler == "answers.sleep":
            killed = int((tmp_path / "began").read_text())
            assert gone(killed)
            again = functions.invoke(name, {"seconds": 0, "began": str(tmp_path / "again")})
            assert again.error is None
            assert again.payload != killed

    def test_timeout_kills_child_processes(
        self, functions: Functions, register: Register, tmp_path: Path, wait_for: WaitFor
    ) -> None:
        functions.invoke(register("answers.start_child_and_sleep", timeout=1.0), {"child": str(tmp_path / "child")})
        wait_for(lambda: gone(int((tmp_path / "child").read_text())))


class TestCrash:
    @pytest.mark.parametrize(
        ("ending", "message"),
        [
            (("answers.exit_with", 3), "Runtime exited with error: exit status 3"),
            (("answers.exit_with", 0), "Runtime exited without providing a reason"),
            (("answers.kill_itself", {}), "Runtime exited with error: signal: killed"),
        ],
    )
    def test_exit_during_an_event_is_reported(
        self, functions: Functions, register: Register, supervisor: Supervisor, ending: tuple[str, Any], message: str
    ) -> None:
        handler, event = ending
        name = register(handler)
        invocation = functions.invoke(name, event)
        assert invocation.error is not None
        assert (invocation.error.type, invocation.error.message) == ("Crashed", message)
        assert invocation.payload["errorType"] == "Runtime.ExitError"
        assert message in log_of(supervisor, name)

    def test_event_after_a_crash_gets_a_new_worker(self, functions: Functions, register: Register) -> None:
        name = register("answers.crash_if_true")
        first = functions.invoke(name, False).payload
        assert functions.invoke(name, True).error is not None
        assert functions.invoke(name, False).payload not in {None, first}

    def test_killed_idle_worker_is_replaced(
        self, functions: Functions, register: Register, supervisor: Supervisor, wait_for: WaitFor
    ) -> None:
        name = register("answers.crash_if_true")
        first = functions.invoke(name, False).payload
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: gone(first))
        second = functions.invoke(name, False)
        assert second.error is None
        assert running_instances(supervisor, name) == [second.payload]


class TestParentDeath:
    def test_busy_worker_ends_when_its_channel_is_closed(
        self, handlers: Path, tmp_path: Path, wait_for: WaitFor
    ) -> None:
        ours, theirs = socket.socketpair()
        environment = {
            "LAMBDA_TASK_ROOT": str(handlers),
            "_HANDLER": "answers.start_child_and_sleep",
            "AWS_LAMBDA_FUNCTION_NAME": "orphan",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "group",
            "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        }
        with theirs:
            worker = subprocess.Popen(
                [sys.executable, "-P", "-s", "-S", function_worker.__file__, str(theirs.fileno()), "0"],
                env=environment,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                stdout=subprocess.DEVNULL,
            )
        child = tmp_path / "child"
        with ours:
            header = json.dumps({"request_id": "1", "function_arn": "", "timeout_seconds": 600}).encode()
            event = json.dumps({"child": str(child)}).encode()
            for frame in (header, event):
                ours.sendall(struct.pack(">I", len(frame)) + frame)
            wait_for(lambda: child.exists() and child.read_text())
        assert worker.wait(10) == -signal.SIGKILL
        wait_for(lambda: gone(int(child.read_text())))

    def test_killed_platform_leaves_no_worker(self, handlers: Path, tmp_path: Path, wait_for: WaitFor) -> None:
        script = tmp_path / "killed.py"
        script.write_text(
            textwrap.dedent(
                f"""
                from pathlib import Path
                from local.account import LocalAccount
                from local.compute.lambda_.functions import Functions
                from local.provider.protocol import Registration
                from local.supervisor import Supervisor

                account = LocalAccount(
                    endpoint="http://127.0.0.1:1", s3_endpoint="http://127.0.0.1:1", region="us-east-1",
                    access_key_id="a", secret_access_key="b",
                )
                functions = Functions(account, Supervisor(Path("state")), Path("functions"))
                functions.register(Registration(
                    urn="urn", type="aws:lambda/function:Function", name="orphan", id="orphan",
                    inputs={{
                        "handler": "answers.sleep", "runtime": "python3.13", "code": {str(handlers)!r}, "timeout": 600,
                    }},
                    outputs={{"name": "orphan", "arn": "arn:aws:lambda:us-east-1:123456789012:function:orphan"}},
                ))
                functions.invoke("orphan", {{"seconds": 600, "began": {str(tmp_path / "began")!r}}})
                """
            )
        )
        platform = subprocess.Popen([sys.executable, str(script)], cwd=tmp_path)
        began = tmp_path / "began"
        try:
            wait_for(lambda: began.exists() and began.read_text())
        finally:
            platform.kill()
            platform.wait()
        wait_for(lambda: gone(int(began.read_text())))


class TestConcurrency:
    def _invoke(self, functions: Functions, name: str, tmp_path: Path, number: int) -> tuple[str | None, Any]:
        """Invoke `wait_for_file`; return the type of the error and the payload, which is the instance's process id."""
        event = {"began": str(tmp_path / f"began-{number}"), "gate": str(tmp_path / "gate")}
        invocation = functions.invoke(name, event)
        return (invocation.error.type if invocation.error else None), invocation.payload

    def _began(self, tmp_path: Path) -> int:
        return len(list(tmp_path.glob("began-*")))

    def test_events_over_the_local_limit_wait_for_an_instance(
        self,
        *,
        functions: Functions,
        register: Register,
        supervisor: Supervisor,
        tmp_path: Path,
        wait_for: WaitFor,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(function_pool, "LOCAL_WAIT_SECONDS", 100.0)
        name = register("answers.wait_for_file", timeout=100.0)
        with ThreadPoolExecutor(6) as threads:
            running = [threads.submit(self._invoke, functions, name, tmp_path, number) for number in range(6)]
            wait_for(lambda: self._began(tmp_path) == 4)
            (tmp_path / "gate").touch()
            outcomes = [each.result() for each in running]
        assert [error for error, _ in outcomes] == [None] * 6
        assert len({pid for _, pid in outcomes}) == 4
        assert len(running_instances(supervisor, name)) == 4

    def test_events_over_the_reserved_concurrency_are_throttled(
        self, functions: Functions, register: Register, tmp_path: Path, wait_for: WaitFor
    ) -> None:
        name = register("answers.wait_for_file", timeout=100.0, reservedConcurrentExecutions=2.0)
        with ThreadPoolExecutor(4) as threads:
            busy = [threads.submit(self._invoke, functions, name, tmp_path, number) for number in range(2)]
            wait_for(lambda: self._began(tmp_path) == 2)
            throttled = [threads.submit(self._invoke, functions, name, tmp_path, number) for number in (2, 3)]
            assert [each.result() for each in throttled] == [("Throttled", None)] * 2
            (tmp_path / "gate").touch()
            outcomes = [each.result() for each in busy]
        assert [error for error, _ in outcomes] == [None] * 2
        assert len({pid for _, pid in outcomes}) == 2

    def test_event_waits_shortly_before_it_is_throttled(
        self,
        *,
        functions: Functions,
        register: Register,
        tmp_path: Path,
        wait_for: WaitFor,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # Long enough for a slow machine: the first event ends only after the second one waits.
        monkeypatch.setattr(function_pool, "RESERVED_WAIT_SECONDS", 100.0)
        name = register("answers.wait_for_file", timeout=100.0, reservedConcurrentExecutions=1)
        with ThreadPoolExecutor(2) as threads:
            first = threads.submit(self._invoke, functions, name, tmp_path, 1)
            wait_for(lambda: self._began(tmp_path) == 1)
            second = threads.submit(self._invoke, functions, name, tmp_path, 2)
            (tmp_path / "gate").touch()
            outcomes = [first.result(), second.result()]
        assert [error for error, _ in outcomes] == [None, None]
        assert len({pid for _, pid in outcomes}) == 1

    def test_function_with_zero_concurrency_is_throttled(
        self, functions: Functions, register: Register, supervisor: Supervisor
    ) -> None:
        name = register("answers.echo", reservedConcurrentExecutions=0)
        error = functions.invoke(name, {}).error
        assert error is not None and error.type == "Throttled"
        assert running_instances(supervisor, name) == []

    def test_concurrency_of_minus_one_reserves_nothing(self, functions: Functions, register: Register) -> None:
        name = register("answers.echo", reservedConcurrentExecutions=-1)
        assert functions.definition(name).concurrency == LOCAL_CONCURRENCY
        assert functions.invoke(name, 1).payload == 1


@pytest.mark.skipif("sys.platform != 'linux'")
class TestMemory:
    def test_allocation_far_over_the_memory_size_raises_memory_error(
        self, functions: Functions, register: Register
    ) -> None:
        name = register("answers.allocate", memorySize=128)
        assert functions.invoke(name, 400).error is None
        error = functions.invoke(name, 700).error
        assert error is not None
        assert error.message.startswith("MemoryError")

    def test_smallest_function_can_use_many_threads(self, functions: Functions, register: Register) -> None:
        assert functions.invoke(register("answers.many_threads", memorySize=128), 40).payload == 40


class TestClose:
    def test_close_ends_all_instances_and_later_events_fail(
        self, functions: Functions, register: Register, supervisor: Supervisor, tmp_path: Path, wait_for: WaitFor
    ) -> None:
        name, began = register("answers.sleep"), tmp_path / "began"
        with ThreadPoolExecutor(1) as thread:
            busy = thread.submit(functions.invoke, name, {"seconds": 600, "began": str(began)})
            wait_for(lambda: began.exists() and began.read_text())
            functions.close()
            error = busy.result().error
        assert error is not None and error.type == "Crashed"
        assert gone(int(began.read_text()))
        assert running_instances(supervisor, name) == []
        after = functions.invoke(name, {}).error
        assert after is not None and after.message == f"function {name}: the platform is stopping"
