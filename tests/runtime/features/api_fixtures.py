"""Fixtures of the API's tests. A conftest.py imports them by name."""

import asyncio
from collections.abc import Iterator

import pytest

from local.account import LocalAccount
from tests.runtime.features.api_platform import ROUTERS, Api, Client, application, environment, make_buckets
from tests.runtime.features.user_pool import Pool


@pytest.fixture(scope="session")
def pool_server() -> Iterator[Pool]:
    with Pool.serve() as pool:
        yield pool


@pytest.fixture
def pool(pool_server: Pool) -> Pool:
    """Reset the user pool: available, with its first key."""
    fresh = Pool()
    pool_server.keys, pool_server.is_unavailable, pool_server.fetches = fresh.keys, False, 0
    return pool_server


@pytest.fixture
def api_environment(
    migrated: dict[str, str], account: LocalAccount, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Set the environment variables that ApiSettings needs; return the buckets by purpose."""
    buckets = make_buckets(account)
    for variable, value in environment(pool, buckets).items():
        monkeypatch.setenv(variable, value)
    return buckets


@pytest.fixture
def api(api_environment: dict[str, str], account: LocalAccount, pool: Pool) -> Iterator[Api]:
    with asyncio.Runner() as runner:
        app = application()
        routes = tuple(app.router.routes)
        yield Api(client=Client(app, runner), account=account, pool=pool, buckets=api_environment)
    # Shared by this process's tests: who adds a route gives the application a router of its own first.
    if app.router is ROUTERS[app.version]:
        assert tuple(app.router.routes) == routes
