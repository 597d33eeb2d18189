"""Checks a request against all that botocore's service models say of it, which neither botocore nor the emulator does.

botocore itself checks types and required members only; the enumerations, patterns and upper limits that its models carry are
what AWS refuses a request for.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

import regex
from botocore.model import ListShape, MapShape, Shape, StructureShape

from local.provider.requests.members import enumerated

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
# Java writes everything outside the basic plane as a range of surrogate pairs, which Python does not have.
_SURROGATES = (r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
_SHOWN = 80


def find_problems(value: Any, shape: Shape, path: str = "") -> Iterator[tuple[str, str]]:
    """Each violation as (path of the member, what is wrong with it). No value of a sensitive member is shown."""
    expected = _TYPES.get(shape.type_name)
    if expected and (not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected)):
        yield path, f"must be a {shape.type_name}"
        return
    yield from ((path, problem) for problem in _limits(value, shape))
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


def _limits(value: Any, shape: Shape) -> Iterator[str]:
    rules = shape.metadata
    shown = "" if rules.get("sensitive") or not isinstance(value, (str, int, float)) else f"{_short(repr(value))} "
    if isinstance(value, str):
        allowed = enumerated(shape)
        if allowed and value not in allowed:
            yield f"{shown}is none of {_short(', '.join(allowed))}"
        pattern = rules.get("pattern")
        if pattern and not _matches(cast(str, pattern), value):
            yield f"{shown}does not match {_short(cast(str, pattern))}"
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    size, unit = (value, "") if number else (len(value) if hasattr(value, "__len__") else None, "length ")
    if size is None:
        return
    if "min" in rules and size < rules["min"]:
        yield f"{shown}is below the least {unit}{rules['min']}"
    if "max" in rules and size > rules["max"]:
        yield f"{shown}is above the greatest {unit}{rules['max']}"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _matches(pattern: str, value: str) -> bool:
    compiled = compile_pattern(pattern)
    # Most patterns are not anchored but meant to be.
    return compiled is None or compiled.fullmatch(value) is not None


@cache
def compile_pattern(pattern: str) -> regex.Pattern[str] | None:
    """The pattern, which is Java's, as Python reads it; None for the few that it cannot."""
    try:
        return regex.compile(pattern.replace(*_SURROGATES))
    except regex.error:
        return None
