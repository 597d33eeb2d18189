"""Long tests and those of whole platforms are left out unless asked for, and never silently."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

@pytest.mark.long
@pytest.mark.parametrize("case", range(3))
def test_long(case): ...

@pytest.mark.platform
@pytest.mark.parametrize("case", range(2))
def test_platform(case): ...

@pytest.mark.long
@pytest.mark.platform
def test_both(): ...

def test_short(): ...
"""
LONG = "4 long tests left out; `make test-long` runs them"
PLATFORM = "2 platform tests left out; `make test-platform` runs them"


def report(pytester: pytest.Pytester, *arguments: str) -> str:
    """Return the output of a run of TESTS with the project's own settings."""
    pytester.makepyfile(TESTS)
    # Hypothesis's plugin would load all of it again at the end of each run.
    plugins = ("-p", "tests.selection", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    settings = (*plugins, "-c", str(ROOT / "pyproject.toml"))
    ran = pytester.runpytest_inprocess(*settings, f"--rootdir={pytester.path}", *arguments, str(pytester.path))
    assert ran.ret == pytest.ExitCode.OK
    return ran.stdout.str()


class TestRun:
    @pytest.mark.parametrize("workers", ["0", "2"])
    def test_tests_left_out_are_counted_at_the_end(self, pytester: pytest.Pytester, workers: str) -> None:
        output = report(pytester, "-n", workers)
        assert LONG in output
        assert PLATFORM in output
        assert "1 passed" in output

    def test_long_tests_run_alone_when_asked_for(self, pytester: pytest.Pytester) -> None:
        output = report(pytester, "-m", "long")
        assert "4 passed" in output
        assert LONG not in output
        assert PLATFORM in output

    def test_platform_tests_run_without_the_long_ones(self, pytester: pytest.Pytester) -> None:
        output = report(pytester, "-m", "platform and not long")
        assert "2 passed" in output
        assert LONG in output
        assert PLATFORM not in output
