"""How a run's files are shared out among its workers.

A worker runs whole files, because the tests of a file share what takes long to start; some files share it among each other.
"""

from typing import Any

import pytest

# Files that run in one worker, by what their tests share.
GROUPS = {
    "dev platform": (
        "tests/operations/lifecycle/test_care.py",
        "tests/operations/lifecycle/test_platform.py",
    ),
    "OpenSearch": (
        "tests/lambda_src/maintenance/test_search_index.py",
        "tests/lambda_src/migrate/test_search_roles.py",
        "tests/runtime/features/search/test_both_engines.py",
        "tests/runtime/features/search/test_changes.py",
        "tests/runtime/features/search/test_index_request.py",
    ),
}
GROUP_OF_FILE = {file: group for group, files in GROUPS.items() for file in files}

# These take longest. They begin first, so that no worker is left alone with one at the end.
LONGEST_FIRST = (
    *GROUPS["dev platform"],
    *GROUPS["OpenSearch"],
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {file: place for place, file in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    if config.getvalue("dist") != "loadfile":
        return None
    # Only where xdist is in use.
    from xdist.scheduler import LoadFileScheduling  # noqa: PLC0415

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return GROUP_OF_FILE.get(file, file)

    return Scheduling(config, log)
