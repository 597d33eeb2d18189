"""Functions run from their registrations, in real worker processes."""

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
import pulumi
import pytest

from local.account import LocalAccount
from local.compute import function_worker
from local.compute.function_definition import LOCAL_CONCURRENCY
from local.compute.functions import Functions
from local.errors import LocalPlatformError, ProcessFailedError, RegistrationError
from local.provider.protocol import Registration
from local.supervisor import Supervisor

Register = Callable[..., str]
WaitFor = Callable[..., Any]
Describe = Callable[..., Registration]


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


class TestInvoke:
    def test_the_handlers_answer_is_the_payload(self, functions: Functions, register: Register) -> None:
        event = {"text": "é ☃", "list": [1, 2.5, None, True], "nested": {"a": {}}}
        invocation = functions.invoke(register("answers.echo"), event)
        assert (invocation.error, invocation.payload) == (None, event)
        assert invocation.seconds > 0

    @pytest.mark.parametrize(
        "form",
        [
            "{name}",
            "{name}:live",
            "123456789012:function:{name}",
            "arn:aws:lambda:us-east-1:123456789012:function:{name}",
            "arn:aws:lambda:us-east-1:123456789012:function:{name}:7",
        ],
    )
    def test_a_function_is_found_by_every_form_of_its_name(
        self, functions: Functions, register: Register, form: str
    ) -> None:
        assert functions.invoke(form.format(name=register("answers.echo")), 1).payload == 1

    def test_an_unknown_function_is_refused(self, functions: Functions) -> None:
        with pytest.raises(LocalPlatformError, match="no function is registered as nobody"):
            functions.invoke("nobody", {})

    def test_one_instance_serves_events_one_after_another(
        self, functions: Functions, register: Register, supervisor: Supervisor
    ) -> None:
        name = register("answers.sleep_if_told")
        assert len({functions.invoke(name, {}).payload for _ in range(5)}) == 1
        assert len(running_instances(supervisor, name)) == 1

    def test_an_exception_is_reported_as_lambda_reports_it(self, functions: Functions, register: Register) -> None:
        invocation = functions.invoke(register("answers.fail"), {})
        assert invocation.error is not None
        assert (invocation.error.type, invocation.error.message) == ("Unhandled", "KeyError: 'Records'")
        assert invocation.payload["errorType"] == "KeyError"
        assert invocation.payload["errorMessage"] == "'Records'"
        assert invocation.payload["requestId"] == invocation.request_id
        assert len(invocation.error.trace) == 1
        assert 'raise KeyError("Records")' in invocation.error.trace[0]
        assert "function_worker" not in invocation.error.trace[0]

    def test_an_instance_survives_an_exception(self, functions: Functions, register: Register) -> None:
        name = register("answers.fail_if_told")
        first = functions.invoke(name, False).payload
        assert functions.invoke(name, True).error is not None
        assert functions.invoke(name, False).payload == first

    @pytest.mark.parametrize(
        ("handler", "message"),
        [
            (
                "broken_import.handler",
                "Runtime.ImportModuleError: Unable to import module 'broken_import':"
                " No module named 'a_package_that_nobody_has'",
            ),
            (
                "nowhere.handler",
                "Runtime.ImportModuleError: Unable to import module 'nowhere': No module named 'nowhere'",
            ),
            ("failing_import.handler", "RuntimeError: no database"),
            ("answers.nothing", "Runtime.HandlerNotFound: Handler 'nothing' missing on module 'answers'"),
            ("answers", "Runtime.MalformedHandlerName: Bad handler 'answers': it is not of the form module.function"),
        ],
    )
    def test_a_handler_that_cannot_be_loaded_fails_the_invocation_by_name(
        self, functions: Functions, register: Register, supervisor: Supervisor, handler: str, message: str
    ) -> None:
        name = register(handler)
        for _ in range(2):
            invocation = functions.invoke(name, {})
            assert invocation.error is not None
            assert (invocation.error.type, invocation.error.message) == ("Unhandled", message)
        assert running_instances(supervisor, name) == []
        assert message in log_of(supervisor, name)

    def test_a_handler_path_with_slashes_is_a_module(self, functions: Functions, describe_function: Describe) -> None:
        code = pulumi.AssetArchive({"deep/er/work.py": pulumi.StringAsset("def run(e, c): return 'deep'")})
        functions.register(describe_function("deep/er/work.run", name="slashes", code=code))
        assert functions.invoke("slashes", {}).payload == "deep"

    def test_an_answer_that_is_no_json_is_an_error(self, functions: Functions, register: Register) -> None:
        error = functions.invoke(register("answers.unserialisable"), {}).error
        assert error is not None
        assert error.message == (
            "Runtime.MarshalError: Unable to marshal response: Object of type object is not JSON serializable"
        )

    def test_a_decimal_is_a_number(self, functions: Functions, register: Register) -> None:
        assert functions.invoke(register("answers.decimal"), {}).payload == {"price": 1.5}

    def test_an_answer_beyond_lambdas_limit_is_an_error(self, functions: Functions, register: Register) -> None:
        error = functions.invoke(register("answers.too_long"), {}).error
        assert error is not None
        assert error.message.startswith("Function.ResponseSizeTooLarge: Response payload size (7000002 bytes)")

    def test_an_event_beyond_lambdas_limit_never_reaches_the_handler(
        self, functions: Functions, register: Register, supervisor: Supervisor
    ) -> None:
        name = register("answers.echo")
        error = functions.invoke(name, "x" * 7_000_000).error
        assert error is not None
        assert error.message.startswith("RequestEntityTooLargeException: 7000002 byte payload")
        assert running_instances(supervisor, name) == []

    def test_a_long_event_and_answer_pass_whole(self, functions: Functions, register: Register) -> None:
        event = "é" * 500_000
        assert functions.invoke(register("answers.echo"), event).payload == event


class TestContext:
    def test_the_context_says_what_lambda_says(self, functions: Functions, register: Register) -> None:
        name = register("answers.describe_context", memorySize=256.0, timeout=5.0)
        invocation = functions.invoke(name, {})
        seen = invocation.payload
        first, second = seen.pop("remaining")
        assert 4000 < second <= first - 20 < 5000
        assert seen.pop("log_stream").endswith(f"[$LATEST]function-{name}-1")
        assert seen == {
            "request_id": invocation.request_id,
            "name": name,
            "version": "$LATEST",
            "arn": f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
            "memory": "256",
            "log_group": f"/aws/lambda/{name}",
            "identity": None,
            "client_context": None,
        }

    def test_the_environment_is_exactly_the_registered_and_lambdas(
        self, functions: Functions, register: Register, account: LocalAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("A_SECRET_OF_THE_USER", "never")
        name = register("answers.environment", environment={"variables": {"PLATFORM_COLOUR": "blue", "TZ": "CET"}})
        seen = functions.invoke(name, {}).payload
        assert seen.pop("PATH").endswith(":/usr/bin:/bin")
        assert Path(seen.pop("LAMBDA_TASK_ROOT")).is_dir()
        assert seen.pop("AWS_LAMBDA_LOG_STREAM_NAME")
        assert seen == {
            "PLATFORM_COLOUR": "blue",
            "TZ": "CET",
            "LANG": "C.UTF-8",
            "_HANDLER": "answers.environment",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            **account.environment(),
        }

    def test_only_the_archive_and_installed_packages_can_be_imported(
        self, functions: Functions, register: Register
    ) -> None:
        name = register("answers.try_import")
        assert functions.invoke(name, "boto3").payload == "boto3"
        # The test process can import it, because an editable installation puts the source tree on its path.
        error = functions.invoke(name, "local").error
        assert error is not None
        assert error.message == "ModuleNotFoundError: No module named 'local'"

    def test_the_code_comes_first_on_the_import_path(self, functions: Functions, register: Register) -> None:
        path = functions.invoke(register("answers.import_path"), {}).payload
        assert (Path(path[0]) / "answers.py").is_file()


class TestLog:
    def test_start_end_and_report_frame_what_the_handler_writes(
        self, functions: Functions, register: Register, supervisor: Supervisor
    ) -> None:
        name = register("answers.log")
        request_id = functions.invoke(name, {}).request_id
        second_id = functions.invoke(name, {}).request_id
        lines = log_of(supervisor, name).splitlines()
        assert lines[0] == f"START RequestId: {request_id} Version: $LATEST"
        assert lines[1] == "printed"
        assert lines[2].startswith("[WARNING]\t") and lines[2].endswith(f"Z\t{request_id}\twarned")
        assert lines[3] == f"END RequestId: {request_id}"
        fields = dict(field.split(": ") for field in lines[4].removeprefix("REPORT ").split("\t"))
        assert fields.keys() == {
            "RequestId", "Duration", "Billed Duration", "Memory Size", "Max Memory Used", "Init Duration"
        }  # fmt: skip
        assert 5 <= int(fields["Max Memory Used"].removesuffix(" MB")) <= 100
        assert second_id in lines[-1] and "Init Duration" not in lines[-1]

    def test_an_exception_is_in_the_log(self, functions: Functions, register: Register, supervisor: Supervisor) -> None:
        functions.invoke(name := register("answers.fail"), {})
        assert "[ERROR] KeyError: 'Records'\nTraceback:" in log_of(supervisor, name)


class TestTimeout:
    @pytest.mark.parametrize("handler", ["answers.sleep", "answers.hold_the_interpreter"])
    def test_the_worker_is_killed_and_the_next_event_gets_a_new_one(
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

    def test_what_the_handler_started_is_killed_too(
        self, functions: Functions, register: Register, tmp_path: Path, wait_for: WaitFor
    ) -> None:
        functions.invoke(register("answers.leave_a_child", timeout=1.0), {"child": str(tmp_path / "child")})
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
    def test_an_end_in_the_midst_of_an_event_tells_how(
        self, functions: Functions, register: Register, supervisor: Supervisor, ending: tuple[str, Any], message: str
    ) -> None:
        handler, event = ending
        name = register(handler)
        invocation = functions.invoke(name, event)
        assert invocation.error is not None
        assert (invocation.error.type, invocation.error.message) == ("Crashed", message)
        assert invocation.payload["errorType"] == "Runtime.ExitError"
        assert message in log_of(supervisor, name)

    def test_the_next_event_gets_a_new_worker(self, functions: Functions, register: Register) -> None:
        name = register("answers.crash_if_told")
        first = functions.invoke(name, False).payload
        assert functions.invoke(name, True).error is not None
        assert functions.invoke(name, False).payload not in {None, first}

    def test_an_idle_worker_that_is_killed_fails_nothing(
        self, functions: Functions, register: Register, supervisor: Supervisor, wait_for: WaitFor
    ) -> None:
        name = register("answers.crash_if_told")
        first = functions.invoke(name, False).payload
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: gone(first))
        second = functions.invoke(name, False)
        assert second.error is None
        assert running_instances(supervisor, name) == [second.payload]


class TestParentDeath:
    def test_a_worker_ends_with_the_other_side_of_its_channel_even_at_work(
        self, handlers: Path, tmp_path: Path, wait_for: WaitFor
    ) -> None:
        ours, theirs = socket.socketpair()
        environment = {
            "LAMBDA_TASK_ROOT": str(handlers),
            "_HANDLER": "answers.leave_a_child",
            "AWS_LAMBDA_FUNCTION_NAME": "orphan",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "group",
            "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        }
        with theirs:
            worker = subprocess.Popen(
                [sys.executable, "-P", "-s", function_worker.__file__, str(theirs.fileno()), "0"],
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

    def test_a_killed_platform_leaves_no_worker(self, handlers: Path, tmp_path: Path, wait_for: WaitFor) -> None:
        script = tmp_path / "killed.py"
        script.write_text(
            textwrap.dedent(
                f"""
                from pathlib import Path
                from local.account import LocalAccount
                from local.compute.functions import Functions
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
    def _overlap(
        self, functions: Functions, name: str, tmp_path: Path, events: int, seconds: float
    ) -> list[tuple[str | None, Any]]:
        def invoke(number: int) -> tuple[str | None, Any]:
            event = {"seconds": seconds, "began": str(tmp_path / str(number))}
            invocation = functions.invoke(name, event)
            return invocation.error and invocation.error.type, invocation.payload

        with ThreadPoolExecutor(events) as threads:
            return list(threads.map(invoke, range(events)))

    def test_instances_are_started_up_to_the_local_limit_and_events_beyond_wait(
        self, functions: Functions, register: Register, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        name = register("answers.sleep")
        outcomes = self._overlap(functions, name, tmp_path, events=6, seconds=0.5)
        assert [error for error, _ in outcomes] == [None] * 6
        assert len({pid for _, pid in outcomes}) == 4
        assert len(running_instances(supervisor, name)) == 4

    def test_events_beyond_the_reserved_concurrency_are_throttled(
        self, functions: Functions, register: Register, tmp_path: Path
    ) -> None:
        name = register("answers.sleep", reservedConcurrentExecutions=2.0)
        outcomes = self._overlap(functions, name, tmp_path, events=4, seconds=3)
        assert sorted(error or "" for error, _ in outcomes) == ["", "", "Throttled", "Throttled"]
        assert len({pid for _, pid in outcomes if pid}) == 2

    def test_a_short_wait_spares_the_throttle(self, functions: Functions, register: Register, tmp_path: Path) -> None:
        name = register("answers.sleep", reservedConcurrentExecutions=1)
        outcomes = self._overlap(functions, name, tmp_path, events=2, seconds=0.3)
        assert [error for error, _ in outcomes] == [None, None]
        assert len({pid for _, pid in outcomes}) == 1

    def test_a_function_with_no_concurrency_is_never_run(
        self, functions: Functions, register: Register, supervisor: Supervisor
    ) -> None:
        name = register("answers.echo", reservedConcurrentExecutions=0)
        error = functions.invoke(name, {}).error
        assert error is not None and error.type == "Throttled"
        assert running_instances(supervisor, name) == []

    def test_minus_one_reserves_nothing(self, functions: Functions, register: Register) -> None:
        name = register("answers.echo", reservedConcurrentExecutions=-1)
        assert functions.definition(name).concurrency == LOCAL_CONCURRENCY
        assert functions.invoke(name, 1).payload == 1


@pytest.mark.skipif("sys.platform != 'linux'")
class TestMemory:
    def test_memory_far_beyond_the_registered_size_is_refused(self, functions: Functions, register: Register) -> None:
        name = register("answers.allocate", memorySize=128)
        assert functions.invoke(name, 400).error is None
        error = functions.invoke(name, 700).error
        assert error is not None
        assert error.message.startswith("MemoryError")

    def test_the_smallest_function_may_use_threads(self, functions: Functions, register: Register) -> None:
        assert functions.invoke(register("answers.many_threads", memorySize=128), 40).payload == 40


class TestWarm:
    def test_an_instance_is_ready_before_the_first_event(
        self, functions: Functions, register: Register, supervisor: Supervisor
    ) -> None:
        name = register("answers.sleep_if_told")
        functions.warm(name)
        assert running_instances(supervisor, name) == [functions.invoke(name, {}).payload]

    def test_a_handler_that_cannot_be_loaded_is_named(self, functions: Functions, register: Register) -> None:
        name = register("broken_import.handler")
        with pytest.raises(ProcessFailedError, match=f"function {name}: Runtime.ImportModuleError.*nobody_has"):
            functions.warm(name)


class TestClose:
    def test_busy_and_idle_instances_end_and_nothing_runs_afterwards(
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


class TestRegister:
    @pytest.mark.parametrize(
        ("inputs", "problem"),
        [
            ({"runtime": "nodejs22.x"}, "runtime 'nodejs22.x': only Python"),
            ({"packageType": "Image"}, "packageType: only Zip"),
            ({"handler": ""}, "handler: it is missing"),
            ({"code": None}, "code: only an archive on this machine"),
            ({"code": pulumi.FileArchive("/nope")}, "code: /nope: no such file or directory"),
            (
                {"environment": {"variables": {"AWS_REGION": "eu-west-1"}}},
                "environment.variables: AWS_REGION: Lambda sets",
            ),
        ],
    )
    def test_what_cannot_run_is_refused_by_name(
        self, functions: Functions, describe_function: Describe, inputs: dict[str, Any], problem: str
    ) -> None:
        handler = inputs.pop("handler", "answers.echo")
        registration = describe_function(handler, **inputs)
        with pytest.raises(RegistrationError, match=problem) as refused:
            functions.register(registration)
        assert refused.value.resource == registration.urn

    def test_registering_again_replaces_code_and_instances(
        self, functions: Functions, describe_function: Describe
    ) -> None:
        for answer in ("first", "second"):
            code = pulumi.AssetArchive({"work.py": pulumi.StringAsset(f"def run(e, c): return {answer!r}")})
            functions.register(describe_function("work.run", name="replaced", code=code))
            assert functions.invoke("replaced", {}).payload == answer


class TestRunInvocation:
    def _invocation(self, function: str, text: str) -> Registration:
        return Registration(
            urn="urn:pulumi:test::test::aws:lambda/invocation:Invocation::migrate",
            type="aws:lambda/invocation:Invocation",
            name="migrate",
            id="migrate",
            inputs={"functionName": function, "input": text, "triggers": {"head": "0001"}},
            outputs={},
        )

    def test_the_result_is_the_answer_as_json(self, functions: Functions, register: Register) -> None:
        outputs = functions.run_invocation(self._invocation(register("answers.echo"), '{"to": "head"}'))
        assert outputs == {"result": '{"to": "head"}'}

    @pytest.mark.parametrize(
        ("handler", "text", "problem"),
        [
            ("answers.fail", "{}", "failed: KeyError: 'Records'"),
            ("answers.exit_with", "4", "failed: Runtime exited with error: exit status 4"),
            ("answers.echo", "{", "input: it is not JSON"),
        ],
    )
    def test_a_failure_refuses_the_resource(
        self, functions: Functions, register: Register, handler: str, text: str, problem: str
    ) -> None:
        with pytest.raises(RegistrationError, match=problem):
            functions.run_invocation(self._invocation(register(handler), text))

    def test_an_unknown_function_refuses_the_resource(self, functions: Functions) -> None:
        with pytest.raises(RegistrationError, match="functionName: no function is registered as nobody"):
            functions.run_invocation(self._invocation("nobody", "{}"))
