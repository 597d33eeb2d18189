"""The Valkey cache. Its entries, and the cache itself, may become unavailable at any time; calls have short timeouts.

TLS is used everywhere except on loopback.
"""

from functools import cache
from typing import Any

import valkey
from valkey.exceptions import ValkeyError

from runtime.errors import UnavailableError
from runtime.loopback import is_loopback

# A cache that is slower than the database is useless.
CONNECT_SECONDS = 0.5
READ_SECONDS = 0.25


class Cache:
    """A cache by its endpoint, `host:port`. Connections are opened on first use."""

    def __init__(self, endpoint: str) -> None:
        host, _, port = endpoint.rpartition(":")
        self._client = valkey.Valkey(
            host=host,
            port=int(port),
            ssl=not is_loopback(host),
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=READ_SECONDS,
            decode_responses=True,
        )

    def run_script(self, script: str, keys: list[str], arguments: list[int]) -> Any:
        """Run a Lua script atomically and return its result. A script is sent once and named by its hash afterwards.

        Raises:
            UnavailableError: The cache does not respond in time.
        """
        try:
            return self._client.register_script(script)(keys=keys, args=arguments)
        except ValkeyError as error:
            raise UnavailableError("the cache does not respond") from error

    def close(self) -> None:
        """Close all connections. A closed cache reconnects on its next use."""
        self._client.close()  # type: ignore[no-untyped-call]  # the method has no annotations


@cache
def get_cache(endpoint: str) -> Cache:
    """Return the process's cache at this endpoint."""
    return Cache(endpoint)
