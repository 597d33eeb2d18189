"""The user pool's public signing keys, cached by key id."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt

from runtime.errors import UnavailableError

FETCH_TIMEOUT_SECONDS = 2.0
# Cognito does not rotate its keys today, but may. A key that the pool no longer publishes is rejected after this time.
KEYS_LIFETIME_SECONDS = 3600.0
# Anyone can invent key ids. Without this pause, each unknown id would cause a request to the pool.
REFETCH_PAUSE_SECONDS = 60.0
# Without any keys no caller can be authenticated, so the pause is short: it only keeps requests from queueing behind timeouts.
COLD_RETRY_PAUSE_SECONDS = 1.0


class KeyFetchRequiredError(Exception):
    """The key must be fetched first, and the caller does not allow a fetch."""


class SigningKeys:
    """Signing keys by key id. Cached keys stay in use while the pool's endpoint is unavailable."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        # Only the library's fetch is used: its cache drops the keys when they expire, even if the endpoint is unavailable.
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_TIMEOUT_SECONDS)
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")

    def find(self, key_id: str, *, allow_fetch: bool = True) -> jwt.PyJWK | None:
        """Return the key of this id, or None when the pool has no such key.

        Raises:
            UnavailableError: No keys have been fetched yet, and the endpoint does not respond.
            KeyFetchRequiredError: The key would have to be fetched, and `allow_fetch` is false.
        """
        if key_id not in self._keys or self._clock() - self._fetched_at >= KEYS_LIFETIME_SECONDS:
            if not allow_fetch:
                raise KeyFetchRequiredError
            self._refresh(key_id)
        if not self._keys:
            raise UnavailableError("the signing keys of the user pool cannot be fetched")
        return self._keys.get(key_id)

    def _refresh(self, key_id: str) -> None:
        # One thread fetches. The others wait only if their key is not cached.
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
        """Return the published RSA signing keys, or none when the fetch fails."""
        try:
            response: Any = self._client.fetch_data()
            keys = jwt.PyJWKSet.from_dict(response).keys
        except (jwt.PyJWTError, OSError, ValueError):
            return {}
        return {
            key.key_id: key
            for key in keys
            if key.key_id and key.key_type == "RSA" and key.public_key_use in (None, "sig")
        }
