"""What the doctor says of platforms: stopped, broken, and elsewhere."""

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
    from tests.operations.conftest import Answer, Api, Command

MakeState = Callable[..., EnvironmentState]
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def seen(answer: "Answer") -> dict[str, dict[str, str]]:
    """The checks of one run by name; the object has its promised form."""
    data = answer.data
    assert set(data) == {"ok", "checks"}
    for check in data["checks"]:
        assert set(check) == {"name", "state", "detail", "fix"}
        assert bool(check["fix"]) == (check["state"] != "ok")
    problems = [check for check in data["checks"] if check["state"] == "problem"]
    assert data["ok"] is not bool(problems)
    assert answer.code == (ExitCode.FAILED if problems else ExitCode.OK)
    return {check["name"]: check for check in data["checks"]}


class TestStopped:
    def test_nothing_is_created_and_the_next_command_is_said(self, command: "Command") -> None:
        checks = seen(command("doctor", "--port", "0", "--json"))
        assert checks["platform"]["state"] == "ok"
        assert "platform up" in checks["platform"]["detail"]
        assert checks["port 0"]["state"] == "ok"
        assert not command.state_root.exists()

    def test_remains_are_a_warning(
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
        checks = seen(command("doctor", "--port", "0", "--json"))
        assert checks["platform"]["state"] == "warning"
        assert "state.json" in checks["platform"]["detail"]
        assert checks["platform"]["fix"].startswith("platform down")

    def test_port_of_another_program(self, command: "Command") -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            checks = seen(command("doctor", "--port", str(port), "--json"))
        assert checks[f"port {port}"]["state"] == "problem"
        assert checks[f"port {port}"]["fix"].endswith("platform up --port 0")


class TestBroken:
    def test_dead_parts_are_named_one_by_one(
        self, command: "Command", files: StateFiles, held_by: MakeState, api: "Api"
    ) -> None:
        api.status = 503
        processes = (Process(name="host", pid=1, state="running"), Process(name="postgres", pid=2, state="exited"))
        outputs = {"storage_bucket": "b", "database_endpoint": "127.0.0.1:9", "region": "us-east-1"}
        files.write(held_by(ProcessIdentity.current(), api=api.address, processes=processes, outputs=outputs))
        checks = seen(command("doctor", "--json"))
        bad = {name for name, check in checks.items() if check["state"] == "problem"}
        assert bad == {
            "platform",
            "process postgres",
            "api",
            "docs page",
            "aws",
            "object store",
            "storage_bucket",
            "database_endpoint",
        }
        assert checks["api"]["detail"].endswith("/health/ready answers 503")
        assert checks["process postgres"]["fix"] == "read why: platform logs postgres"
        assert checks["aws"]["fix"] == "platform reset"
        assert checks[f"port {api.server_port}"]["detail"] == "the platform's own"

    def test_resource_that_is_gone(
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
        checks = seen(command("doctor", "--json"))
        assert checks["temp_bucket"]["state"] == "ok"
        assert {name for name, check in checks.items() if check["state"] == "problem"} == {
            "storage_bucket",
            "vpc_id",
            "x_queue_url",
        }

    def test_people_see_the_fix_below_the_finding(
        self, command: "Command", files: StateFiles, held_by: MakeState, api: "Api"
    ) -> None:
        api.status = 503
        files.write(held_by(ProcessIdentity.current(), api=api.address, outputs={}))
        answer = command("doctor")
        assert (answer.code, answer.err) == (ExitCode.FAILED, "")
        lines = answer.out.splitlines()
        (found,) = [number for number, line in enumerate(lines) if line.startswith("problem  api ")]
        assert lines[found + 1].strip() == "fix: platform reset"
        assert lines[-1].endswith(" problems")


class TestClock:
    @pytest.mark.parametrize(
        ("seconds", "state"), [(0, "ok"), (10, "ok"), (11, "warning"), (-300, "warning"), (-301, "problem")]
    )
    def test_skew(self, seconds: int, state: str) -> None:
        date = format_datetime(NOW - timedelta(seconds=seconds), usegmt=True)
        assert platform_checks.skew(date, NOW).state == state

    @pytest.mark.parametrize("date", ["", "yesterday"])
    def test_no_date_at_all(self, date: str) -> None:
        assert platform_checks.skew(date, NOW).state == "warning"


class RemotePlatform(QuietHandler):
    """A platform that lets tokens in which begin with `good`; `open` makes it let everyone in."""

    server: Any

    def do_GET(self) -> None:  # noqa: N802 - the name is the standard library's
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        allowed = self.path.startswith("/stage/health") or token.startswith("good") or self.server.open
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def elsewhere() -> Iterator[Any]:
    with Listener(RemotePlatform) as server:
        server.open = False  # type: ignore[attr-defined]  # what the handler looks at
        yield server


@pytest.mark.requirement("ROAD-12")
class TestElsewhere:
    def test_only_that_platform_is_looked_at(self, command: "Command", elsewhere: Any) -> None:
        url = f"http://127.0.0.1:{elsewhere.server_port}/stage/"
        answer = command("doctor", "--base-url", url, "--token-admin", "good", "--json", PLATFORM_TOKEN_EDITOR="bad")
        checks = seen(answer)
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

    def test_api_that_is_open_to_strangers(self, command: "Command", elsewhere: Any) -> None:
        elsewhere.open = True
        checks = seen(command("doctor", "--base-url", f"http://127.0.0.1:{elsewhere.server_port}/stage", "--json"))
        assert checks["no token"]["state"] == "problem"

    def test_nobody_there(self, command: "Command") -> None:
        checks = seen(command("doctor", "--base-url", "http://127.0.0.1:9", "--token-admin", "x", "--json"))
        assert {name for name, check in checks.items() if check["state"] == "problem"} == {
            "health",
            "readiness",
            "no token",
            "token admin",
        }
