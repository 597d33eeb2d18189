"""The verbs that look after a platform, on one that runs: doctor, queue, journey as from elsewhere, and last of all reset."""

import json
import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from operations.exit_codes import ExitCode
from operations.state import EnvironmentState

if TYPE_CHECKING:
    from tests.operations.conftest import Command

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def running(platform_command: "Command") -> Iterator["Command"]:
    """The command, for a platform that is up."""
    up = platform_command("up", "--port", "0")
    try:
        assert up.code == 0, up.err
        yield platform_command
    finally:
        assert platform_command("down").code == 0


@pytest.fixture
def tokens(running: "Command") -> dict[str, str]:
    """A token for each role, as environment variables."""
    roles = ("admin", "editor", "viewer")
    return {f"PLATFORM_TOKEN_{role.upper()}": running("token", "--role", role).out.strip() for role in roles}


def state_of(command: "Command") -> EnvironmentState:
    state = command.files().read()
    assert state is not None
    assert state.endpoints is not None
    return state


def address(command: "Command") -> str:
    return str(state_of(command).outputs["api_url"])


class TestDoctor:
    @pytest.mark.requirement("P2-42")
    def test_every_part_and_every_resource_answers(self, running: "Command") -> None:
        answer = running("doctor", "--json")
        assert [check for check in answer.data["checks"] if check["state"] == "problem"] == []
        assert answer.code == ExitCode.OK
        names = {check["name"] for check in answer.data["checks"]}
        assert {"process postgres", "process emulator", "process object-gate", "api", "clock"} <= names
        assert {"aws", "object store", "user_pool_id", "vpc_id", "database_endpoint"} <= names
        endings = ("_bucket", "_queue_url", "_secret_arn")
        assert {name for name in state_of(running).outputs if name.endswith(endings)} <= names

    @pytest.mark.requirement("ROAD-12")
    def test_as_from_elsewhere(self, running: "Command", tokens: dict[str, str]) -> None:
        answer = running("doctor", "--base-url", address(running), "--json", **tokens)
        assert answer.code == ExitCode.OK
        assert {check["state"] for check in answer.data["checks"]} == {"ok"}


class TestJourney:
    @pytest.mark.requirement("ROAD-12")
    def test_with_tokens_that_were_given(self, running: "Command", tokens: dict[str, str]) -> None:
        answer = running("journey", "--base-url", address(running), "--json", **tokens)
        assert answer.code == ExitCode.OK
        assert answer.data["ok"] is True
        folder = running.state_root / "elsewhere" / address(running).removeprefix("http://").replace(":", "-")
        assert {file.name for file in folder.iterdir()} == {"result.json", "primary.jpg", "medium.jpg", "small.jpg"}
        # The local platform's own last journey is another thing.
        assert not running.files().journey.exists()

    def test_token_that_is_not_accepted(self, running: "Command", tokens: dict[str, str]) -> None:
        answer = running("journey", "--base-url", address(running), "--token-admin", "x", "--json", **tokens)
        assert answer.code == ExitCode.FAILED
        assert answer.data["steps"][-1]["name"] == "create show"
        assert "answered 401" in answer.data["steps"][-1]["detail"]


class TestQueue:
    @pytest.mark.requirement("P2-24", "P2-25")
    def test_dead_letter_goes_back_and_is_worked_on(self, running: "Command") -> None:
        state = state_of(running)
        dead = state.outputs["thumbnail_dead_letter_queue_url"]
        # What S3 sends to try a queue out, which the worker takes and has nothing to do for.
        event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": state.outputs["storage_bucket"]}
        state.account().client("sqs").send_message(QueueUrl=dead, MessageBody=json.dumps(event))
        assert figures(running)["dead_letters"]["visible"] == 1
        answer = running("queue", "--redrive", "--json")
        assert answer.code == ExitCode.OK
        assert answer.data["redrive"]["thumbnail"]["moved"] == 1
        while (work := figures(running)["work"])["visible"] + work["in_flight"]:
            time.sleep(0.1)
        seen = figures(running)["dead_letters"]
        assert (seen["visible"], seen["in_flight"]) == (0, 0)
        assert (work["receive_limit"], work["oldest_seconds"]) == (3, None)


class TestReset:
    """Last, because everything is gone after it."""

    def test_taken_port_is_refused_before_anything_is_wiped(self, running: "Command") -> None:
        before = state_of(running)
        with socket.create_server(("127.0.0.1", 0)) as other:
            answer = running("reset", "--port", str(other.getsockname()[1]), "--json")
        assert answer.code == ExitCode.FAILED
        assert "nothing was changed" in answer.data["error"]["message"]
        assert answer.data["error"]["next"] == "platform reset --port 0"
        assert state_of(running).pid == before.pid

    def test_it_starts_empty_on_the_same_port_with_its_logs(self, running: "Command") -> None:
        before, token = state_of(running), running("token", "--role", "admin").out.strip()
        api = address(running)
        body = {"name": "Gone", "description": "It was here before."}
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.post(f"{api}/api/v1/shows", json=body, headers=headers, trust_env=False).status_code == 201
        log = running.files().logs / "kept.log"
        log.write_text("kept\n")
        answer = running("reset", "--json")
        assert answer.code == ExitCode.OK
        assert (answer.data["state"], answer.data["already_running"]) == ("running", False)
        assert answer.data["endpoints"]["api"] == api
        assert state_of(running).pid != before.pid
        assert log.read_text() == "kept\n"
        assert shows(running) == []


def figures(command: "Command") -> Any:
    (one,) = command("queue", "--json").data["queues"]
    return one


def shows(command: "Command") -> Any:
    headers = {"Authorization": f"Bearer {command('token', '--role', 'viewer').out.strip()}"}
    return httpx.get(f"{address(command)}/api/v1/shows", headers=headers, trust_env=False).json()["data"]
