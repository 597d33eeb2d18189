"""The documents' tables of environments as data: what is said of a thing, and how that is read off the registered graph."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.stacks.conftest import Graph

ENVIRONMENTS = ("dev", "staging", "production")
Cells = Mapping[str, Any]
Reading = Callable[[Graph], Any]


def cells(dev: Any, staging: Any, production: Any) -> Cells:
    """A value for each environment."""
    return dict(zip(ENVIRONMENTS, (dev, staging, production), strict=True))


def everywhere(value: Any) -> Cells:
    """The same value for each."""
    return cells(value, value, value)


def named(pattern: str) -> Cells:
    """A name with `{}` where it says the environment."""
    return {environment: pattern.format(environment) for environment in ENVIRONMENTS}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line: a thing and its cells. Where the program is not what the documents say, they are quoted, with the reason.

    `documents` are those cells of theirs that differ, by environment.
    """

    what: str
    read: Reading
    cells: Cells
    documents: Cells | None = None
    because: str = ""

    def __post_init__(self) -> None:
        if tuple(self.cells) != ENVIRONMENTS:
            raise ValueError(f"{self.what}: must have a cell for each environment, not {', '.join(self.cells)}")
        if bool(self.documents) != bool(self.because):
            raise ValueError(f"{self.what}: must quote the documents with the reason to differ, or neither")
        for environment, value in (self.documents or {}).items():
            if self.cells[environment] == value:
                raise ValueError(f"{self.what}: must not call {value!r} a difference in {environment}")

    def __str__(self) -> str:
        return self.what


def value(name: str, *path: str | int) -> Reading:
    """What stands at a place in the inputs of a resource that every environment has; None where nothing stands there."""

    def read(graph: Graph) -> Any:
        return _at(graph.named(name).inputs, path)

    return read


def where_made(name: str, *path: str | int) -> Reading:
    """The same of a resource that some environments do without: None there."""

    def read(graph: Graph) -> Any:
        found = [each for each in graph.custom if each.name == name]
        return _at(found[0].inputs, path) if found else None

    return read


def count(kind: str) -> Reading:
    """How many resources of a type there are."""

    def read(graph: Graph) -> int:
        return len(graph.of(kind))

    return read


def _at(inputs: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        try:
            inputs = inputs[step]
        except KeyError:
            return None
    return inputs
