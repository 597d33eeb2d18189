from tests.local.compute.elasticache.valkey_server import valkey_endpoint

__all__ = ["valkey_endpoint"]
