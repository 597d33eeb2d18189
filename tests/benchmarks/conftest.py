"""A parser of the tables that benchmarks print."""

import re
from collections.abc import Callable

import pytest

Tables = dict[str, dict[str, dict[str, str]]]


@pytest.fixture
def tables_of() -> Callable[[str], Tables]:
    """Return a function that parses the Markdown of a section into cells by title, row and column."""

    def read(markdown: str) -> Tables:
        found: Tables = {}
        for title, body in re.findall(r"^\*\*(.+)\*\*\n\n((?:\|.*\n?)+)", markdown, re.MULTILINE):
            header, rule, *rows = (
                [cell.strip() for cell in line[1:-1].split("|")] for line in body.strip().split("\n")
            )
            assert set("".join(rule)) == {"-"}
            assert {len(row) for row in rows} == {len(header)}
            found[title] = {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in rows}
        return found

    return read
