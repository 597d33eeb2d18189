"""Every component in random configurations: those that its arguments allow register, and each mistake is refused by name."""

import ast
import dataclasses
import importlib
import inspect
import traceback
import typing
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import components
from components.arguments import ArgumentError
from local.engines.recording import RegisteredResource, record
from tests.components.configurations import aws_limits
from tests.components.configurations.recipes import Later, Mistake, Recipe, Workshop

(ROOM,) = (Path(folder) for folder in components.__path__)
FOLDER = Path(__file__).parent / "configurations"
# What the modules of the components share.
SHARED = {"aws_limits", "recipes", "values"}
# Resources that others are made after are handed on as they are.
NOT_DRAWN = {"depends_on"}
NAME = "it"


@dataclasses.dataclass(frozen=True)
class Component:
    """A component, its arguments, and how both are drawn."""

    file: str
    made: type[pulumi.ComponentResource]
    arguments: type

    @property
    def fields(self) -> tuple[dataclasses.Field[Any], ...]:
        """The arguments that are drawn."""
        return tuple(field for field in dataclasses.fields(self.arguments) if field.name not in NOT_DRAWN)

    @property
    def drawn(self) -> ModuleType:
        """The module with `VALID`, a strategy of arguments, and `INVALID`, a list of strategies of mistakes."""
        return importlib.import_module(f"tests.components.configurations.{self.file}")


def found() -> Iterator[Component]:
    for path in sorted(ROOM.glob("*.py")):
        module = importlib.import_module(f"components.{path.stem}")
        for name, made in inspect.getmembers(module, inspect.isclass):
            if issubclass(made, pulumi.ComponentResource) and made.__module__ == module.__name__:
                yield Component(path.stem, made, getattr(module, f"{name}Args"))


COMPONENTS = list(found())


def registered(program: Callable[[], None], *, preview: bool = False) -> tuple[RegisteredResource, ...]:
    return record(program, project="episode-metadata", stack="dev", config={}, preview=preview)


@dataclasses.dataclass
class Reach:
    """Which arguments some configurations gave, left out, and gave as outputs."""

    configurations: int = 0
    given: set[str] = dataclasses.field(default_factory=set)
    always: set[str] | None = None
    outputs: set[str] = dataclasses.field(default_factory=set)

    def add(self, configuration: Mapping[str, Any]) -> None:
        self.configurations += 1
        self.given |= configuration.keys()
        self.always = set(configuration) if self.always is None else self.always & configuration.keys()
        self.outputs |= {name for name, value in configuration.items() if has_output(value)}


def has_output(drawn: Any) -> bool:
    match drawn:
        case Later():
            return True
        case Recipe():
            return has_output(drawn.arguments)
        case dict():
            return any(map(has_output, drawn.values()))
        case list() | tuple():
            return any(map(has_output, drawn))
        case _:
            return False


def parts(hint: Any) -> set[Any]:
    """The types that a hint is made of. What may be an output may be any awaitable: `pulumi.Input` says so."""
    return {typing.get_origin(hint)}.union(*map(parts, typing.get_args(hint)))


def run_examples(name: str, examples: int, strategy: st.SearchStrategy[Any], holds: Callable[[Any], None]) -> None:
    """Run the check on so many examples. What fails is reported, and stored for the next run, under the name."""

    def test(drawn: Any) -> None:
        holds(drawn)

    test.__name__ = name
    how = settings(
        max_examples=examples,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.filter_too_much,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
        # One short example says enough: explaining it, and looking for other faults, takes longer than a test may.
        phases=set(Phase) - {Phase.explain},
        report_multiple_bugs=False,
    )
    how(given(drawn=strategy)(test))()


# Valid configurations

KNOWN, UNKNOWN = False, True


def register_all(component: Component, examples: int, previews: st.SearchStrategy[Sequence[bool]]) -> tuple[Reach, str]:
    """Registers so many configurations, each with outputs known, unknown or both; what they reached, and the figures."""
    reach, resources = Reach(), 0

    def holds(drawn: tuple[Mapping[str, Any], Sequence[bool]]) -> None:
        nonlocal resources
        configuration, ways = drawn
        for preview in ways:
            made = registered(lambda: build(component, configuration), preview=preview)
            assert family_problems(component, made) == []
            if not preview:
                assert [problem for each in made for problem in aws_limits.refused(each)] == []
            resources += len(made)
        reach.add(configuration)

    run_examples(f"{component.file}_registers", examples, st.tuples(component.drawn.VALID, previews), holds)
    assert reach.configurations >= examples
    return reach, f"{component.file}: {reach.configurations} configurations, {resources} resources"


def build(component: Component, configuration: Mapping[str, Any]) -> None:
    component.made(NAME, component.arguments(**Workshop().make(dict(configuration))))


def family_problems(component: Component, made: tuple[RegisteredResource, ...]) -> list[str]:
    """What is wrong with the children: each is some component's, called after it, and the component has at least one."""
    above = {each.urn: each for each in made if not each.custom}
    (own,) = [each for each in above.values() if each.name == NAME]
    problems = [] if any(each.parent == own.urn for each in made) else ["it has no child"]
    for each in made:
        if each.custom and each.parent not in above:
            problems.append(f"{each.path} is no component's child")
        elif each.custom and not each.name.startswith(f"{above[each.parent].name}-"):
            problems.append(f"{each.path} is not called after its component")
    expected = f"episode-metadata:index:{component.made.__name__}"
    return problems if own.type == expected else [*problems, f"it is a {own.type}"]


# Mistakes


def outcomes(
    component: Component, configuration: Mapping[str, Any], mistakes: Sequence[Mistake]
) -> list[tuple[Mistake, Exception | None]]:
    """What is raised for the configuration with each of the mistakes, and with no other."""
    found: list[tuple[Mistake, Exception | None]] = []

    def program() -> None:
        workshop = Workshop()
        for mistake in mistakes:
            raised = None
            try:
                component.arguments(**workshop.make({**configuration, **mistake.changes}))
            except Exception as error:  # noqa: BLE001  # whether it is a refusal is judged outside of the program
                raised = error
            found.append((mistake, raised))

    registered(program)
    return found


def refuse_all(component: Component, examples: int, sites: set[tuple[str, int]] | None = None) -> str:
    """Tries all mistakes of the component in so many configurations; the figures. `sites` gets the lines that refused."""
    refused: Counter[str] = Counter()

    def holds(drawn: tuple[Mapping[str, Any], tuple[Mistake, ...]]) -> None:
        for mistake, raised in outcomes(component, *drawn):
            owner = (mistake.owner or component.arguments).__name__
            assert isinstance(raised, ArgumentError), (
                f"{owner}.{mistake.field} is not refused: {mistake.changes} ({raised!r})"
            )
            assert str(raised).startswith(f"{owner}.{mistake.field}: must "), (
                f"{mistake.changes} is refused by {raised}"
            )
            assert raised.field == mistake.field
            refused["configurations"] += 1
            if sites is not None:
                sites.update(lines(raised))

    kinds = component.drawn.INVALID
    run_examples(f"{component.file}_refuses", examples, st.tuples(component.drawn.VALID, st.tuples(*kinds)), holds)
    assert refused["configurations"] >= examples * len(kinds)
    return f"{component.file}: {refused['configurations']} refusals, {len(kinds)} kinds of mistakes"


def lines(error: Exception) -> Iterator[tuple[str, int]]:
    """Where in the components an error went through."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        if path.parent == ROOM:
            yield path.name, line


def checks() -> dict[tuple[str, range], str]:
    """Every call of a check in the components, by its lines."""
    every: dict[tuple[str, range], str] = {}
    for path in sorted(ROOM.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if path.name != "arguments.py" and isinstance(node, ast.Call):
                called = ast.unparse(node.func).removeprefix("self._")
                if called.partition("_")[0] == "check":
                    where = path.name, range(node.lineno, (node.end_lineno or node.lineno) + 1)
                    every[where] = f"{path.name}:{node.lineno} {ast.unparse(node)[:100]}"
    return every


def named(path: Path) -> set[str]:
    """The names of arguments in a module: keywords, and texts such as a dictionary's keys."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    keywords = {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg}
    return keywords | {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.fixture(params=COMPONENTS, ids=lambda component: component.file)
def component(request: pytest.FixtureRequest) -> Component:
    assert isinstance(request.param, Component)
    return request.param


class TestModules:
    def test_every_component_has_its_configurations(self) -> None:
        modules = {path.stem for path in FOLDER.glob("*.py")} - SHARED
        assert {component.file for component in COMPONENTS} == modules

    def test_every_argument_has_its_values(self, component: Component) -> None:
        # Which of them an example has is chance; what no strategy names is in none.
        written = named(FOLDER / f"{component.file}.py") | named(FOLDER / "values.py")
        assert [field.name for field in component.fields if field.name not in written] == []


class TestValid:
    def test_random_ones_register(self, component: Component) -> None:
        register_all(component, settings().max_examples, st.sampled_from([[KNOWN], [UNKNOWN]]))

    @pytest.mark.long
    @pytest.mark.timeout(3_600)
    def test_500_register_both_ways(self, component: Component) -> None:
        reach, figures = register_all(component, 500, st.just([KNOWN, UNKNOWN]))
        print(figures)
        fields = {field.name: field for field in component.fields}
        missing = dataclasses.MISSING
        optional = {
            name
            for name, field in fields.items()
            if field.default is not missing or field.default_factory is not missing
        }
        assert fields.keys() - reach.given == set()
        assert optional & (reach.always or set()) == set()
        assert {name for name, field in fields.items() if Awaitable in parts(field.type)} - reach.outputs == set()


class TestInvalid:
    def test_random_ones_are_refused_by_name(self, component: Component) -> None:
        refuse_all(component, settings().max_examples)

    @pytest.mark.long
    @pytest.mark.timeout(3_600)
    def test_200_of_each_kind_are_refused_by_name(self, component: Component) -> None:
        print(refuse_all(component, 200))

    def test_every_check_refuses_something(self) -> None:
        sites: set[tuple[str, int]] = set()
        for component in COMPONENTS:
            refuse_all(component, 2, sites)
        every = checks()
        idle = [call for (file, span), call in every.items() if not any((file, line) in sites for line in span)]
        assert every
        assert idle == []
