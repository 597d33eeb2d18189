"""Fixtures of the API and of the search engine, for the maintenance function."""

from tests.runtime.features.api_fixtures import api, api_environment, pool, pool_server
from tests.runtime.features.search.domain import domain, opensearch, real_domain, stub
from tests.runtime.features.search.index_tasks import run_index_task

__all__ = [
    "api",
    "api_environment",
    "domain",
    "opensearch",
    "pool",
    "pool_server",
    "real_domain",
    "run_index_task",
    "stub",
]
