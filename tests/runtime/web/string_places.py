"""Where a request takes strings: each field of a body, and each parameter of an address, as the API's own description has them."""

import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

Json = dict[str, Any]
Path = tuple[str | int, ...]
Take = Callable[[], str]
"""Gives the next string."""


# By how an example begins: what makes a string look like that.
LOOKING: dict[str, Callable[[Take], str]] = {
    "https://": lambda take: "https://example.test/" + quote(take(), safe="'();:@&=+$,/?*!-._~%"),
    "s3://": lambda take: "s3://bucket/" + take(),
    "{": lambda take: json.dumps({take(): take(), "within": [{take(): take()}]}),
}


@dataclass(frozen=True)
class Strings:
    """Strings in turn, beginning with any of them."""

    all: tuple[str, ...]

    def take_from(self, place: int) -> Take:
        numbers = iter(range(place, place + 100_000))
        return lambda: self.all[next(numbers) % len(self.all)]


def resolved(schema: Json, schemas: Json) -> Json:
    """What stands behind a reference or is one of several; null is none of them."""
    if reference := schema.get("$ref"):
        return resolved(schemas[reference.rpartition("/")[2]], schemas)
    for option in schema.get("anyOf", ()):
        if option.get("type") != "null":
            return resolved(option, schemas)
    return schema


def leaves(schema: Json, schemas: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """Every field, with its schema; those of the objects in a list as of the first of them."""
    schema = resolved(schema, schemas)
    if schema.get("type") == "array" and "properties" in resolved(schema["items"], schemas):
        yield from leaves(schema["items"], schemas, (*path, 0))
    elif "properties" in schema:
        for name, field in schema["properties"].items():
            yield from leaves(field, schemas, (*path, name))
    else:
        yield path, schema


def filled(schema: Json, schemas: Json, take: Take, turn: int) -> Any:
    """What the field takes, made of strings wherever it can have some. What takes no string gets one all the same."""
    schema = resolved(schema, schemas)
    if schema.get("type") == "array":
        # One: where tags are added to those that are there, more would soon be too many.
        return [filled(schema["items"], schemas, take, turn)]
    if patterns := schema.get("patternProperties"):
        return {take(): filled(next(iter(patterns.values())), schemas, take, turn)}
    if schema.get("type") == "object" or not schema.keys() - {"title", "description"}:
        return {take(): take(), "within": [{take(): [take()]}]}
    # What has to look like something: every other time as the string is, which is refused, and made to look so.
    example = str(next(iter(schema.get("examples", ())), ""))
    dress = next((LOOKING[beginning] for beginning in LOOKING if turn % 2 and example.startswith(beginning)), None)
    return dress(take) if dress else take()


def placed(base: Any, values: Mapping[Path, Any]) -> Any:
    """A copy of it with each value where it belongs."""
    made = deepcopy(base)
    for path, value in values.items():
        within = made
        for part in path[:-1]:
            within = within[part]
        within[path[-1]] = value
    return made


@dataclass(frozen=True)
class Settled:
    """What became of values that were sent together: the last answer, which values it took, and which were refused by name."""

    answer: httpx.Response
    taken: frozenset[Path]
    refused: frozenset[Path]


def settled(send: Callable[[Any], httpx.Response], base: Any, values: Mapping[Path, Any], within: str) -> Settled:
    """Sends the values, and again without those that a refusal names, until what is left is taken, or nothing is left."""
    left = dict(values)
    while True:
        answer = send(placed(base, left))
        assert answer.status_code < 500, (answer.status_code, left)
        if answer.status_code < 300:
            return Settled(answer, frozenset(left), frozenset(values) - frozenset(left))
        named = [tuple(str(error.get("field")).split(".")) for error in answer.json()["errors"]]
        gone = {path for path in left if any(_names(field, (within, *path)) for field in named)}
        assert gone, (answer.status_code, answer.text, left)
        left = {path: value for path, value in left.items() if path not in gone}
        if not left:
            return Settled(answer, frozenset(), frozenset(values))


def _names(field: tuple[str, ...], path: Path) -> bool:
    return field[: len(path)] == tuple(map(str, path))
