"""What each role of ours may do inside the search domain, whose own policy only says who may send requests at all."""

from collections.abc import Sequence
from typing import Any

from runtime.adapters.search_index import SearchIndex
from runtime.errors import NotFoundError
from runtime.mechanisms.search_index.mapping import ALIAS

SECURITY = "/_plugins/_security/api"
# Nobody waits for it, and the domain writes it to an index of its own.
READ_SECONDS = 20.0

# A bulk request, and one for an alias, is also asked for by the cluster.
_REQUESTS = ["cluster_composite_ops"]


def map_roles(index: SearchIndex, *, writers: Sequence[str], keepers: Sequence[str]) -> bool:
    """Lets the `writers`, by ARN, search and write episodes, and the `keepers` make and drop their indices besides; whoever else
    was mapped so is no longer. False where there is no domain, or one without users of its own.

    UnavailableError when the domain does not answer, or when this process is not its administrator.
    """
    if not index.has_endpoint():
        return False
    try:
        _map(index, "episode_writer", writers, ["crud"])
        _map(index, "episode_keeper", keepers, ["indices_all"])
    except NotFoundError:
        return False
    return True


def _map(index: SearchIndex, role: str, users: Sequence[str], actions: Sequence[str]) -> None:
    indices = [{"index_patterns": [f"{ALIAS}*"], "allowed_actions": list(actions)}]
    permissions: dict[str, Any] = {"cluster_permissions": _REQUESTS, "index_permissions": indices}
    index.send("PUT", f"{SECURITY}/roles/{role}", permissions, read_seconds=READ_SECONDS)
    index.send("PUT", f"{SECURITY}/rolesmapping/{role}", {"backend_roles": list(users)}, read_seconds=READ_SECONDS)
