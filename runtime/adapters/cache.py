"""The Valkey cache. What is in it may vanish at any time, and so may the cache itself: it never answers late.

TLS everywhere but on loopback, where there is no network to protect.
"""

from functools import cache
from typing import Any

import valkey
from valkey.exceptions import ValkeyError

from runtime.errors import UnavailableError
from runtime.loopback import is_loopback

# A cache that takes longer than the database is none.
CONNECT_SECONDS = 0.5
ANSWER_SECONDS = 0.25


class Cache:
    """One cache by its endpoint, `host:port`. Nothing is connected before it is first used."""

    def __init__(self, endpoint: str) -> None:
        host, _, port = endpoint.rpartition(":")
        self._client = valkey.Valkey(
            host=host,
            port=int(port),
            ssl=not is_loopback(host),
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
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
        """Close every connection. A closed cache opens again when it is used."""
        self._client.close()  # type: ignore[no-untyped-call]  # the library types it not


@cache
def get_cache(endpoint: str) -> Cache:
    """Return the process's cache at this endpoint."""
    return Cache(endpoint)
