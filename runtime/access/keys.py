"""The user pool's public signing keys, fetched once and kept by key id."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt

from runtime.errors import UnavailableError

FETCH_TIMEOUT_SECONDS = 2.0
# Cognito does not rotate its keys today, but may. A key that the pool no longer publishes is refused after this time.
KEYS_LIFETIME_SECONDS = 3600.0
# Anyone can make up key ids. Without this pause each of them would be a request to the pool.
REFETCH_PAUSE_SECONDS = 60.0
# With no keys at all nobody can be let in, so the pause is short; it only keeps a crowd from queueing behind timeouts.
COLD_RETRY_PAUSE_SECONDS = 1.0


class KeyFetchRequiredError(Exception):
    """The key would have to be fetched first."""


class SigningKeys:
    """Keys by key id. Once there are keys, they keep serving while the pool's endpoint is away."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        # The library's client is used for its fetch alone: its cache empties when it expires, whether or not there is
        # an answer to fill it again.
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_TIMEOUT_SECONDS)
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")

    def find(self, key_id: str, *, allow_fetch: bool = True) -> jwt.PyJWK | None:
        """The key of this id, or None when the pool has no such key. UnavailableError when no keys were ever fetched,
        KeyFetchRequiredError instead of a fetch for a caller who may not wait."""
        if key_id not in self._keys or self._clock() - self._fetched_at >= KEYS_LIFETIME_SECONDS:
            if not allow_fetch:
                raise KeyFetchRequiredError
            self._refresh(key_id)
        if not self._keys:
            raise UnavailableError("sign-in cannot be checked at the moment")
        return self._keys.get(key_id)

    def _refresh(self, key_id: str) -> None:
        # One thread fetches. The others wait only if they cannot go on with the keys that are there.
        if not self._lock.acquire(blocking=key_id not in self._keys):
            return
        try:
            pause = REFETCH_PAUSE_SECONDS if self._keys else COLD_RETRY_PAUSE_SECONDS
            if self._clock() - self._tried_at < pause:
                return
            self._tried_at = self._clock()
            if keys := self._fetch():
                self._keys, self._fetched_at = keys, self._clock()
        finally:
            self._lock.release()

    def _fetch(self) -> Mapping[str, jwt.PyJWK]:
        """The published RSA signing keys; empty when the endpoint does not answer with any."""
        try:
            published: Any = self._client.fetch_data()
            keys = jwt.PyJWKSet.from_dict(published).keys
        except (jwt.PyJWTError, OSError, ValueError):
            return {}
        return {
            key.key_id: key
            for key in keys
            if key.key_id and key.key_type == "RSA" and key.public_key_use in (None, "sig")
        }
