"""Tests that a run leaves out are counted at its end, with the command that runs them: deselection must not hide anything."""

from typing import Any

import pytest

# The markers of tests that `make test` leaves out, and the target that runs them.
TARGETS = {"long": "make test-long", "platform": "make test-platform"}

# Whoever uses one of these starts an engine of a platform.
PLATFORM_FIXTURES = {"opensearch"}

# xdist's workers each collect all tests and hand their counts to the process that reports.
COUNTS = pytest.StashKey[dict[str, int]]()
WORKER_COUNTS = "deselected_tests"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[COUNTS] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if PLATFORM_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("platform")


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        counts = item.config.stash[COUNTS]
        # A test with both markers is run by the first's target.
        for marker in [marker for marker in TARGETS if item.get_closest_marker(marker)][:1]:
            counts[marker] = counts.get(marker, 0) + 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[WORKER_COUNTS] = session.config.stash[COUNTS]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    counts = node.config.stash[COUNTS]
    # A worker that crashed hands over nothing; the others collected the same tests.
    for marker, count in getattr(node, "workeroutput", {}).get(WORKER_COUNTS, {}).items():
        counts[marker] = max(count, counts.get(marker, 0))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for marker, target in TARGETS.items():
        if count := config.stash[COUNTS].get(marker):
            terminalreporter.write_sep("-", f"{count} {marker} tests left out; `{target}` runs them", yellow=True)
