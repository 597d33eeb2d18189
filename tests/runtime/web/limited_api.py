"""The API with a limit for each caller, and ways to look at it and to let time pass."""

import asyncio
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest

from runtime.settings import ApiSettings, load_settings
from tests.runtime.features.api_platform import Api, Client, application
from tests.runtime.features.user_pool import User

SHOWS = "/api/v1/shows"
Limited = Callable[..., Client]


@pytest.fixture
def limited(api: Api) -> Iterator[Limited]:
    """Makes an application with a limit. Each has a pool of connections of its own, as another process would."""
    with asyncio.Runner() as runner:

        def make(requests_per_minute: int = 1, burst_requests: int = 3, release: str = "1") -> Client:
            changes = {
                "caller_requests_per_minute": requests_per_minute,
                "caller_burst_requests": burst_requests,
                "release": release,
            }
            return Client(application(load_settings(ApiSettings).model_copy(update=changes)), runner)

        yield make


@pytest.fixture
def owner(database: Any) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database.conninfo, autocommit=True) as connection:
        yield connection


def told(answer: httpx.Response) -> tuple[int, int]:
    """How many may follow now, and in how many seconds one more."""
    found = re.fullmatch(r'"caller";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
    assert found, answer.headers["ratelimit"]
    return int(found[1]), int(found[2])


def statuses(client: Client, user: User, times: int, **options: Any) -> list[int]:
    return [client.get(SHOWS, user, **options).status_code for _ in range(times)]


def let_pass(owner: psycopg.Connection[Any], seconds: float) -> None:
    """As if every request had come so much earlier."""
    owner.execute("UPDATE rate_limits SET full_at = full_at - make_interval(secs => %s)", [seconds])


def end_sessions(owner: psycopg.Connection[Any]) -> None:
    owner.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
