from tests.runtime.features.search.domain import domain, opensearch, real_domain, stub
from tests.runtime.features.search.index_tasks import run_index_task

__all__ = ["domain", "opensearch", "real_domain", "run_index_task", "stub"]
