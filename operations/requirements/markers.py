"""Requirement markers of tests, read from the source without running or importing it.

Markers are found on test functions and classes, in a module's `pytestmark`, on parameters (`pytest.param(…, marks=…)`),
and behind module-level names. Ids must be string literals.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MARKER = "requirement"
TestNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class MarkerError(Exception):
    """A marker whose ids are not string literals."""


@dataclass(frozen=True, kw_only=True)
class MarkedTest:
    """A test with a requirement id; `test` is a pytest node id: a function, a class or a file."""

    test: str
    id: str


def find_marked_tests(tests: Path) -> list[MarkedTest]:
    """Return the marked tests in a folder, in the order of files. Node ids begin with the folder's name.

    Raises:
        MarkerError: A marker's ids are not string literals.
    """
    found: dict[MarkedTest, None] = {}
    for path in sorted({*tests.rglob("test_*.py"), *tests.rglob("*_test.py")}):
        source = path.read_text(encoding="utf-8")
        # Parsing is slow, and many files have no marker.
        if MARKER in source:
            file_name = path.relative_to(tests.parent).as_posix()
            found |= dict.fromkeys(_module(ast.parse(source, filename=file_name), file_name))
    return list(found)


def _module(module: ast.Module, file_name: str) -> Iterator[MarkedTest]:
    names = _marker_names(module.body, file_name, {})
    yield from _marked_tests(names.get("pytestmark", ()), file_name)
    yield from _body(module.body, file_name, names)


def _body(body: Sequence[ast.stmt], file_name: str, names: Mapping[str, Sequence[str]]) -> Iterator[MarkedTest]:
    for node in body:
        if not isinstance(node, TestNode) or not _has_tests(node):
            continue
        node_id = f"{file_name}::{node.name}"
        for decorator in node.decorator_list:
            yield from _marked_tests(_ids(decorator, names, file_name), node_id)
        if isinstance(node, ast.ClassDef):
            class_names = _marker_names(node.body, file_name, names)
            yield from _marked_tests(class_names.get("pytestmark", ()), node_id)
            yield from _body(node.body, node_id, {**names, **class_names})


def _has_tests(node: TestNode) -> bool:
    """Return whether pytest collects a test here. Inherited tests are not recognised."""
    if isinstance(node, ast.ClassDef):
        return node.name.startswith("Test") and any(
            _has_tests(item) for item in node.body if isinstance(item, TestNode)
        )
    return node.name.startswith("test")


def _marker_names(body: Sequence[ast.stmt], file_name: str, outer: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the ids behind each name that a body assigns: of a marker, a list of markers, or parameters with markers."""
    names: dict[str, list[str]] = {}
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            ids = _ids(node.value, {**outer, **names}, file_name)
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    names[target.id] = ids
    return names


def _ids(expression: ast.expr, names: Mapping[str, Sequence[str]], file_name: str) -> list[str]:
    found: list[str] = []
    for node in ast.walk(expression):
        if isinstance(node, ast.Name):
            found += names.get(node.id, ())
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(f"mark.{MARKER}"):
            for argument in node.args:
                if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                    raise MarkerError(
                        f"{file_name}:{node.lineno}: the ids of a requirement marker must be string literals"
                    )
                found.append(argument.value)
    return found


def _marked_tests(ids: Sequence[str], test: str) -> Iterator[MarkedTest]:
    return (MarkedTest(test=test, id=item) for item in ids)
