"""The components that there are, each with its arguments and the strategies that draw them."""

import dataclasses
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi

import components

(ROOM,) = (Path(folder) for folder in components.__path__)
# Resources to depend on are not drawn.
NOT_DRAWN = {"depends_on"}


@dataclasses.dataclass(frozen=True)
class Component:
    """A component, its arguments, and the module with its strategies."""

    file: str
    resource: type[pulumi.ComponentResource]
    arguments: type

    @property
    def fields(self) -> dict[str, dataclasses.Field[Any]]:
        return {field.name: field for field in dataclasses.fields(self.arguments) if field.name not in NOT_DRAWN}

    @property
    def outputs(self) -> list[str]:
        return [name for name in inspect.get_annotations(self.resource) if not name.startswith("_")]

    @property
    def strategies(self) -> ModuleType:
        return importlib.import_module(f"tests.components.configurations.{self.file}")


def find_components() -> Iterator[Component]:
    for path in sorted(ROOM.glob("*.py")):
        module = importlib.import_module(f"components.{path.stem}")
        for name, found in inspect.getmembers(module, inspect.isclass):
            if issubclass(found, pulumi.ComponentResource) and found.__module__ == module.__name__:
                yield Component(path.stem, found, getattr(module, f"{name}Args"))


COMPONENTS = list(find_components())
