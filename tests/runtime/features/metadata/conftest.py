import pytest

from tests.runtime.features.api_fixtures import api, api_environment, pool, pool_server
from tests.runtime.features.api_platform import Api
from tests.runtime.features.metadata.extractions import Body

__all__ = ["api", "api_environment", "pool", "pool_server"]


@pytest.fixture
def episode(api: Api) -> Body:
    return api.create_episode()
