"""Permissions of our IAM roles inside the search domain; the domain's access policy only controls who may send requests."""

from collections.abc import Sequence
from typing import Any

from runtime.adapters.search_index import SearchIndex
from runtime.errors import NotFoundError
from runtime.mechanisms.search_index.mapping import ALIAS

SECURITY = "/_plugins/_security/api"
# The read timeout of requests. It is long because the domain writes the roles to an index, and no client waits for them.
READ_SECONDS = 20.0

# Bulk requests, and requests for an alias, also need a permission of the cluster.
_CLUSTER_PERMISSIONS = ["cluster_composite_ops"]


def map_roles(index: SearchIndex, *, writers: Sequence[str], index_managers: Sequence[str]) -> bool:
    """Allow writers to search and write episodes, and index managers to create and delete their indices.

    Both are ARNs of IAM roles and replace the roles that were mapped before.

    Returns:
        False if there is no domain, or one without fine-grained access control.

    Raises:
        UnavailableError: The domain is unavailable, or this process is not its administrator.
    """
    if not index.has_endpoint():
        return False
    try:
        _map_role(index, "episode_writer", writers, ["crud"])
        # The name of the role in existing domains: under another name, the old role would stay there.
        _map_role(index, "episode_keeper", index_managers, ["indices_all"])
    except NotFoundError:
        return False
    return True


def _map_role(index: SearchIndex, role: str, users: Sequence[str], actions: Sequence[str]) -> None:
    indices = [{"index_patterns": [f"{ALIAS}*"], "allowed_actions": list(actions)}]
    permissions: dict[str, Any] = {"cluster_permissions": _CLUSTER_PERMISSIONS, "index_permissions": indices}
    index.send("PUT", f"{SECURITY}/roles/{role}", permissions, read_seconds=READ_SECONDS)
    index.send("PUT", f"{SECURITY}/rolesmapping/{role}", {"backend_roles": list(users)}, read_seconds=READ_SECONDS)
