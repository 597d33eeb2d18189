"""Configurations as they are drawn, and what a running program makes of them: outputs, parts, and other components."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from hypothesis import strategies as st
from pulumi.output import UNKNOWN


@dataclass(frozen=True)
class Later:
    """A value that the program has as an output: known once the program runs, unknown while it is previewed."""

    value: Any


@dataclass(frozen=True)
class Recipe:
    """A part of a configuration, or another component that it takes, made inside the program by `make(**arguments)`."""

    make: Callable[..., Any]
    arguments: Mapping[str, Any]

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.make.__name__}({given})"


@dataclass(frozen=True)
class Mistake:
    """What makes a configuration wrong in one way. The refusal names `field` of `owner`, which is the arguments' class
    itself unless a part of them is wrong."""

    field: str
    changes: Mapping[str, Any]
    owner: type | None


def parts(make: Callable[..., Any], strategy: st.SearchStrategy[Mapping[str, Any]]) -> st.SearchStrategy[Recipe]:
    """Recipes that make something of the drawn arguments."""
    return strategy.map(lambda arguments: Recipe(make, arguments))


def mistake(field: str, /, *, owner: type | None = None, **changes: Any) -> st.SearchStrategy[Mistake]:
    """Mistakes of one kind: what the changed arguments are, each a strategy or a value. The rest stays as it was drawn."""
    return _drawn(changes).map(lambda drawn: Mistake(field, drawn, owner))


def slips(make: Callable[..., Any], sound: Mapping[str, Any], /, **changes: Any) -> st.SearchStrategy[Recipe]:
    """Recipes of a part in which only the changes are wrong; each of them is a strategy or a value."""
    return _drawn(changes).map(lambda drawn: Recipe(make, {**sound, **drawn}))


def _drawn(changes: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in changes.items()}
    )


class Workshop:
    """Makes what was drawn, inside one program. The same recipe is made once, however often it is asked for."""

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}

    def make(self, drawn: Any) -> Any:
        match drawn:
            case Later(value):
                return pulumi.Output.from_input(UNKNOWN if pulumi.runtime.is_dry_run() else value)
            case Recipe():
                if id(drawn) not in self._made:
                    self._made[id(drawn)] = drawn.make(**self.make(drawn.arguments))
                return self._made[id(drawn)]
            case dict():
                return {key: self.make(value) for key, value in drawn.items()}
            case list():
                return [self.make(value) for value in drawn]
            case tuple():
                return tuple(self.make(value) for value in drawn)
            case _:
                return drawn
