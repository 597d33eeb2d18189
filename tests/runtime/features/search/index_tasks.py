"""The maintenance function's search index tasks, run as the schedule runs them."""

from collections.abc import Callable

import pytest

from lambda_src.maintenance.handler import handler
from runtime.settings import load_settings

RunIndexTask = Callable[..., dict[str, int]]


@pytest.fixture
def run_index_task(migrated: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> RunIndexTask:
    """Return a function that runs a task, by default `catch_up_search_index`, and returns its counts."""
    monkeypatch.setenv("PLATFORM_OUTBOX_GRACE_SECONDS", "30")
    monkeypatch.setenv("PLATFORM_OUTBOX_RETENTION_DAYS", "7")

    def run(task: str = "catch_up_search_index") -> dict[str, int]:
        load_settings.cache_clear()
        return handler({"tasks": [task]}, None)[task]

    return run
