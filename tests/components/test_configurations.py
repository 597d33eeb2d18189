"""The promises of every component, in random configurations: valid ones register, invalid ones are rejected by field.

Each component has a module in `configurations/` with `VALID`, a strategy of arguments, and `INVALID`, a list of strategies of
changes that make such arguments invalid.
"""

import ast
import dataclasses
import traceback
import typing
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pulumi
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from components.arguments import ArgumentError
from local.engines.recording import record
from tests.components.component_list import COMPONENTS, ROOM, Component
from tests.components.component_rules import (
    NAME,
    Configuration,
    Resources,
    argument_problems,
    children_of,
    hierarchy_problems,
    identities,
)
from tests.components.configurations import aws_limits
from tests.components.configurations.deferred import Builder, DeferredObject, DeferredOutput, InvalidChange

FOLDER = Path(__file__).parent / "configurations"
# Modules that are shared by those of the components.
SHARED = {"aws_limits", "deferred", "values"}


@pytest.fixture(params=COMPONENTS, ids=lambda component: component.file)
def component(request: pytest.FixtureRequest) -> Component:
    assert isinstance(request.param, Component)
    return request.param


def run(program: Callable[[], None], *, preview: bool = False) -> Resources:
    return record(program, project="episode-metadata", stack="dev", config={}, preview=preview)


def run_examples(
    name: str, strategy: st.SearchStrategy[Any], check: Callable[[Any], None], *, examples: int | None = None
) -> None:
    """Check as many examples as the profile says, or as are given. Failures are stored for the next run by the name."""

    def test(drawn: Any) -> None:
        check(drawn)

    test.__name__ = name
    options = settings(
        max_examples=examples or settings().max_examples,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.filter_too_much,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
        # One short example is enough: explaining it, and looking for other failures, takes longer than a test may.
        phases=set(Phase) - {Phase.explain},
        report_multiple_bugs=False,
    )
    options(given(drawn=strategy)(test))()


# Valid configurations


@dataclasses.dataclass
class Coverage:
    """The arguments that some configurations set, that all of them set, and that some set to an output."""

    set_by_some: set[str] = dataclasses.field(default_factory=set)
    set_by_all: set[str] | None = None
    outputs: set[str] = dataclasses.field(default_factory=set)
    resources: int = 0

    def add(self, configuration: Configuration, resources: Resources) -> None:
        self.set_by_some |= configuration.keys()
        self.set_by_all = set(configuration) if self.set_by_all is None else self.set_by_all & configuration.keys()
        self.outputs |= {name for name, value in configuration.items() if has_output(value)}
        self.resources += len(resources)


def has_output(drawn: Any) -> bool:
    match drawn:
        case DeferredOutput():
            return True
        case DeferredObject():
            return has_output(drawn.arguments)
        case dict():
            return any(map(has_output, drawn.values()))
        case list() | tuple():
            return any(map(has_output, drawn))
        case _:
            return False


def accepts_output(hint: Any) -> bool:
    """Return whether a type hint contains `pulumi.Input`, which accepts any awaitable."""
    return typing.get_origin(hint) is Awaitable or any(map(accepts_output, typing.get_args(hint)))


def check_valid(component: Component, *, examples: int | None = None) -> Coverage:
    """Register random configurations and check what holds for the resources of every component."""
    coverage = Coverage()

    def check(configuration: Configuration) -> None:
        made: list[pulumi.ComponentResource] = []

        def program() -> None:
            made.append(component.resource(NAME, component.arguments(**Builder().build(dict(configuration)))))

        register_outputs = pulumi.ComponentResource.register_outputs
        with mock.patch.object(
            pulumi.ComponentResource, "register_outputs", autospec=True, side_effect=register_outputs
        ) as registered:
            resources = run(program)
        assert made[0] in [call.args[0] for call in registered.call_args_list]
        assert [name for name in component.outputs if not hasattr(made[0], name)] == []
        assert list(hierarchy_problems(component, resources)) == []
        assert [problem for each in resources for problem in aws_limits.violations(each)] == []
        own = children_of(resources)
        assert list(argument_problems(component, configuration, own)) == []
        # While outputs are unknown, the same resources are registered: none is created inside `apply`.
        previewed = children_of(run(program, preview=True))
        assert identities(previewed) == identities(own)
        coverage.add(configuration, resources)

    run_examples(f"{component.file}_valid", component.strategies.VALID, check, examples=examples)
    return coverage


# Invalid configurations


def errors_of(
    component: Component, configuration: Configuration, changes: Sequence[InvalidChange]
) -> list[tuple[InvalidChange, Exception | None]]:
    """Return the error of the configuration with each of the changes alone."""
    found: list[tuple[InvalidChange, Exception | None]] = []

    def program() -> None:
        builder = Builder()
        for change in changes:
            raised = None
            try:
                component.arguments(**builder.build({**configuration, **change.changes}))
            except Exception as error:  # noqa: BLE001  # its type is checked outside of the program
                raised = error
            found.append((change, raised))

    run(program)
    return found


def check_invalid(
    component: Component, *, examples: int | None = None, lines: set[tuple[str, int]] | None = None
) -> Counter[str]:
    """Check that every invalid change is rejected by field; `lines` collects where the errors were raised."""
    rejected: Counter[str] = Counter()

    def check(drawn: tuple[Configuration, tuple[InvalidChange, ...]]) -> None:
        for change, error in errors_of(component, *drawn):
            owner = (change.owner or component.arguments).__name__
            assert isinstance(error, ArgumentError), f"{owner}.{change.field} accepts {change.changes} ({error!r})"
            assert str(error).startswith(f"{owner}.{change.field}: must "), f"{change.changes}: {error}"
            assert error.field == change.field
            rejected[f"{owner}.{change.field}"] += 1
            if lines is not None:
                lines.update(component_lines(error))

    changes = component.strategies.INVALID
    strategy = st.tuples(component.strategies.VALID, st.tuples(*changes))
    run_examples(f"{component.file}_invalid", strategy, check, examples=examples)
    return rejected


def component_lines(error: Exception) -> Iterator[tuple[str, int]]:
    """Yield the lines of components in an error's traceback."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        if path.parent == ROOM:
            yield path.name, line


def find_checks() -> dict[tuple[str, range], str]:
    """Return every call of a `check` function in the components, by its lines."""
    calls: dict[tuple[str, range], str] = {}
    for path in sorted(ROOM.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if path.name != "arguments.py" and isinstance(node, ast.Call):
                called = ast.unparse(node.func).removeprefix("self._")
                if called.partition("_")[0] == "check":
                    where = path.name, range(node.lineno, (node.end_lineno or node.lineno) + 1)
                    calls[where] = f"{path.name}:{node.lineno} {ast.unparse(node)[:100]}"
    return calls


def argument_names(path: Path) -> set[str]:
    """Return the keywords and the strings of a module, which contain the names of the arguments that it draws."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    keywords = {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg}
    return keywords | {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


class TestStrategies:
    def test_every_component_has_strategies(self) -> None:
        modules = {path.stem for path in FOLDER.glob("*.py")} - SHARED
        assert {component.file for component in COMPONENTS} == modules

    def test_every_argument_is_drawn(self, component: Component) -> None:
        # Random examples may leave an argument out, so that the source of the strategies is searched.
        drawn = argument_names(FOLDER / f"{component.file}.py") | argument_names(FOLDER / "values.py")
        assert component.fields.keys() - drawn == set()


class TestValid:
    def test_valid_configurations_register(self, component: Component) -> None:
        check_valid(component)

    @pytest.mark.long
    @pytest.mark.timeout(3_600)
    def test_500_configurations_set_every_argument_in_every_way(self, component: Component) -> None:
        coverage = check_valid(component, examples=500)
        print(f"{component.file}: 500 configurations, {coverage.resources} resources")
        missing = dataclasses.MISSING
        optional = {
            name
            for name, field in component.fields.items()
            if field.default is not missing or field.default_factory is not missing
        }
        assert component.fields.keys() - coverage.set_by_some == set()
        assert optional & (coverage.set_by_all or set()) == set()
        assert {
            name for name, field in component.fields.items() if accepts_output(field.type)
        } - coverage.outputs == set()


class TestInvalid:
    def test_invalid_values_are_rejected_by_field(self, component: Component) -> None:
        check_invalid(component)

    @pytest.mark.long
    @pytest.mark.timeout(3_600)
    def test_200_values_of_each_kind_are_rejected_by_field(self, component: Component) -> None:
        rejected = check_invalid(component, examples=200)
        print(f"{component.file}: {rejected.total()} rejected values of {len(rejected)} fields")

    def test_every_check_rejects_some_value(self) -> None:
        lines: set[tuple[str, int]] = set()
        for component in COMPONENTS:
            check_invalid(component, examples=2, lines=lines)
        checks = find_checks()
        unused = [call for (file, span), call in checks.items() if not any((file, line) in lines for line in span)]
        assert checks
        assert unused == []
