"""Which tests say that they prove which requirements: their markers, read from the source, without running or importing anything.

Counted are the markers of test functions and test classes, of a module's `pytestmark`, of parameters
(`pytest.param(…, marks=…)`), and those that stand behind a name of the module. Ids have to be written out.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MARKER = "requirement"
Tested = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class MarkerError(Exception):
    """A marker whose ids cannot be read from the source."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """`test` is what pytest runs by this name: a function, a class with all its tests, or a file."""

    test: str
    id: str


def claims(tests: Path) -> list[Claim]:
    """Every claim below a folder, each once, in the order of the files; names begin with the folder's own. Raises MarkerError."""
    found: dict[Claim, None] = {}
    for path in sorted({*tests.rglob("test_*.py"), *tests.rglob("*_test.py")}):
        source = path.read_text(encoding="utf-8")
        # Most of the time goes into parsing, and many files claim nothing.
        if MARKER in source:
            place = path.relative_to(tests.parent).as_posix()
            found |= dict.fromkeys(_module(ast.parse(source, filename=place), place))
    return list(found)


def _module(module: ast.Module, place: str) -> Iterator[Claim]:
    named = _named(module.body, place, {})
    yield from _claimed(named.get("pytestmark", ()), place)
    yield from _body(module.body, place, named)


def _body(body: Sequence[ast.stmt], place: str, named: Mapping[str, Sequence[str]]) -> Iterator[Claim]:
    for node in body:
        if not isinstance(node, Tested) or not _has_tests(node):
            continue
        here = f"{place}::{node.name}"
        for decorator in node.decorator_list:
            yield from _claimed(_ids(decorator, named, place), here)
        if isinstance(node, ast.ClassDef):
            own = _named(node.body, place, named)
            yield from _claimed(own.get("pytestmark", ()), here)
            yield from _body(node.body, here, {**named, **own})


def _has_tests(node: Tested) -> bool:
    """Whether pytest finds a test there. Tests that a class inherits are not seen."""
    if isinstance(node, ast.ClassDef):
        return node.name.startswith("Test") and any(_has_tests(one) for one in node.body if isinstance(one, Tested))
    return node.name.startswith("test")


def _named(body: Sequence[ast.stmt], place: str, outer: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The ids behind each name that is assigned in a body: one marker, a list of them, or cases that bear some."""
    named: dict[str, list[str]] = {}
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            ids = _ids(node.value, {**outer, **named}, place)
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    named[target.id] = ids
    return named


def _ids(expression: ast.expr, named: Mapping[str, Sequence[str]], place: str) -> list[str]:
    found: list[str] = []
    for node in ast.walk(expression):
        if isinstance(node, ast.Name):
            found += named.get(node.id, ())
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(f"mark.{MARKER}"):
            for argument in node.args:
                if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                    raise MarkerError(f"{place}:{node.lineno}: the ids of a requirement marker have to be written out")
                found.append(argument.value)
    return found


def _claimed(ids: Sequence[str], test: str) -> Iterator[Claim]:
    return (Claim(test=test, id=one) for one in ids)
