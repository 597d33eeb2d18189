from tests.runtime.features.api_fixtures import api, api_environment, pool, pool_server

__all__ = ["api", "api_environment", "pool", "pool_server"]
