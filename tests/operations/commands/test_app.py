"""What all commands have in common: help, exit codes, JSON output, error messages."""

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from operations.terminal.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.operations.conftest import Command

COMMANDS = {
    "up": [],
    "down": [],
    "status": [],
    "outputs": [],
    "diagram": [],
    "token": ["--role", "admin"],
    "journey": [],
    "logs": [],
    "queue": [],
    "doctor": [],
    "reset": [],
}


class TestHelp:
    def test_version(self, command: "Command") -> None:
        result = command("--version")
        assert (result.code, result.out) == (0, "platform 0.1.0\n")

    def test_all_commands_and_exit_codes_are_listed(self, command: "Command") -> None:
        result = command("--help")
        assert result.code == 0
        words = " ".join(result.out.split())
        for name in COMMANDS:
            assert f"│ {name} " in words
        for code in ExitCode:
            assert f"{code.value} {code.meaning}" in words

    def test_order_of_commands(self, command: "Command") -> None:
        listed = re.findall(r"^│ ([a-z]+) ", command("--help").out, re.MULTILINE)
        assert listed == [
            "up", "down", "reset", "status", "outputs", "diagram", "token", "journey", "seed", "doctor", "logs", "queue",
            "requirements", "release", "import", "export",
        ]  # fmt: skip

    def test_no_command_shows_the_help(self, command: "Command") -> None:
        result = command()
        assert result.code == 0
        assert "Usage: platform" in result.out

    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_command_has_environment_and_json_options(self, command: "Command", name: str) -> None:
        result = command(name, "--help")
        assert result.code == 0
        assert "--environment" in result.out
        assert "--json" in result.out


class TestUnknownEnvironment:
    @pytest.mark.parametrize(("name", "arguments"), COMMANDS.items())
    def test_error_lists_the_valid_environments(self, command: "Command", name: str, arguments: list[str]) -> None:
        result = command(name, *arguments, "--environment", "qa")
        assert result.code == ExitCode.USAGE
        assert result.out == ""
        assert result.err == (
            "platform: environment 'qa' not found; must be one of dev, production, staging\n"
            f"  next: platform {name} --environment dev\n"
        )
        assert not command.state_root.exists()

    @pytest.mark.parametrize(("name", "arguments"), COMMANDS.items())
    def test_json_is_one_object(self, command: "Command", name: str, arguments: list[str]) -> None:
        result = command(name, *arguments, "--environment", "qa", "--json")
        assert result.code == ExitCode.USAGE
        assert set(result.data["error"]) == {"message", "next"}
        assert "'qa'" in result.data["error"]["message"]


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["nonsense"], "'nonsense'"),
            (["up", "--port", "65536"], "--port"),
            (["token"], "--role"),
            (["token", "--role", "king"], "'admin', 'editor', 'viewer'"),
            (["status", "--nonsense"], "--nonsense"),
        ],
    )
    def test_usage_error_names_the_invalid_argument(
        self, command: "Command", arguments: list[str], expected: str
    ) -> None:
        result = command(*arguments)
        assert (result.code, result.out) == (ExitCode.USAGE, "")
        message, next_step = result.err.splitlines()
        assert expected in message
        assert next_step.startswith("  next: platform ")
        assert next_step.endswith("--help")
        json_result = command(*arguments, "--json")
        assert json_result.code == ExitCode.USAGE
        assert expected in json_result.data["error"]["message"]


class TestNotRunning:
    @pytest.mark.parametrize(
        "arguments", [["outputs"], ["token", "--role", "viewer"], ["journey"], ["logs"], ["queue"]]
    )
    def test_error_names_the_next_command(self, command: "Command", arguments: list[str]) -> None:
        result = command(*arguments, "--json")
        assert result.code == ExitCode.STOPPED
        assert result.data["error"]["next"] == "platform up"
        assert "'dev'" in result.data["error"]["message"]
        assert not command.state_root.exists()

    def test_next_command_has_the_environment_option(self, command: "Command") -> None:
        result = command("outputs", "--environment", "staging")
        assert result.err.endswith("  next: platform up --environment staging\n")


class TestCompletion:
    """Shell completion, also with a real bash."""

    def test_script_for_the_current_shell(self, command: "Command") -> None:
        # A second command, so that the shell stays the parent.
        bash = ["bash", "-c", "platform --show-completion; true"]
        completed = subprocess.run(
            bash, env=command.environment(), capture_output=True, text=True, timeout=60, check=True
        )
        assert "complete -o default -F _platform_completion platform" in completed.stdout
        syntax_check = subprocess.run(
            ["bash", "-n"], input=completed.stdout, text=True, capture_output=True, check=False
        )
        assert (syntax_check.returncode, syntax_check.stderr) == (0, "")

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_script_for_a_named_shell(self, command: "Command", shell: str) -> None:
        result = command(_PLATFORM_COMPLETE=f"source_{shell}")
        assert (result.code, result.err) == (0, "")
        assert "_PLATFORM_COMPLETE=complete_" in result.out

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ("platform do", ["doctor", "down"]),
            ("platform status --res", ["--resources"]),
            ("platform up --environment ", ["dev", "production", "staging"]),
            ("platform up --environment st", ["staging"]),
            ("platform token --role v", ["viewer"]),
        ],
    )
    def test_completed_words(self, command: "Command", words: str, expected: list[str]) -> None:
        word = str(len(words.split(" ")) - 1)
        result = command(_PLATFORM_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=word)
        assert sorted(result.out.split()) == expected


class TestInternalError:
    def test_traceback_is_in_the_named_log(self, command: "Command") -> None:
        # A file in place of the environment's folder causes an unexpected error.
        command.state_root.mkdir()
        (command.state_root / "dev").write_text("")
        result = command("up", "--port", "0", "--json")
        assert result.code == ExitCode.INTERNAL
        log = command.state_root / "command.log"
        assert result.data["error"]["next"] == f"the traceback is in {log}"
        assert result.data["error"]["message"].startswith("unexpected ")
        assert "Traceback (most recent call last)" in log.read_text()


class TestOutput:
    def test_piped_output_has_no_colour_codes(self, command: "Command") -> None:
        for arguments in (["status"], ["down"], ["outputs"], ["nonsense"]):
            result = command(*arguments, FORCE_COLOR="1", COLUMNS="40")
            assert "\x1b" not in result.out + result.err

    def test_stdout_is_only_the_json_object(self, command: "Command") -> None:
        result = command("status", "--json")
        assert json.loads(result.out) == result.data
