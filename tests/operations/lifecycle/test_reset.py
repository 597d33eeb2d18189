"""A reset wipes nothing that it could not bring up again, and nothing that is not on this machine."""

import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

from operations.state.files import Endpoints, EnvironmentState, StateFiles
from operations.state.lock import ProcessIdentity
from operations.terminal.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.operations.conftest import Command

MakeState = Callable[..., EnvironmentState]
Sleeper = Callable[..., subprocess.Popen[bytes]]


class TestRefusal:
    def test_platform_on_another_machine(
        self, command: "Command", files: StateFiles, held_by: MakeState, sleeper: Sleeper
    ) -> None:
        aws = "https://sqs.us-east-1.amazonaws.com"
        files.write(held_by(ProcessIdentity.of(sleeper().pid), endpoints=Endpoints(api=aws, docs=aws, aws=aws, s3=aws)))
        answer = command("reset", "--json")
        assert answer.code == ExitCode.FAILED
        assert "sqs.us-east-1.amazonaws.com, which is not this machine" in answer.data["error"]["message"]
        assert files.state.exists()

    def test_settings_with_which_it_would_not_come_up(
        self, copied: "Command", held_by: MakeState, sleeper: Sleeper
    ) -> None:
        assert copied.copy is not None
        file = copied.copy / "Pulumi.dev.yaml"
        file.write_text(file.read_text().replace("visibility_seconds: ", "visibility_seconds: -"))
        files = copied.files()
        files.logs.mkdir(parents=True)
        files.write(held_by(ProcessIdentity.of(sleeper().pid)))
        answer = copied("reset", "--json")
        assert answer.code == ExitCode.USAGE
        assert "settings.queue.visibility_seconds" in answer.data["error"]["message"]
        assert files.state.exists()
