"""Registration of components without AWS."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from components.naming import Naming
from local.engines.recording import RegisteredResource, record
from tests.recorded_outputs import outputs_of


class Graph:
    """Registered resources, whose kind is the last part of their type: `BucketPolicy`."""

    def __init__(self, resources: tuple[RegisteredResource, ...]) -> None:
        self.resources = resources
        self.custom = [resource for resource in resources if resource.custom]

    @property
    def counts(self) -> Counter[str]:
        return Counter(_kind(resource) for resource in self.custom)

    def of(self, kind: str) -> list[RegisteredResource]:
        return sorted((each for each in self.custom if _kind(each) == kind), key=lambda each: each.name)

    def one(self, kind: str) -> RegisteredResource:
        (found,) = self.of(kind)
        return found

    def named(self, name: str) -> RegisteredResource:
        (found,) = [each for each in self.resources if each.name == name]
        return found

    def statements(self, name: str, field: str = "policy") -> dict[str, dict[str, Any]]:
        """Return the statements of a policy document by their Sid."""
        return {each["Sid"]: each for each in json.loads(self.named(name).inputs[field])["Statement"]}

    def output(self, name: str, output: str) -> Any:
        """Return the placeholder of one output of a resource; `id` is its id."""
        return outputs_of(self.named(name))[output]

    def depends(self, later: str, earlier: str) -> bool:
        """Return whether one resource depends on another."""
        return self.named(earlier).urn in self.named(later).dependencies


def _kind(resource: RegisteredResource) -> str:
    return resource.type.rpartition(":")[2]


Register = Callable[..., Graph]


@pytest.fixture(scope="session")
def register() -> Register:
    def run(make: Callable[[], Any], *, preview: bool = False) -> Graph:
        def program() -> None:
            make()

        return Graph(record(program, project="episode-metadata", stack="dev", config={}, preview=preview))

    return run


@pytest.fixture(scope="session")
def naming() -> Naming:
    return Naming("episode-metadata", "dev")
