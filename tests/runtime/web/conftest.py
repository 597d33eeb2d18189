from collections.abc import Iterator
from typing import Any

import pytest

from local.supervisor import Supervisor
from tests.runtime.features.api_fixtures import api, api_environment, pool, pool_server
from tests.runtime.web.statement_log import StatementLog, statement_log

__all__ = ["api", "api_environment", "pool", "pool_server"]


@pytest.fixture
def log(supervisor: Supervisor, database: Any, migrated: Any) -> Iterator[StatementLog]:
    with statement_log(supervisor.logs / "postgres.log", database) as log:
        yield log
