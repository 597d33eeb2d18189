"""ElastiCache: Valkey servers."""
