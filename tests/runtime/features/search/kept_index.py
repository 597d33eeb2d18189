"""The maintenance function's tasks on the index, as the schedule runs them."""

from collections.abc import Callable

import pytest

from lambda_src.maintenance.handler import handler
from runtime.settings import load_settings

Run = Callable[..., dict[str, int]]


@pytest.fixture
def kept_index(migrated: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a task; without a name the one that catches up. Answers its counts."""
    monkeypatch.setenv("PLATFORM_OUTBOX_GRACE_SECONDS", "30")
    monkeypatch.setenv("PLATFORM_OUTBOX_RETENTION_DAYS", "7")

    def run(task: str = "catch_up_search_index") -> dict[str, int]:
        load_settings.cache_clear()
        return handler({"tasks": [task]}, None)[task]

    return run
