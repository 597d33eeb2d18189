"""Configurations whose outputs, nested arguments and other components are only created inside a running program."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from hypothesis import strategies as st
from pulumi.output import UNKNOWN


@dataclass(frozen=True)
class DeferredOutput:
    """The value of an output: known during an update, unknown during a preview."""

    value: Any


@dataclass(frozen=True)
class DeferredObject:
    """A nested argument, or another component, that `make(**arguments)` creates."""

    make: Callable[..., Any]
    arguments: Mapping[str, Any]

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.make.__name__}({arguments})"


@dataclass(frozen=True)
class InvalidChange:
    """Changes that make a valid configuration invalid.

    The error names `field` of `owner`, which is None for the component's own arguments.
    """

    field: str
    changes: Mapping[str, Any]
    owner: type | None


def objects(
    make: Callable[..., Any], arguments: st.SearchStrategy[Mapping[str, Any]]
) -> st.SearchStrategy[DeferredObject]:
    """Return objects that `make` creates from the drawn arguments."""
    return arguments.map(lambda drawn: DeferredObject(make, drawn))


def invalid(field: str, /, *, owner: type | None = None, **changes: Any) -> st.SearchStrategy[InvalidChange]:
    """Return changes for which the field is rejected; each is a strategy or a value."""
    return _fixed(changes).map(lambda drawn: InvalidChange(field, drawn, owner))


def invalid_objects(
    make: Callable[..., Any], valid: Mapping[str, Any], /, **changes: Any
) -> st.SearchStrategy[DeferredObject]:
    """Return objects in which only the changes are invalid; each is a strategy or a value."""
    return _fixed(changes).map(lambda drawn: DeferredObject(make, {**valid, **drawn}))


def _fixed(changes: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in changes.items()}
    )


class Builder:
    """Creates what was drawn, inside one program, and each object only once."""

    def __init__(self) -> None:
        self._created: dict[int, Any] = {}

    def build(self, drawn: Any) -> Any:
        """Return the drawn value with its outputs and objects."""
        match drawn:
            case DeferredOutput(value):
                return pulumi.Output.from_input(UNKNOWN if pulumi.runtime.is_dry_run() else value)
            case DeferredObject():
                if id(drawn) not in self._created:
                    self._created[id(drawn)] = drawn.make(**self.build(drawn.arguments))
                return self._created[id(drawn)]
            case dict():
                return {key: self.build(value) for key, value in drawn.items()}
            case list():
                return [self.build(value) for value in drawn]
            case tuple():
                return tuple(self.build(value) for value in drawn)
            case _:
                return drawn
