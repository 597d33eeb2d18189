"""What the program exports, as people, programs and shells read it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.lifecycle.outputs import format_dotenv
from operations.state.files import EnvironmentState, StateFiles
from operations.state.lock import ProcessIdentity
from operations.terminal.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.operations.conftest import Command

MakeState = Callable[..., EnvironmentState]
Sleeper = Callable[..., subprocess.Popen[bytes]]


class TestDotenv:
    @pytest.mark.requirement("P2-10", "ROAD-55")
    def test_variables_bear_the_documented_names(self) -> None:
        values = {"storage_bucket": "s", "thumbnails_bucket": "t", "thumbnail_queue_url": "https://q", "region": "r"}
        assert format_dotenv(values).splitlines() == [
            "AWS_REGION=r",
            "S3_PRIMARY_BUCKET=s",
            "S3_THUMBNAIL_BUCKET=t",
            "THUMBNAIL_QUEUE_URL=https://q",
        ]

    def test_what_has_no_value_is_left_out(self) -> None:
        assert format_dotenv({"search_endpoint": "", "cdn_url": None, "a": 0}) == "A=0\n"

    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), min_size=1))
    def test_a_shell_reads_the_value_itself(self, value: str) -> None:
        script = f'{format_dotenv({"name": value})}\nprintf %s "$NAME"'
        shown = subprocess.run(["sh"], input=script.encode(), capture_output=True, check=True).stdout
        assert shown.decode() == value


class TestOutputs:
    def test_running_platform_writes_a_file_of_variables(
        self, command: "Command", files: StateFiles, held_by: MakeState, sleeper: Sleeper
    ) -> None:
        files.write(held_by(ProcessIdentity.of(sleeper().pid)))
        answer = command("outputs", "--format", "dotenv")
        assert (answer.code, answer.err) == (ExitCode.OK, "")
        assert answer.out.splitlines() == [
            "API_URL=http://127.0.0.1:9",
            "COGNITO_CLIENT_ID=client",
            "COGNITO_USER_POOL_ID=us-east-1_x",
        ]

    def test_format_json_is_what_the_flag_writes(
        self, command: "Command", files: StateFiles, held_by: MakeState, sleeper: Sleeper
    ) -> None:
        files.write(held_by(ProcessIdentity.of(sleeper().pid)))
        assert command("outputs", "--format", "json").out == command("outputs", "--json").out

    def test_outputs_of_a_stack_on_aws_come_from_pulumis_file(self, command: "Command", tmp_path: Path) -> None:
        file = tmp_path / "outputs.json"
        file.write_text(json.dumps({"storage_bucket": "b", "database": {"port": 5432}}))
        answer = command("outputs", "--from", str(file), "--format", "dotenv")
        assert answer.out.splitlines() == ["DATABASE='{\"port\": 5432}'", "S3_PRIMARY_BUCKET=b"]

    @pytest.mark.parametrize(
        ("content", "why"), [("{", "Expecting"), ("[]", "it is not a JSON object"), (None, "No such")]
    )
    def test_unreadable_file_is_refused_with_what_makes_one(
        self, command: "Command", tmp_path: Path, content: str | None, why: str
    ) -> None:
        file = tmp_path / "outputs.json"
        if content is not None:
            file.write_text(content)
        answer = command("outputs", "--from", str(file), "--json")
        assert answer.code == ExitCode.USAGE
        assert why in answer.data["error"]["message"]
        assert answer.data["error"]["next"].startswith("pulumi stack output --json")
