"""Tables of bad input that tests walk, and at a run's end how many cells of each were proved.

A test names its table with `@pytest.mark.table("hosts")` and says with the fixture `proved` how many cells it walked. Only a
test that passed counts; one that did not is named. A cell is one case in one place: one host on one route.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import pytest

# By name: what a cell is. The order is the order of the report.
TABLES = {
    "roles": "callers x routes",
    "tokens": "bad tokens x routes",
    "token keys": "keys that are unknown, rotated, withdrawn or away",
    "bodies": "bad bodies x routes",
    "mass assignment": "fields that no client sets x bodies",
    "file names": "hostile names x ways in and out",
    "hosts": "foreign hosts x routes",
    "headers": "unsafe values x headers x routes",
    "origins": "foreign origins x requests",
    "SQL strings": "strings x places",
}
TABLE, CELLS = "table", "cells"
NONE_TOLD = "{}: the test passed without having called `proved`"

Proved = Callable[[int], None]


@dataclass
class Row:
    """What the tests of one table came to."""

    cells: int = 0
    tests: int = 0
    unproved: list[str] = field(default_factory=list)
    """The tests that did not pass, with what became of them."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "table(name): the table of bad input that this test walks; see tests/tables.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test walks one table that there is, and says how much of it."""
    for item in items:
        marks = list(item.iter_markers(TABLE))
        is_counted = "proved" in getattr(item, "fixturenames", ())
        if not marks and not is_counted:
            continue
        if len(marks) != 1 or len(marks[0].args) != 1 or marks[0].args[0] not in TABLES or not is_counted:
            raise pytest.UsageError(f"{item.nodeid}: a table of tests/tables.py has a marker and the fixture `proved`")
        # Properties travel with the report, from an xdist worker as well, and whatever becomes of the test.
        item.user_properties.append((TABLE, marks[0].args[0]))


@pytest.fixture
def proved(request: pytest.FixtureRequest) -> Proved:
    """Says that so many more cells of the test's table were proved."""

    def count(cells: int) -> None:
        if cells < 1:
            raise ValueError("a test proves at least one cell")
        request.node.user_properties.append((CELLS, cells))

    return count


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    result = yield
    properties = [name for name, _ in pyfuncitem.user_properties]
    if TABLE in properties and CELLS not in properties:
        pytest.fail(NONE_TOLD.format(pyfuncitem.name), pytrace=False)
    return result


def rows(outcomes: Iterable[tuple[str, pytest.TestReport]]) -> dict[str, Row]:
    """What became of each table of which a test ran, in the order of TABLES."""
    found: dict[str, Row] = {}
    for outcome, report in outcomes:
        properties = list(report.user_properties)
        for table in (str(value) for name, value in properties if name == TABLE):
            row = found.setdefault(table, Row())
            if outcome == "passed":
                row.tests += 1
                row.cells += sum(int(str(value)) for name, value in properties if name == CELLS)
            else:
                row.unproved.append(f"{outcome}: {report.nodeid}")
    return {table: found[table] for table in TABLES if table in found}


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    made = rows(
        (outcome, report)
        for outcome in ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
        for report in terminalreporter.stats.get(outcome, [])
        # A test's setup and teardown have reports of their own when they fail.
        if isinstance(report, pytest.TestReport)
    )
    if not made:
        return
    terminalreporter.section("tables of bad input: cells proved", sep="-")
    for table, row in made.items():
        tests = f"{row.tests} test{'' if row.tests == 1 else 's'}"
        terminalreporter.line(f"{table:<16}{row.cells:>8,}  {TABLES[table]} ({tests})")
        for unproved in row.unproved:
            terminalreporter.line(f"{'':<16}{'not':>8}  {unproved}", red=True)
    terminalreporter.line(f"{'in all':<16}{sum(row.cells for row in made.values()):>8,}")
