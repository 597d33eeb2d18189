"""The whole program, registered without any AWS, in each environment."""

import copy
import json
import pickle
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.engines.recording import RegisteredResource, record
from operations.graph.placeholder_release import placeholder_config
from stacks.environment import CONFIG_KEY, PROJECT
from stacks.program import platform
from tests.recorded_outputs import outputs_of
from tests.sharing import SharedResults

ROOT = Path(__file__).parents[2]


class Graph:
    """What the program registered in one environment."""

    def __init__(self, resources: tuple[RegisteredResource, ...]) -> None:
        self.resources = resources
        self.custom = [each for each in resources if each.custom]
        self.by_urn = {each.urn: each for each in resources}

    def of(self, kind: str) -> list[RegisteredResource]:
        """By the last part of the type, such as `BucketPolicy`, in the order of their names."""
        found = [each for each in self.custom if each.type.rpartition(":")[2] == kind]
        return sorted(found, key=lambda each: each.name)

    def named(self, name: str) -> RegisteredResource:
        (found,) = [each for each in self.resources if each.name == name]
        return found

    def output(self, name: str, output: str) -> Any:
        """Return the placeholder of one output of a resource; `id` is its id."""
        return outputs_of(self.named(name))[output]

    def waits_for(self, name: str) -> set[str]:
        """The names of everything that must stand before this resource."""
        seen: set[str] = set()
        waiting = [self.named(name).urn]
        while waiting:
            for urn in self.by_urn[waiting.pop()].dependencies:
                if urn in self.by_urn and urn not in seen:
                    seen.add(urn)
                    waiting.append(urn)
        return {self.by_urn[urn].name for urn in seen}

    def source(self, resource: RegisteredResource, field: str) -> list[str]:
        """The names of the resources whose outputs one input of a resource is made of, in their order; none for plain values."""
        return sorted(self.by_urn[urn].name for urn in resource.property_dependencies.get(field, ()))

    def statements(self, name: str, field: str = "policy") -> list[dict[str, Any]]:
        """The statements of the policy that a resource has in one of its inputs."""
        found: list[dict[str, Any]] = json.loads(self.named(name).inputs[field])["Statement"]
        return found

    @property
    def container(self) -> dict[str, Any] | None:
        """The one container that answers requests, as ECS is told; None where a function does."""
        tasks = self.of("TaskDefinition")
        if not tasks:
            return None
        (task,) = tasks
        (found,) = json.loads(task.inputs["containerDefinitions"])
        return dict(found)

    @property
    def functions(self) -> list[RegisteredResource]:
        """Those of Lambda. CloudFront has a type of the same name, whose code runs at the edge."""
        return [each for each in self.of("Function") if each.type.startswith("aws:lambda/")]

    @property
    def programs(self) -> set[str]:
        """What runs code of ours, by the component's name: functions, and the container where there is one."""
        functions = {each.name.removesuffix("-function") for each in self.functions}
        return functions | ({"api"} if self.container else set())

    def variables(self, program: str) -> dict[str, str]:
        """The registered environment of a function or of the container, by the component's name."""
        if program == "api" and self.container:
            return {each["name"]: each["value"] for each in self.container["environment"]}
        found: dict[str, str] = self.named(f"{program}-function").inputs["environment"]["variables"]
        return found


def stack_settings(environment: str) -> dict[str, Any]:
    content = yaml.safe_load((ROOT / f"Pulumi.{environment}.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = content["config"][CONFIG_KEY]
    return found


def changed(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy with other values at dotted paths."""
    result = copy.deepcopy(values)
    for path, value in changes.items():
        *sections, key = path.split(".")
        place = result
        for section in sections:
            place = place[section]
        place[key] = value
    return result


def evaluate(values: dict[str, Any], *, preview: bool = False, program: Callable[[], None] = platform) -> Graph:
    with tempfile.TemporaryDirectory() as folder:
        config = {CONFIG_KEY: json.dumps(values), **placeholder_config(PROJECT, Path(folder))}
        return Graph(record(program, project=PROJECT, stack="test", config=config, preview=preview))


@pytest.fixture(scope="session")
def graph_of(shared_results: SharedResults) -> Callable[[str], Graph]:
    """Return the graph of an environment as its file describes it, which the run's processes register once."""

    @cache
    def find(environment: str) -> Graph:
        def register() -> bytes:
            return pickle.dumps(evaluate(stack_settings(environment)).resources)

        return Graph(pickle.loads(shared_results.get(f"graph-{environment}", register)))  # noqa: S301 - our own

    return find


@pytest.fixture(scope="session")
def evaluated() -> Callable[..., Graph]:
    """The graph of any settings."""
    return evaluate


@pytest.fixture(scope="session")
def settings_of() -> Callable[..., dict[str, Any]]:
    """The settings in an environment's file, with other values at dotted paths."""

    def find(environment: str, **changes: Any) -> dict[str, Any]:
        return changed(stack_settings(environment), {path.replace("__", "."): value for path, value in changes.items()})

    return find


@pytest.fixture(params=["dev", "staging", "production"])
def environment(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name
