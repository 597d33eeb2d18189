"""`platform doctor` on stopped, broken and remote platforms."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

from local.account import LocalAccount
from operations.doctor import platform_checks
from operations.state.files import Credentials, Endpoints, EnvironmentState, Process, StateFiles
from operations.state.lock import ProcessIdentity
from operations.terminal.exit_codes import ExitCode
from tests.http_listener import Listener, QuietHandler

if TYPE_CHECKING:
    from tests.operations.conftest import Api, Command, CommandResult

MakeState = Callable[..., EnvironmentState]
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def checks_of(result: "CommandResult") -> dict[str, dict[str, str]]:
    """Return the checks of a run by name, after validating the JSON object."""
    data = result.data
    assert set(data) == {"ok", "checks"}
    for check in data["checks"]:
        assert set(check) == {"name", "state", "detail", "fix"}
        assert bool(check["fix"]) == (check["state"] != "ok")
    problems = [check for check in data["checks"] if check["state"] == "problem"]
    assert data["ok"] is not bool(problems)
    assert result.code == (ExitCode.FAILED if problems else ExitCode.OK)
    return {check["name"]: check for check in data["checks"]}


class TestStopped:
    def test_stopped_platform_is_ok_and_nothing_is_created(self, command: "Command") -> None:
        checks = checks_of(command("doctor", "--port", "0", "--json"))
        assert checks["platform"]["state"] == "ok"
        assert "platform up" in checks["platform"]["detail"]
        assert checks["port 0"]["state"] == "ok"
        assert not command.state_root.exists()

    def test_files_of_an_earlier_platform_are_a_warning(
        self,
        command: "Command",
        files: StateFiles,
        held_by: MakeState,
        sleeper: Callable[..., subprocess.Popen[bytes]],
    ) -> None:
        host = sleeper()
        files.write(held_by(ProcessIdentity.of(host.pid)))
        host.kill()
        host.wait()
        checks = checks_of(command("doctor", "--port", "0", "--json"))
        assert checks["platform"]["state"] == "warning"
        assert "state.json" in checks["platform"]["detail"]
        assert checks["platform"]["fix"].startswith("platform down")

    def test_port_in_use_is_a_problem(self, command: "Command") -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            checks = checks_of(command("doctor", "--port", str(port), "--json"))
        assert checks[f"port {port}"]["state"] == "problem"
        assert checks[f"port {port}"]["fix"].endswith("platform up --port 0")


class TestBroken:
    def test_each_broken_part_is_a_problem(
        self, command: "Command", files: StateFiles, held_by: MakeState, api: "Api"
    ) -> None:
        api.status = 503
        processes = (Process(name="host", pid=1, state="running"), Process(name="postgres", pid=2, state="exited"))
        outputs = {"storage_bucket": "b", "database_endpoint": "127.0.0.1:9", "region": "us-east-1"}
        files.write(held_by(ProcessIdentity.current(), api=api.address, processes=processes, outputs=outputs))
        checks = checks_of(command("doctor", "--json"))
        problems = {name for name, check in checks.items() if check["state"] == "problem"}
        assert problems == {
            "platform",
            "process postgres",
            "api",
            "docs page",
            "aws",
            "object store",
            "storage_bucket",
            "database_endpoint",
        }
        assert checks["api"]["detail"].endswith("/health/ready returned status 503")
        assert checks["process postgres"]["fix"] == "read its log: platform logs postgres"
        assert checks["aws"]["fix"] == "platform reset"
        assert checks[f"port {api.server_port}"]["detail"] == "used by the platform itself"

    def test_missing_resources_are_problems(
        self, command: "Command", files: StateFiles, held_by: MakeState, account: LocalAccount, api: "Api"
    ) -> None:
        account.client("s3").create_bucket(Bucket="doctors-bucket")
        files.write(
            held_by(
                ProcessIdentity.current(),
                endpoints=Endpoints(api=api.address, docs=api.address, aws=account.endpoint, s3=account.s3_endpoint),
                credentials=Credentials(
                    region=account.region,
                    access_key_id=account.access_key_id,
                    secret_access_key=account.secret_access_key,
                ),
                outputs={
                    "temp_bucket": "doctors-bucket",
                    "storage_bucket": "gone",
                    "vpc_id": "vpc-00",
                    "x_queue_url": f"{account.endpoint}/1/x",
                },
            )
        )
        checks = checks_of(command("doctor", "--json"))
        assert checks["temp_bucket"]["state"] == "ok"
        assert {name for name, check in checks.items() if check["state"] == "problem"} == {
            "storage_bucket",
            "vpc_id",
            "x_queue_url",
        }

    def test_fix_is_shown_under_its_check(
        self, command: "Command", files: StateFiles, held_by: MakeState, api: "Api"
    ) -> None:
        api.status = 503
        files.write(held_by(ProcessIdentity.current(), api=api.address, outputs={}))
        result = command("doctor")
        assert (result.code, result.err) == (ExitCode.FAILED, "")
        lines = result.out.splitlines()
        (line_number,) = [number for number, line in enumerate(lines) if line.startswith("problem  api ")]
        assert lines[line_number + 1].strip() == "fix: platform reset"
        assert lines[-1].endswith(" problems")


class TestClock:
    @pytest.mark.parametrize(
        ("seconds", "state"), [(0, "ok"), (10, "ok"), (11, "warning"), (-300, "warning"), (-301, "problem")]
    )
    def test_clock_skew(self, seconds: int, state: str) -> None:
        date = format_datetime(NOW - timedelta(seconds=seconds), usegmt=True)
        assert platform_checks.check_clock(date, NOW).state == state

    @pytest.mark.parametrize("date", ["", "yesterday"])
    def test_missing_or_invalid_date_is_a_warning(self, date: str) -> None:
        assert platform_checks.check_clock(date, NOW).state == "warning"


class RemoteHandler(QuietHandler):
    """Accepts tokens that begin with `good`; with `open`, accepts every request."""

    server: Any

    def do_GET(self) -> None:  # noqa: N802 - the name is the standard library's
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        allowed = self.path.startswith("/stage/health") or token.startswith("good") or self.server.open
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def remote_server() -> Iterator[Any]:
    with Listener(RemoteHandler) as server:
        server.open = False  # type: ignore[attr-defined]  # read by the handler
        yield server


@pytest.mark.requirement("ROAD-12")
class TestRemotePlatform:
    def test_only_the_remote_platform_is_checked(self, command: "Command", remote_server: Any) -> None:
        url = f"http://127.0.0.1:{remote_server.server_port}/stage/"
        result = command("doctor", "--base-url", url, "--token-admin", "good", "--json", PLATFORM_TOKEN_EDITOR="bad")
        checks = checks_of(result)
        assert {name: check["state"] for name, check in checks.items()} == {
            "health": "ok",
            "clock": "ok",
            "readiness": "ok",
            "no token": "ok",
            "token admin": "ok",
            "token editor": "problem",
            "token viewer": "warning",
        }
        assert checks["health"]["detail"] == f"{url}health"
        assert "401 instead of 200" in checks["token editor"]["detail"]
        assert "PLATFORM_TOKEN_VIEWER" in checks["token viewer"]["fix"]

    def test_api_without_authentication_is_a_problem(self, command: "Command", remote_server: Any) -> None:
        remote_server.open = True
        checks = checks_of(
            command("doctor", "--base-url", f"http://127.0.0.1:{remote_server.server_port}/stage", "--json")
        )
        assert checks["no token"]["state"] == "problem"

    def test_unreachable_platform_is_a_problem(self, command: "Command") -> None:
        checks = checks_of(command("doctor", "--base-url", "http://127.0.0.1:9", "--token-admin", "x", "--json"))
        assert {name for name, check in checks.items() if check["state"] == "problem"} == {
            "health",
            "readiness",
            "no token",
            "token admin",
        }
