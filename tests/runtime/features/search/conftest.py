from tests.runtime.features.search.domain import domain, opensearch, real_domain, stub
from tests.runtime.features.search.kept_index import kept_index

__all__ = ["domain", "kept_index", "opensearch", "real_domain", "stub"]
