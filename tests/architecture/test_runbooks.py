"""Pages for whoever is woken are made alike, and name only what there is."""

import re
import shlex
from functools import cache
from pathlib import Path

import botocore.session
import pytest
import yaml
from botocore import xform_name
from typer.exceptions import TyperException

from components.alarm_rules import DESCRIPTIONS
from tests.architecture.pages import INDEX, ROOT, RUNBOOKS, block_lines, filled, platform_verbs, spans

HEADINGS = [
    "What it means",
    "Impact",
    "First three commands",
    "Common causes",
    "Rollback",
    "Escalation",
]


def commands(path: Path, program: str) -> list[str]:
    """What a page calls a program with, within `$(…)` too."""
    found: list[str] = []
    for text in filled(path):
        found += [*re.findall(r"\$\(([^()]*)\)", text), re.sub(r"\$\([^()]*\)", "VALUE", text)]
    return [command for command in found if command.startswith(f"{program} ")]


def platform_problem(command: str) -> str:
    """What the `platform` command would say of its command line; nothing when it would take it."""
    verbs, words = platform_verbs(), shlex.split(command)[1:]
    name = words.pop(0)
    if name in verbs and hasattr(verbs[name], "commands"):
        verbs, name = verbs[name].commands, words.pop(0)
    if name not in verbs:
        return f"{command}: there is no {name}"
    try:
        verbs[name].make_context(name, words)
    except TyperException as error:
        return f"{command}: {error}"
    return ""


# The AWS CLI's own commands and options, beside those of the services.
OF_EVERY_COMMAND = {"--query", "--output"}
TAIL = {"--since", "--filter-pattern"}
SERVICE_OF = {"s3api": "s3"}
AWS = botocore.session.get_session()


def aws_problem(command: str) -> str:
    """What is wrong with an `aws` command by the service's model. One that is only named need not have its options."""
    _, service, name, *words = shlex.split(command)
    options = {word for word in words if word.startswith("--")} - OF_EVERY_COMMAND
    if (service, name) == ("logs", "tail"):
        return f"{command}: {options - TAIL}" if options - TAIL else ""
    model = AWS.get_service_model(SERVICE_OF.get(service, service))
    operations = {xform_name(operation, "-"): operation for operation in model.operation_names}
    if name not in operations:
        return f"{command}: there is no {name}"
    shape = model.operation_model(operations[name]).input_shape
    assert shape, command
    known = {f"--{xform_name(member, '-')}" for member in shape.members}
    needed = {f"--{xform_name(member, '-')}" for member in shape.required_members} if words else set()
    problems = sorted(options - known) + sorted(needed - options)
    return f"{command}: {problems}" if problems else ""


@cache
def source(*rooms: str) -> str:
    return "\n".join(path.read_text() for room in rooms for path in sorted((ROOT / room).rglob("*.py")))


# Postgres's own.
OF_POSTGRES = {"pg_stat_activity", "xact_start"}


class TestRunbooks:
    def test_every_meaning_has_a_page_and_every_page_a_meaning(self) -> None:
        assert sorted(DESCRIPTIONS) == [path.stem for path in RUNBOOKS]

    @pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
    def test_a_page_is_short_and_made_like_the_others(self, path: Path) -> None:
        lines = path.read_text().splitlines()
        assert lines[0] == f"# {path.stem}"
        assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == HEADINGS
        assert 25 <= len(lines) <= 45
        assert sum(line.startswith(("aws ", "platform ")) for line in block_lines(path)) == 3

    @pytest.mark.parametrize("path", [*RUNBOOKS, INDEX], ids=lambda path: path.stem)
    def test_commands_exist(self, path: Path) -> None:
        called = commands(path, "aws")
        assert len(called) >= 2
        assert [problem for command in called if (problem := aws_problem(command))] == []
        assert [problem for command in commands(path, "platform") if (problem := platform_problem(command))] == []

    def test_events_exist(self) -> None:
        events = set(re.findall(r'^[A-Z_]+ = "([a-z_]+)"', source("runtime", "lambda_src"), re.MULTILINE))
        asked = {
            event
            for path in [*RUNBOOKS, INDEX]
            for event in re.findall(r'message = "(\w+)"', "\n".join(block_lines(path)))
        }
        assert {"request_handled", "thumbnail_job_failed"} <= asked
        assert asked - events == set()

    @pytest.mark.parametrize("path", [*RUNBOOKS, INDEX], ids=lambda path: path.stem)
    def test_settings_and_words_of_ours_exist(self, path: Path) -> None:
        stack_file = (ROOT / "Pulumi.production.yaml").read_text()
        settings = yaml.safe_load(stack_file)["config"]["episode-metadata:settings"]
        words = set(re.findall(r"\w+", source("runtime", "lambda_src", "stacks") + stack_file)) | OF_POSTGRES
        for span in spans(path):
            first, *rest = span.split(".")
            if rest and first in settings:
                value = settings
                for key in (first, *rest):
                    assert key in value, span
                    value = value[key]
            elif re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", span):
                assert span in words
