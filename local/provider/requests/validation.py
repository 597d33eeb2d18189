"""Validates a request against every constraint in botocore's service models.

botocore itself checks types, required members and minimums only, and the emulator little more. AWS also rejects requests that
violate the enumerations, patterns and maximums in those models.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

import regex
from botocore.model import ListShape, MapShape, Shape, StructureShape

from local.provider.requests.members import enum_values

_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (Mapping,),
    "list": (list, tuple),
    "map": (Mapping,),
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
}
# Java writes the characters beyond U+FFFF as a range of surrogate pairs, which Python's patterns do not have.
_SURROGATES = (r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
_MAX_SHOWN_LENGTH = 80


def find_problems(value: Any, shape: Shape, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each violation as (path of the member, description). Values of sensitive members are not included."""
    expected = _TYPES.get(shape.type_name)
    if expected and (not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected)):
        yield path, f"must be a {shape.type_name}"
        return
    yield from ((path, problem) for problem in _constraint_violations(value, shape))
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if name not in value and not shape.members[name].metadata.get("idempotencyToken"):
                yield _join(path, name), "is required"
        for name, item in value.items():
            if name in shape.members:
                yield from find_problems(item, shape.members[name], _join(path, name))
            else:
                yield _join(path, name), "is not known to AWS"
    elif isinstance(shape, ListShape):
        for index, item in enumerate(value):
            yield from find_problems(item, shape.member, f"{path}[{index}]")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield from find_problems(key, shape.key, f"{path}[{key}]")
            yield from find_problems(item, shape.value, f"{path}[{key}]")


def _join(path: str, member: str) -> str:
    return f"{path}.{member}" if path else member


def _constraint_violations(value: Any, shape: Shape) -> Iterator[str]:
    constraints = shape.metadata
    is_hidden = constraints.get("sensitive") or not isinstance(value, (str, int, float))
    shown = "" if is_hidden else f"{_shorten(repr(value))} "
    if isinstance(value, str):
        allowed = enum_values(shape)
        if allowed and value not in allowed:
            yield f"{shown}must be one of {_shorten(', '.join(allowed))}"
        pattern = constraints.get("pattern")
        if pattern and not matches(cast(str, pattern), value):
            yield f"{shown}does not match {_shorten(cast(str, pattern))}"
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    size, unit = (value, "") if is_number else (len(value) if hasattr(value, "__len__") else None, "length ")
    if size is None:
        return
    if "min" in constraints and size < constraints["min"]:
        yield f"{shown}is below the minimum {unit}{constraints['min']}"
    if "max" in constraints and size > constraints["max"]:
        yield f"{shown}is above the maximum {unit}{constraints['max']}"


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN_LENGTH else text[: _MAX_SHOWN_LENGTH - 1] + "…"


def matches(pattern: str, value: str) -> bool:
    """Return whether the whole value matches a pattern of a service model; True for patterns that Python cannot compile.

    Most patterns in the models have no anchors but apply to the whole value.
    """
    compiled = compile_pattern(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


@cache
def compile_pattern(pattern: str) -> regex.Pattern[str] | None:
    """Compile a pattern of a service model, which has Java's syntax; None for the few that Python cannot compile."""
    try:
        return regex.compile(pattern.replace(*_SURROGATES))
    except regex.error:
        return None
