"""The cache of a distribution: responses of its origin, in memory, limited by time and by size."""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from local.compute.cloudfront.distribution_definition import CachePolicy

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_BYTES = 64 * 1024 * 1024
DIRECTIVE = re.compile(r"(?P<name>[a-z-]+)(?:\s*=\s*\"?(?P<value>\d+)\"?)?")
UNCACHEABLE_DIRECTIVES = {"no-store", "no-cache", "private"}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A cached response: when it was stored (monotonic seconds), its TTL in seconds, and the number of invalidations then."""

    headers: Mapping[str, str]
    body: bytes
    stored_at: float
    ttl: float
    invalidations: int


class ResponseCache:
    """A cache of limited size; the oldest entries are evicted first. It is safe to use from several threads."""

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[str, ...], Entry] = OrderedDict()
        self._bytes, self._lock = 0, threading.Lock()

    def get(self, key: tuple[str, ...]) -> Entry | None:
        """Return the entry unless it has expired. The caller must compare its number of invalidations."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and time.monotonic() - entry.stored_at >= entry.ttl:
                self._remove(key)
                entry = None
            return entry

    def put(self, key: tuple[str, ...], entry: Entry) -> None:
        """Store an entry, unless it is too large or its TTL is zero."""
        if entry.ttl <= 0 or len(entry.body) > MAX_BODY_BYTES:
            return
        with self._lock:
            self._remove(key)
            self._entries[key] = entry
            self._bytes += len(entry.body)
            while self._bytes > MAX_BYTES:
                self._remove(next(iter(self._entries)))

    def remove(self, key: tuple[str, ...]) -> None:
        """Remove an entry."""
        with self._lock:
            self._remove(key)

    def _remove(self, key: tuple[str, ...]) -> None:
        if (entry := self._entries.pop(key, None)) is not None:
            self._bytes -= len(entry.body)


def compute_ttl(headers: Mapping[str, str], policy: CachePolicy, now: float) -> float:
    """Return how many seconds a response may be cached. `now` is the Unix time."""
    control = headers.get("cache-control", "").lower()
    directives = {found["name"]: found["value"] for found in DIRECTIVE.finditer(control)}
    if UNCACHEABLE_DIRECTIVES & directives.keys():
        return policy.min_ttl
    max_age = directives.get("s-maxage") or directives.get("max-age")
    if max_age is not None:
        seconds = float(max_age)
    elif "expires" in headers:
        seconds = _until(headers["expires"], now)
    else:
        return max(policy.min_ttl, policy.default_ttl)
    return min(max(seconds, policy.min_ttl), policy.max_ttl)


def _until(expires: str, now: float) -> float:
    try:
        return parsedate_to_datetime(expires).timestamp() - now
    except ValueError:
        return 0  # RFC 9111: an invalid date means "already expired".
