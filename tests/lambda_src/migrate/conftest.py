from tests.runtime.features.search.domain import domain, opensearch, real_domain, stub

__all__ = ["domain", "opensearch", "real_domain", "stub"]
