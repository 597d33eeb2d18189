"""Finds the member of a botocore shape that a Pulumi input names."""

import re
from collections.abc import Iterator
from typing import cast

from botocore.model import MapShape, Shape, StructureShape

from local.provider.resource_types.facts import squash
from local.provider.resource_types.problem import ProblemError

# `assumeRolePolicy` is AssumeRolePolicyDocument, `lambda` is LambdaConfig: AWS's endings that Pulumi leaves off.
_ENDINGS = ("config", "configuration", "options", "document", "specification")


def find_member(name: str, shape: StructureShape, noun: str = "") -> str | None:
    """The member that the input names, by AWS's naming habits from the plainest to the loosest.

    Raises ProblemError when two members answer to the same habit: then the table must say which.
    """
    by_name = {squash(member): member for member in shape.members}
    for habit in _habits(squash(name), squash(noun)):
        found = {by_name[candidate] for candidate in habit if candidate in by_name}
        if len(found) > 1:
            raise ProblemError(
                f"{name} may be any of {', '.join(sorted(found))} of {shape.name}: the table must say which"
            )
        if found:
            return found.pop()
    return None


def _habits(name: str, noun: str) -> Iterator[tuple[str, ...]]:
    yield (name,)
    yield (name + "s", name.removesuffix("s"), re.sub("ies$", "y", name), re.sub("y$", "ies", name))
    if noun:
        yield (noun + name, name.removeprefix(noun))
    if name.endswith("enabled"):
        yield ("enable" + name.removesuffix("enabled"),)
    yield tuple(stem + ending for stem in ((name, noun + name) if noun else (name,)) for ending in _ENDINGS)


def find_nested(name: str, shape: StructureShape, depth: int = 2) -> str | None:
    """The path to the only nearest nested member (or documented map key) of that very name: AWS wraps what Pulumi keeps flat."""
    for level in range(1, depth + 1):
        found = list(_nested(squash(name), shape, level))
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _nested(name: str, shape: StructureShape, level: int) -> Iterator[str]:
    for member, inner in shape.members.items():
        if level > 1 and isinstance(inner, StructureShape):
            yield from (f"{member}.{rest}" for rest in _nested(name, inner, level - 1))
        elif level == 1 and isinstance(inner, StructureShape):
            yield from (f"{member}.{deep}" for deep in inner.members if squash(deep) == name)
        elif level == 1 and inner.type_name == "map":
            yield from (f"{member}[{key}]" for key in enumerated(cast(MapShape, inner).key) if squash(key) == name)


def enumerated(shape: Shape) -> list[str]:
    """The values that a string shape allows; empty when it allows any."""
    return list(shape.metadata.get("enum", ()))
