"""Pages say what the environments register: those that are made from the program, and those for whoever is woken."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from components.alarm_rules import DESCRIPTIONS
from local.engines import stack_files
from operations.graph.recorder import ResourceGraph, record_graph
from tests.architecture.pages import INDEX, ROOT, RUNBOOKS, filled, maker

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"

Graphs = Mapping[str, ResourceGraph]


@pytest.fixture(scope="module")
def graphs() -> Graphs:
    """Every environment's resources, recorded once: that takes seconds."""
    return {name: record_graph(name) for name in stack_files.stack_names(ROOT)}


@pytest.fixture(scope="module")
def component_pages(graphs: Graphs) -> Iterator[ModuleType]:
    with maker("component_pages") as module:
        module.record_graph = graphs.__getitem__  # type: ignore[attr-defined]
        yield module


@pytest.fixture(scope="module")
def diagrams(graphs: Graphs) -> Iterator[ModuleType]:
    with maker("diagrams") as module:
        module.record_graph = graphs.__getitem__  # type: ignore[attr-defined]
        yield module


@pytest.fixture
def elsewhere(
    component_pages: ModuleType, diagrams: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A project whose pages both generators have just written."""
    for environment in stack_files.stack_names(ROOT):
        (tmp_path / f"Pulumi.{environment}.yaml").touch()
    for module, places in (
        (component_pages, {"INDEX": "docs/components.md", "PAGES": "docs/components"}),
        (diagrams, {"PAGE": "docs/diagrams.md"}),
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
        assert queue.partition("## Resources\n\n")[2].splitlines() == [
            "| Type | dev | production | staging |",
            "|---|---:|---:|---:|",
            "| `aws:sqs/queue:Queue` | 2 | 2 | 2 |",
            "| `aws:sqs/queuePolicy:QueuePolicy` | 2 | 2 | 2 |",
            "| `aws:sqs/redriveAllowPolicy:RedriveAllowPolicy` | 1 | 1 | 1 |",
        ]
        service = (elsewhere / "docs/components/container_service.md").read_text()
        assert "| `aws:appautoscaling/target:Target` |  | 1 |  |" in service
        assert "No environment uses this component" in (elsewhere / "docs/components/cache.md").read_text()

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

    def test_every_environment_is_drawn(self, diagrams: ModuleType, elsewhere: Path, graphs: Graphs) -> None:
        page = diagrams.PAGE.read_text()
        assert re.findall(r"^## (\w+)\n\n```mermaid\nflowchart", page, re.MULTILINE) == list(graphs)
        assert "ContainerService" in page

    @pytest.mark.parametrize("spoilt", ["another", "missing"])
    def test_another_page_is_stale(self, diagrams: ModuleType, elsewhere: Path, spoilt: str) -> None:
        path = diagrams.PAGE
        made = path.read_text()
        path.unlink() if spoilt == "missing" else path.write_text(made.replace("flowchart LR", "flowchart TD"))
        assert diagrams.main(["--check"]) == "stale: diagrams.md; run `make docs`"
        assert diagrams.main([]) is None
        assert path.read_text() == made


def texts(value: Any) -> Iterator[str]:
    """Every text in a value of JSON's kinds."""
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ():
        yield from texts(each)


class TestRunbooks:
    @pytest.mark.parametrize("path", [*RUNBOOKS, INDEX], ids=lambda path: path.stem)
    def test_names_are_those_of_production(self, path: Path, graphs: Graphs) -> None:
        name = re.compile(r"[\w/.-]*\bepisode-(?:metadata|search)[\w/.-]*")
        given = {found for text in filled(path) if "<" not in text for found in name.findall(text)}
        assert given
        assert given - {text for each in graphs["production"].custom for text in texts(each.inputs)} == set()

    def test_the_index_says_which_alarms_lead_where(self, graphs: Graphs) -> None:
        rows = re.findall(r"^\| \[([\w-]+)\]\(([\w-]+)\.md\) \| (.*) \|$", INDEX.read_text(), re.MULTILINE)
        assert [(name, link) for name, link, _ in rows if name != link] == []
        listed = {name: set(re.findall(r"`([\w-]+)`", told)) for name, _, told in rows}
        anywhere: dict[str, set[str]] = {page: set() for page in DESCRIPTIONS}
        for environment, graph in graphs.items():
            leads: dict[str, set[str]] = {page: set() for page in DESCRIPTIONS}
            for alarm in (each.inputs for each in graph.custom if each.type == ALARM):
                page = re.findall(r"docs/runbooks/([\w-]+)\.md$", alarm["alarmDescription"])[0]
                leads[page].add(alarm["name"].removeprefix("episode-metadata-").removesuffix(f"-{environment}"))
            assert any(leads.values()) is (environment != "dev")
            anywhere = {page: anywhere[page] | leads[page] for page in DESCRIPTIONS}
        assert anywhere == listed
