"""Pages that are made from the program say what it is; pages for whoever is woken name only what there is."""

import importlib.util
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import botocore.session
import pytest
import typer.main
import yaml
from botocore import xform_name
from typer.exceptions import TyperException

from components.alarm_rules import MEANINGS
from local.doors import stack_files
from operations import cli, project
from operations.graph.recorder import ResourceGraph, record_graph

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RUNBOOKS = sorted(path for path in (DOCS / "runbooks").glob("*.md") if path.name != "README.md")
INDEX = DOCS / "runbooks" / "README.md"
HEADINGS = [
    "What it means",
    "Who is hurt",
    "First three commands",
    "Usual causes",
    "How to take it back",
    "When to wake somebody else",
]
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"

Graphs = Mapping[str, ResourceGraph]


@pytest.fixture(scope="module")
def graphs() -> Graphs:
    """Every environment's resources, recorded once: that takes seconds."""
    return {name: record_graph(name) for name in stack_files.stack_names(ROOT)}


def generator(name: str, graphs: Graphs) -> Iterator[ModuleType]:
    """A script of `docs/`, which belongs to no package."""
    specification = importlib.util.spec_from_file_location(f"made_{name}", DOCS / f"{name}.py")
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[module.__name__] = module
    specification.loader.exec_module(module)
    module.record_graph = graphs.__getitem__  # type: ignore[attr-defined]
    yield module
    del sys.modules[module.__name__]


@pytest.fixture(scope="module")
def component_pages(graphs: Graphs) -> Iterator[ModuleType]:
    yield from generator("component_pages", graphs)


@pytest.fixture(scope="module")
def diagrams(graphs: Graphs) -> Iterator[ModuleType]:
    yield from generator("diagrams", graphs)


@pytest.fixture
def elsewhere(
    component_pages: ModuleType, diagrams: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A project whose pages both generators have just written."""
    for environment in stack_files.stack_names(ROOT):
        (tmp_path / f"Pulumi.{environment}.yaml").touch()
    readme = tmp_path / "README.md"
    readme.write_text(f"Before.\n{diagrams.BEGIN}{diagrams.END}After.\n")
    for module, places in (
        (component_pages, {"INDEX": "docs/components.md", "PAGES": "docs/components"}),
        (diagrams, {"PAGE": "docs/diagrams.md", "README": "README.md"}),
    ):
        monkeypatch.setattr(module, "ROOT", tmp_path)
        for name, place in places.items():
            monkeypatch.setattr(module, name, tmp_path / place)
    (tmp_path / "docs").mkdir()
    assert (component_pages.main([]), diagrams.main([])) == (None, None)
    return tmp_path


class TestComponentPages:
    def test_they_are_what_the_code_says(self, component_pages: ModuleType) -> None:
        assert component_pages.main(["--check"]) is None

    def test_every_component_has_one(self, component_pages: ModuleType) -> None:
        tokens = re.compile(r'"episode-metadata:index:(\w+)"')
        known = {
            path.stem: token
            for path in (ROOT / "components").glob("*.py")
            for token in tokens.findall(path.read_text())
        }
        assert len(known) > 20
        listed = re.findall(
            r"^\| \[(\w+)\]\(components/(\w+)\.md\) \| \S", component_pages.INDEX.read_text(), re.MULTILINE
        )
        assert {module: name for name, module in listed} == known

    def test_a_page_says_what_each_environment_has(self, elsewhere: Path) -> None:
        queue = (elsewhere / "docs/components/work_queue.md").read_text()
        assert queue.partition("## Registers\n\n")[2].splitlines() == [
            "| Type | dev | production | staging |",
            "|---|---:|---:|---:|",
            "| `aws:sqs/queue:Queue` | 2 | 2 | 2 |",
            "| `aws:sqs/queuePolicy:QueuePolicy` | 2 | 2 | 2 |",
            "| `aws:sqs/redriveAllowPolicy:RedriveAllowPolicy` | 1 | 1 | 1 |",
        ]
        service = (elsewhere / "docs/components/container_service.md").read_text()
        assert "| `aws:appautoscaling/target:Target` |  | 1 |  |" in service
        assert "No environment has one" in (elsewhere / "docs/components/cache.md").read_text()

    @pytest.mark.parametrize("page", ["docs/components.md", "docs/components/work_queue.md"])
    @pytest.mark.parametrize("spoilt", ["another", "missing"])
    def test_another_page_is_stale(self, component_pages: ModuleType, elsewhere: Path, page: str, spoilt: str) -> None:
        path = elsewhere / page
        made = path.read_text()
        path.unlink() if spoilt == "missing" else path.write_text(made.replace("queue", "tail"))
        assert component_pages.main(["--check"]) == f"stale: {page}; run `make docs`"
        assert component_pages.main([]) is None
        assert path.read_text() == made

    def test_a_component_that_is_gone_loses_its_page(self, component_pages: ModuleType, elsewhere: Path) -> None:
        gone = elsewhere / "docs/components/fax_machine.md"
        gone.write_text("# FaxMachine\n")
        assert component_pages.main(["--check"]) == "stale: docs/components/fax_machine.md; run `make docs`"
        assert gone.exists()
        assert component_pages.main([]) is None
        assert not gone.exists()


class TestDiagrams:
    def test_they_are_what_the_program_describes(self, diagrams: ModuleType) -> None:
        assert diagrams.main(["--check"]) is None

    def test_every_environment_is_drawn_and_the_readme_keeps_its_words(
        self, diagrams: ModuleType, elsewhere: Path, graphs: Graphs
    ) -> None:
        page, readme = diagrams.PAGE.read_text(), diagrams.README.read_text()
        assert re.findall(r"^## (\w+)\n\n```mermaid\nflowchart", page, re.MULTILINE) == list(graphs)
        assert readme.startswith(f"Before.\n{diagrams.BEGIN}\n```mermaid\nflowchart")
        assert readme.endswith(f"```\n\n{diagrams.END}After.\n")
        assert "ContainerService" in readme

    @pytest.mark.parametrize("page", ["docs/diagrams.md", "README.md"])
    def test_another_page_is_stale(self, diagrams: ModuleType, elsewhere: Path, page: str) -> None:
        path = elsewhere / page
        made = path.read_text()
        path.write_text(made.replace("flowchart LR", "flowchart TD"))
        assert diagrams.main(["--check"]) == f"stale: {path.name}; run `make docs`"
        assert diagrams.main([]) is None
        assert path.read_text() == made

    @pytest.mark.parametrize("marker", ["BEGIN", "END"])
    @pytest.mark.parametrize("arguments", [["--check"], []])
    def test_a_readme_without_the_place_is_refused(
        self, diagrams: ModuleType, elsewhere: Path, marker: str, arguments: list[str]
    ) -> None:
        spoilt = diagrams.README.read_text().replace(getattr(diagrams, marker), "")
        diagrams.README.write_text(spoilt)
        refusal = diagrams.main(arguments)
        assert refusal == "README.md lacks the lines <!-- diagram of production --> and <!-- end of diagram -->"
        assert diagrams.README.read_text() == spoilt


def spans(path: Path) -> list[str]:
    """What stands between backticks within the sentences of a page."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL))


def block_lines(path: Path) -> list[str]:
    return [
        line for block in re.findall(r"```sh\n(.*?)```", path.read_text(), re.DOTALL) for line in block.splitlines()
    ]


def filled(path: Path) -> list[str]:
    """The lines of a page's blocks and the spans of its sentences, with the values of the page's variables."""
    lines = block_lines(path)
    values = {"ENVIRONMENT": "production"} | dict(re.findall(r"\b([A-Z]+)=([a-z-]+)\b", "\n".join(lines)))
    return [re.sub(r"\$([A-Z_]+)", lambda name: values.get(name[1], name[0]), text) for text in [*lines, *spans(path)]]


def commands(path: Path, program: str) -> list[str]:
    """What a page calls a program with, within `$(…)` too."""
    found: list[str] = []
    for text in filled(path):
        found += [*re.findall(r"\$\(([^()]*)\)", text), re.sub(r"\$\([^()]*\)", "VALUE", text)]
    return [command for command in found if command.startswith(f"{program} ")]


def platform_verbs() -> Mapping[str, Any]:
    group: Any = typer.main.get_command(cli.app)
    verbs: Mapping[str, Any] = group.commands
    return verbs


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


def texts(value: Any) -> Iterator[str]:
    """Every text in a value of JSON's kinds."""
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ():
        yield from texts(each)


@cache
def source(*rooms: str) -> str:
    return "\n".join(path.read_text() for room in rooms for path in sorted((ROOT / room).rglob("*.py")))


# Postgres's own.
OF_POSTGRES = {"pg_stat_activity", "xact_start"}


class TestRunbooks:
    def test_every_meaning_has_a_page_and_every_page_a_meaning(self) -> None:
        assert sorted(MEANINGS) == [path.stem for path in RUNBOOKS]

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

    @pytest.mark.parametrize("path", [*RUNBOOKS, INDEX], ids=lambda path: path.stem)
    def test_names_are_those_of_production(self, path: Path, graphs: Graphs) -> None:
        name = re.compile(r"[\w/.-]*\bepisode-(?:metadata|search)[\w/.-]*")
        given = {found for text in filled(path) if "<" not in text for found in name.findall(text)}
        assert given
        assert given - {text for each in graphs["production"].custom for text in texts(each.inputs)} == set()

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

    def test_links_lead_somewhere(self) -> None:
        for path in [*RUNBOOKS, INDEX]:
            for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", path.read_text()):
                there = (path.parent / target) if target else path
                assert there.is_file(), f"{path}: {target}"
                headings = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE)
                slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
                assert not anchor or anchor in slugs, f"{path}: {anchor}"

    def test_the_index_says_which_alarms_lead_where(self, graphs: Graphs) -> None:
        rows = re.findall(r"^\| \[([\w-]+)\]\(([\w-]+)\.md\) \| (.*) \|$", INDEX.read_text(), re.MULTILINE)
        assert [(name, link) for name, link, _ in rows if name != link] == []
        listed = {name: set(re.findall(r"`([\w-]+)`", told)) for name, _, told in rows}
        anywhere: dict[str, set[str]] = {page: set() for page in MEANINGS}
        for environment, graph in graphs.items():
            leads: dict[str, set[str]] = {page: set() for page in MEANINGS}
            for alarm in (each.inputs for each in graph.custom if each.type == ALARM):
                page = re.findall(r"docs/runbooks/([\w-]+)\.md$", alarm["alarmDescription"])[0]
                leads[page].add(alarm["name"].removeprefix("episode-metadata-").removesuffix(f"-{environment}"))
            assert any(leads.values()) is (environment != "dev")
            anywhere = {page: anywhere[page] | leads[page] for page in MEANINGS}
        assert anywhere == listed


class TestLocalPlatformPage:
    TEXT = (DOCS / "local-platform.md").read_text()

    def test_it_says_what_is_recorded_only_and_since_when(self) -> None:
        listed = tomllib.loads((ROOT / "local/provider/recorded_only.toml").read_text())
        section = self.TEXT.partition("## Recorded only")[2].partition("\n## ")[0]
        told = {
            name for row in re.findall(r"^\| (`.*`) \|", section, re.MULTILINE) for name in re.findall(r"`(\S+)`", row)
        }
        assert told == {re.sub(r"aws:(\w+)/\w+:", r"\1.", token) for token in listed["types"]}
        assert f"({listed['reviewed']})" in section
        assert f"({listed['review_again']})" in section

    def test_it_says_the_ports(self) -> None:
        told = dict(re.findall(r"(\w+) (?:answers )?on (?:port )?(\d{4})", self.TEXT))
        assert told == {name: str(port) for name, port in project.PORTS.items()}

    def test_what_aws_may_refuse_names_what_is_there(self) -> None:
        table = self.TEXT.partition("## What cannot be shown here")[2]
        places = {
            name for row in re.findall(r"\| ([^|]*) \|$", table, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
        }
        files = {name for name in places if name.endswith(".py") or name == "Dockerfile"}
        assert [name for name in files if not ((ROOT / name).exists() or (ROOT / "components" / name).exists())] == []
        settings = yaml.safe_load((ROOT / "Pulumi.production.yaml").read_text())["config"]["episode-metadata:settings"]
        keys = [name.partition(".") for name in places - files]
        assert keys
        assert [f"{section}.{key}" for section, _, key in keys if key not in settings[section]] == []


class TestVerbs:
    def test_the_readme_names_every_verb(self) -> None:
        readme = (ROOT / "README.md").read_text()
        assert [verb for verb in platform_verbs() if f"`platform {verb}" not in readme] == []

    @pytest.mark.parametrize(
        "path", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))], ids=lambda path: path.stem
    )
    def test_a_verb_on_a_page_exists(self, path: Path) -> None:
        used = re.findall(r"(?:`|^|bin/)platform ([a-z]\w*)", path.read_text(), re.MULTILINE)
        assert set(used) - platform_verbs().keys() == set()
