"""Finds the member of a botocore shape that corresponds to a Pulumi input."""

import re
from collections.abc import Iterator
from typing import cast

from botocore.model import MapShape, Shape, StructureShape

from local.provider.resource_types.errors import ResourceError
from local.provider.resource_types.known_values import normalize_name

# AWS's suffixes that Pulumi omits: `assumeRolePolicy` is AssumeRolePolicyDocument, `lambda` is LambdaConfig.
_SUFFIXES = ("config", "configuration", "options", "document", "specification")


def find_member(name: str, shape: StructureShape, noun: str = "") -> str | None:
    """Return the member for an input name, trying AWS's naming conventions from the strictest to the loosest.

    Raises:
        ResourceError: Several members match under the same convention, so the table needs a `rename`.
    """
    by_name = {normalize_name(member): member for member in shape.members}
    for candidates in _candidate_names(normalize_name(name), normalize_name(noun)):
        found = {by_name[candidate] for candidate in candidates if candidate in by_name}
        if len(found) > 1:
            raise ResourceError(
                f"{name} matches several members of {shape.name} ({', '.join(sorted(found))}): add a rename to the table"
            )
        if found:
            return found.pop()
    return None


def _candidate_names(name: str, noun: str) -> Iterator[tuple[str, ...]]:
    yield (name,)
    yield (name + "s", name.removesuffix("s"), re.sub("ies$", "y", name), re.sub("y$", "ies", name))
    if noun:
        yield (noun + name, name.removeprefix(noun))
    if name.endswith("enabled"):
        yield ("enable" + name.removesuffix("enabled"),)
    yield tuple(stem + suffix for stem in ((name, noun + name) if noun else (name,)) for suffix in _SUFFIXES)


def find_nested(name: str, shape: StructureShape, depth: int = 2) -> str | None:
    """Return the path of the nearest nested member (or documented map key) of that name, if it is unique at its depth.

    AWS nests members that Pulumi keeps flat.
    """
    for level in range(1, depth + 1):
        found = list(_nested(normalize_name(name), shape, level))
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _nested(name: str, shape: StructureShape, level: int) -> Iterator[str]:
    for member, inner in shape.members.items():
        if level > 1 and isinstance(inner, StructureShape):
            yield from (f"{member}.{rest}" for rest in _nested(name, inner, level - 1))
        elif level == 1 and isinstance(inner, StructureShape):
            yield from (f"{member}.{deep}" for deep in inner.members if normalize_name(deep) == name)
        elif level == 1 and inner.type_name == "map":
            yield from (
                f"{member}[{key}]" for key in enum_values(cast(MapShape, inner).key) if normalize_name(key) == name
            )


def enum_values(shape: Shape) -> list[str]:
    """Return the allowed values of a string shape; empty if it has no enumeration."""
    return list(shape.metadata.get("enum", ()))
