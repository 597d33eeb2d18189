"""Registered functions, run in real worker processes."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from local.account import LocalAccount
from local.compute.lambda_.functions import Functions
from local.errors import LocalPlatformError, RegistrationError
from local.provider.protocol import Registration
from local.supervisor import Supervisor

Register = Callable[..., str]
WaitFor = Callable[..., Any]
Describe = Callable[..., Registration]


def running_instances(supervisor: Supervisor, name: str) -> list[int]:
    prefix = f"function-{name}-"
    return [p.pid for p in supervisor.processes() if p.name.startswith(prefix) and p.state == "running"]


def log_of(supervisor: Supervisor, name: str) -> str:
    return (supervisor.logs / f"function-{name}-1.log").read_text()


class TestInvoke:
    def test_payload_is_the_handlers_result(self, functions: Functions, register: Register) -> None:
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
    def test_function_is_found_by_every_form_of_its_name(
        self, functions: Functions, register: Register, form: str
    ) -> None:
        assert functions.invoke(form.format(name=register("answers.echo")), 1).payload == 1

    def test_unknown_function_raises_local_platform_error(self, functions: Functions) -> None:
        with pytest.raises(LocalPlatformError, match="no function is registered as nobody"):
            functions.invoke("nobody", {})

    def test_sequential_events_reuse_one_instance(
        self, functions: Functions, register: Register, supervisor: Supervisor
    ) -> None:
        name = register("answers.process_id")
        assert len({functions.invoke(name, {}).payload for _ in range(5)}) == 1
        assert len(running_instances(supervisor, name)) == 1

    def test_exception_is_reported_in_lambdas_format(self, functions: Functions, register: Register) -> None:
        invocation = functions.invoke(register("answers.fail"), {})
        assert invocation.error is not None
        assert (invocation.error.type, invocation.error.message) == ("Unhandled", "KeyError: 'Records'")
        assert invocation.payload["errorType"] == "KeyError"
        assert invocation.payload["errorMessage"] == "'Records'"
        assert invocation.payload["requestId"] == invocation.request_id
        assert len(invocation.error.trace) == 1
        assert 'raise KeyError("Records")' in invocation.error.trace[0]
        assert "function_worker" not in invocation.error.trace[0]

    def test_instance_survives_an_exception(self, functions: Functions, register: Register) -> None:
        name = register("answers.fail_if_true")
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
    def test_handler_that_cannot_be_loaded_fails_the_invocation(
        self, functions: Functions, register: Register, supervisor: Supervisor, handler: str, message: str
    ) -> None:
        name = register(handler)
        for _ in range(2):
            invocation = functions.invoke(name, {})
            assert invocation.error is not None
            assert (invocation.error.type, invocation.error.message) == ("Unhandled", message)
        assert running_instances(supervisor, name) == []
        assert message in log_of(supervisor, name)

    def test_handler_path_with_slashes_is_a_module(self, functions: Functions, describe_function: Describe) -> None:
        code = pulumi.AssetArchive({"deep/er/work.py": pulumi.StringAsset("def run(e, c): return 'deep'")})
        functions.register(describe_function("deep/er/work.run", name="slashes", code=code))
        assert functions.invoke("slashes", {}).payload == "deep"

    def test_result_that_is_not_json_is_an_error(self, functions: Functions, register: Register) -> None:
        error = functions.invoke(register("answers.unserializable"), {}).error
        assert error is not None
        assert error.message == (
            "Runtime.MarshalError: Unable to marshal response: Object of type object is not JSON serializable"
        )

    def test_decimal_becomes_a_number(self, functions: Functions, register: Register) -> None:
        assert functions.invoke(register("answers.decimal"), {}).payload == {"price": 1.5}

    def test_result_over_the_size_limit_is_an_error(self, functions: Functions, register: Register) -> None:
        error = functions.invoke(register("answers.too_long"), {}).error
        assert error is not None
        assert error.message.startswith("Function.ResponseSizeTooLarge: Response payload size (7000002 bytes)")

    def test_event_over_the_size_limit_is_an_error(
        self, functions: Functions, register: Register, supervisor: Supervisor
    ) -> None:
        name = register("answers.echo")
        error = functions.invoke(name, "x" * 7_000_000).error
        assert error is not None
        assert error.message.startswith("RequestEntityTooLargeException: 7000002 byte payload")
        assert running_instances(supervisor, name) == []

    def test_large_event_and_result_are_unchanged(self, functions: Functions, register: Register) -> None:
        event = "é" * 500_000
        assert functions.invoke(register("answers.echo"), event).payload == event


class TestContext:
    def test_context_has_lambdas_attributes(self, functions: Functions, register: Register) -> None:
        name = register("answers.describe_context", memorySize=256.0, timeout=50.0)
        invocation = functions.invoke(name, {})
        seen = invocation.payload
        first, second = seen.pop("remaining")
        assert 40_000 < second <= first - 20 < 50_000
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

    def test_environment_has_only_registered_and_lambdas_variables(
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

    @pytest.mark.parametrize("package", ["boto3", "local"])
    def test_only_the_archive_and_the_standard_library_can_be_imported(
        self, functions: Functions, register: Register, package: str
    ) -> None:
        name = register("answers.try_import")
        assert functions.invoke(name, "sqlite3").payload == "sqlite3"
        assert functions.invoke(name, "batches").payload == "batches"
        # The test process can import it: it is installed, or an editable installation puts the source tree on its path.
        assert importlib.util.find_spec(package)
        error = functions.invoke(name, package).error
        assert error is not None
        assert error.message == f"ModuleNotFoundError: No module named '{package}'"

    def test_registered_pythonpath_is_searched_after_the_code(
        self, functions: Functions, register: Register, tmp_path: Path
    ) -> None:
        (tmp_path / "beside.py").touch()
        (tmp_path / "batches.py").write_text("raise SystemExit")
        variables = {"variables": {"PYTHONPATH": str(tmp_path)}}
        name = register("answers.try_import", environment=variables)
        assert [functions.invoke(name, each).payload for each in ("beside", "batches")] == ["beside", "batches"]

    def test_code_is_first_on_the_import_path(self, functions: Functions, register: Register) -> None:
        path = functions.invoke(register("answers.import_path"), {}).payload
        assert (Path(path[0]) / "answers.py").is_file()


class TestLog:
    def test_handlers_output_is_between_start_and_report_lines(
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

    def test_exception_is_logged_with_its_traceback(
        self, functions: Functions, register: Register, supervisor: Supervisor
    ) -> None:
        functions.invoke(name := register("answers.fail"), {})
        assert "[ERROR] KeyError: 'Records'\nTraceback:" in log_of(supervisor, name)


class TestRegister:
    @pytest.mark.parametrize(
        ("inputs", "problem"),
        [
            ({"runtime": "nodejs22.x"}, "runtime: 'nodejs22.x' is not supported on this machine, only Python"),
            ({"packageType": "Image"}, "packageType: only Zip"),
            ({"handler": ""}, "handler: required"),
            ({"code": None}, "code: required; only an archive on this machine"),
            ({"code": pulumi.FileArchive("/nope")}, "code: /nope: no such file or directory"),
            (
                {"environment": {"variables": {"AWS_REGION": "eu-west-1"}}},
                "environment.variables: AWS_REGION: reserved variables",
            ),
        ],
    )
    def test_unsupported_input_raises_registration_error(
        self, functions: Functions, describe_function: Describe, inputs: dict[str, Any], problem: str
    ) -> None:
        handler = inputs.pop("handler", "answers.echo")
        registration = describe_function(handler, **inputs)
        with pytest.raises(RegistrationError, match=problem) as rejected:
            functions.register(registration)
        assert rejected.value.resource == registration.urn

    def test_second_registration_replaces_code_and_instances(
        self, functions: Functions, describe_function: Describe
    ) -> None:
        for response in ("first", "second"):
            code = pulumi.AssetArchive({"work.py": pulumi.StringAsset(f"def run(e, c): return {response!r}")})
            functions.register(describe_function("work.run", name="replaced", code=code))
            assert functions.invoke("replaced", {}).payload == response


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

    def test_output_is_the_result_as_json(self, functions: Functions, register: Register) -> None:
        outputs = functions.run_invocation(self._invocation(register("answers.echo"), '{"to": "head"}'))
        assert outputs == {"result": '{"to": "head"}'}

    @pytest.mark.parametrize(
        ("handler", "text", "problem"),
        [
            ("answers.fail", "{}", "failed: KeyError: 'Records'"),
            ("answers.exit_with", "4", "failed: Runtime exited with error: exit status 4"),
            ("answers.echo", "{", "input: not valid JSON"),
        ],
    )
    def test_failure_raises_registration_error(
        self, functions: Functions, register: Register, handler: str, text: str, problem: str
    ) -> None:
        with pytest.raises(RegistrationError, match=problem):
            functions.run_invocation(self._invocation(register(handler), text))

    def test_unknown_function_raises_registration_error(self, functions: Functions) -> None:
        with pytest.raises(RegistrationError, match="functionName: no function is registered as nobody"):
            functions.run_invocation(self._invocation("nobody", "{}"))
