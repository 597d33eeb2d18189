"""Tables of bad input: what was proved of them is counted at a run's end, and what was not is named."""

import re
from pathlib import Path

import pytest

from tests.tables import TABLES

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

@pytest.mark.table("hosts")
@pytest.mark.parametrize("cells", [1200, 34])
def test_hosts(proved, cells):
    proved(cells)

@pytest.mark.table("hosts")
def test_in_parts(proved):
    for _ in range(3):
        proved(2)

@pytest.mark.table("bodies")
def test_bodies(proved):
    proved(7)

def test_of_no_table(): ...
"""
FAILING = """
@pytest.mark.table("bodies")
def test_that_fails_after_its_count(proved):
    proved(500)
    assert not "right"

@pytest.mark.table("roles")
def test_that_fails_before_its_count(proved):
    assert not "right"
    proved(500)

@pytest.fixture
def broken():
    raise OSError

@pytest.mark.table("roles")
def test_that_never_began(broken, proved):
    proved(500)

@pytest.mark.table("tokens")
def test_that_was_skipped(proved):
    pytest.skip("no tokens today")

@pytest.mark.table("origins")
def test_that_tells_nothing(proved): ...
"""
FORGOTTEN = {
    "an unknown table": "@pytest.mark.table('cookies')\ndef test(proved): proved(1)",
    "no name": "@pytest.mark.table\ndef test(proved): proved(1)",
    "two tables": "@pytest.mark.table('hosts')\n@pytest.mark.table('roles')\ndef test(proved): proved(1)",
    "a count of nothing": "def test(proved): proved(1)",
    "a table without a count": "@pytest.mark.table('hosts')\ndef test(): ...",
}


def run(pytester: pytest.Pytester, tests: str, *arguments: str) -> tuple[int, str]:
    """Return the exit code and the output of a run of these tests with the project's own settings."""
    pytester.makepyfile(test_written=tests)
    # Hypothesis's plugin would load all of it again at the end of each run.
    plugins = ("-p", "tests.tables", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    settings = (*plugins, "-c", str(ROOT / "pyproject.toml"))
    ran = pytester.runpytest_inprocess(*settings, f"--rootdir={pytester.path}", *arguments, str(pytester.path))
    return int(ran.ret), f"{ran.stdout}\n{ran.stderr}"


def told(said: str) -> list[str]:
    """The lines of the report, with single spaces."""
    section = re.search(r"-+ tables of bad input: cells proved -+\n(.*?)\n[-=]{3}", said, re.DOTALL)
    return [" ".join(line.split()) for line in section[1].splitlines()] if section else []


class TestReport:
    def test_counts_each_table_in_its_order(self, pytester: pytest.Pytester) -> None:
        status, said = run(pytester, TESTS)
        assert status == 0, said
        assert told(said) == [
            f"bodies 7 {TABLES['bodies']} (1 test)",
            f"hosts 1,240 {TABLES['hosts']} (3 tests)",
            "in all 1,247",
        ]

    @pytest.mark.parametrize("workers", ["0", "2"])
    def test_counts_nothing_of_a_test_that_did_not_pass_and_names_it(
        self, pytester: pytest.Pytester, workers: str
    ) -> None:
        status, said = run(pytester, TESTS + FAILING, "-n", workers)
        assert status == 1, said
        assert told(said) == [
            f"roles 0 {TABLES['roles']} (0 tests)",
            "not failed: test_written.py::test_that_fails_before_its_count",
            "not error: test_written.py::test_that_never_began",
            f"tokens 0 {TABLES['tokens']} (0 tests)",
            "not skipped: test_written.py::test_that_was_skipped",
            f"bodies 7 {TABLES['bodies']} (1 test)",
            "not failed: test_written.py::test_that_fails_after_its_count",
            f"hosts 1,240 {TABLES['hosts']} (3 tests)",
            f"origins 0 {TABLES['origins']} (0 tests)",
            "not failed: test_written.py::test_that_tells_nothing",
            "in all 1,247",
        ]
        assert "test_that_tells_nothing: the test passed without having called `proved`" in said


class TestRun:
    def test_without_tables_says_nothing_of_them(self, pytester: pytest.Pytester) -> None:
        status, said = run(pytester, TESTS, "-k", "of_no_table")
        assert (status, told(said)) == (0, [])
        assert "1 passed" in said

    @pytest.mark.parametrize("forgotten", FORGOTTEN)
    def test_stops_where_a_table_and_its_count_do_not_go_together(
        self, pytester: pytest.Pytester, forgotten: str
    ) -> None:
        status, said = run(pytester, f"import pytest\n{FORGOTTEN[forgotten]}\n")
        assert status == 4, said
        assert "test_written.py::test: a table of tests/tables.py has a marker and the fixture `proved`" in said
