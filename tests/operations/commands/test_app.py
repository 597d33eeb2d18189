"""What every verb does alike: names, exit codes, JSON, refusals."""

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from operations.terminal.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.operations.conftest import Command

VERBS = {
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
    def test_version_is_printed_with_the_name(self, command: "Command") -> None:
        answer = command("--version")
        assert (answer.code, answer.out) == (0, "platform 0.1.0\n")

    def test_every_verb_and_exit_code_is_listed(self, command: "Command") -> None:
        answer = command("--help")
        assert answer.code == 0
        words = " ".join(answer.out.split())
        for verb in VERBS:
            assert f"│ {verb} " in words
        for code in ExitCode:
            assert f"{code.value} {code.meaning}" in words

    def test_verbs_are_listed_in_the_order_in_which_they_are_needed(self, command: "Command") -> None:
        listed = re.findall(r"^│ ([a-z]+) ", command("--help").out, re.MULTILINE)
        assert listed == [
            "up", "down", "reset", "status", "outputs", "diagram", "token", "journey", "seed", "doctor", "logs", "queue",
            "requirements", "release", "import", "export",
        ]  # fmt: skip

    def test_no_verb_shows_the_help(self, command: "Command") -> None:
        answer = command()
        assert answer.code == 0
        assert "Usage: platform" in answer.out

    @pytest.mark.parametrize("verb", VERBS)
    def test_every_verb_takes_environment_and_json(self, command: "Command", verb: str) -> None:
        answer = command(verb, "--help")
        assert answer.code == 0
        assert "--environment" in answer.out
        assert "--json" in answer.out


class TestUnknownEnvironment:
    @pytest.mark.parametrize(("verb", "more"), VERBS.items())
    def test_it_is_named_with_the_known_ones(self, command: "Command", verb: str, more: list[str]) -> None:
        answer = command(verb, *more, "--environment", "qa")
        assert answer.code == ExitCode.USAGE
        assert answer.out == ""
        assert answer.err == (
            "platform: environment 'qa' is not known; known are dev, production, staging\n"
            f"  next: platform {verb} --environment dev\n"
        )
        assert not command.state_root.exists()

    @pytest.mark.parametrize(("verb", "more"), VERBS.items())
    def test_json_is_one_object(self, command: "Command", verb: str, more: list[str]) -> None:
        answer = command(verb, *more, "--environment", "qa", "--json")
        assert answer.code == ExitCode.USAGE
        assert set(answer.data["error"]) == {"message", "next"}
        assert "'qa'" in answer.data["error"]["message"]


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["nonsense"], "'nonsense'"),
            (["up", "--port", "65536"], "--port"),
            (["token"], "--role"),
            (["token", "--role", "king"], "'admin', 'editor', 'viewer'"),
            (["status", "--nonsense"], "--nonsense"),
        ],
    )
    def test_refusal_names_what_is_wrong(self, command: "Command", arguments: list[str], said: str) -> None:
        answer = command(*arguments)
        assert (answer.code, answer.out) == (ExitCode.USAGE, "")
        message, next_step = answer.err.splitlines()
        assert said in message
        assert next_step.startswith("  next: platform ")
        assert next_step.endswith("--help")
        in_json = command(*arguments, "--json")
        assert in_json.code == ExitCode.USAGE
        assert said in in_json.data["error"]["message"]


class TestNotRunning:
    @pytest.mark.parametrize(
        "arguments", [["outputs"], ["token", "--role", "viewer"], ["journey"], ["logs"], ["queue"]]
    )
    def test_it_is_said_with_the_next_command(self, command: "Command", arguments: list[str]) -> None:
        answer = command(*arguments, "--json")
        assert answer.code == ExitCode.STOPPED
        assert answer.data["error"]["next"] == "platform up"
        assert "'dev'" in answer.data["error"]["message"]
        assert not command.state_root.exists()

    def test_next_command_names_another_environment(self, command: "Command") -> None:
        answer = command("outputs", "--environment", "staging")
        assert answer.err.endswith("  next: platform up --environment staging\n")


class TestCompletion:
    """What a shell asks of the command; the shell is asked itself where there is one."""

    def test_script_of_the_shell_it_is_asked_from(self, command: "Command") -> None:
        # A second command, so that the shell stays the parent.
        bash = ["bash", "-c", "platform --show-completion; true"]
        done = subprocess.run(bash, env=command.environment(), capture_output=True, text=True, timeout=60, check=True)
        assert "complete -o default -F _platform_completion platform" in done.stdout
        checked = subprocess.run(["bash", "-n"], input=done.stdout, text=True, capture_output=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_script_of_a_named_shell(self, command: "Command", shell: str) -> None:
        answer = command(_PLATFORM_COMPLETE=f"source_{shell}")
        assert (answer.code, answer.err) == (0, "")
        assert "_PLATFORM_COMPLETE=complete_" in answer.out

    @pytest.mark.parametrize(
        ("typed", "offered"),
        [
            ("platform do", ["doctor", "down"]),
            ("platform status --res", ["--resources"]),
            ("platform up --environment ", ["dev", "production", "staging"]),
            ("platform up --environment st", ["staging"]),
            ("platform token --role v", ["viewer"]),
        ],
    )
    def test_words_that_are_offered(self, command: "Command", typed: str, offered: list[str]) -> None:
        word = str(len(typed.split(" ")) - 1)
        answer = command(_PLATFORM_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=word)
        assert sorted(answer.out.split()) == offered


class TestDefect:
    def test_traceback_goes_to_a_log_that_is_named(self, command: "Command") -> None:
        # A file where the folder of the environment should be is a case that nobody foresaw.
        command.state_root.mkdir()
        (command.state_root / "dev").write_text("")
        answer = command("up", "--port", "0", "--json")
        assert answer.code == ExitCode.INTERNAL
        log = command.state_root / "command.log"
        assert answer.data["error"]["next"] == f"the traceback is in {log}"
        assert answer.data["error"]["message"].startswith("unexpected ")
        assert "Traceback (most recent call last)" in log.read_text()


class TestOutput:
    def test_pipes_get_no_colour_codes(self, command: "Command") -> None:
        for arguments in (["status"], ["down"], ["outputs"], ["nonsense"]):
            answer = command(*arguments, FORCE_COLOR="1", COLUMNS="40")
            assert "\x1b" not in answer.out + answer.err

    def test_json_is_the_whole_of_standard_output(self, command: "Command") -> None:
        answer = command("status", "--json")
        assert json.loads(answer.out) == answer.data
