from tests.runtime.features.api_fixtures import api_environment, pool, pool_server

__all__ = ["api_environment", "pool", "pool_server"]
