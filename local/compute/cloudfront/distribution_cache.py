"""Answers of a bucket, kept for as long as they and the distribution's cache policy say, in memory and within bounds."""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from local.compute.cloudfront.distribution_definition import CachePolicy

LARGEST_BODY = 8 * 1024 * 1024
MOST_BYTES = 64 * 1024 * 1024
DIRECTIVE = re.compile(r"(?P<name>[a-z-]+)(?:\s*=\s*\"?(?P<value>\d+)\"?)?")
UNSHARED = {"no-store", "no-cache", "private"}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An answer, when it came (monotonic seconds), for how long it holds, and the invalidations that it already knew."""

    headers: Mapping[str, str]
    body: bytes
    came: float
    lifetime: float
    invalidations: int


class AnswerCache:
    """The oldest entries leave when all are too many bytes. Invalidations are seen by their number, and each empties it."""

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[str, ...], Entry] = OrderedDict()
        self._bytes, self._lock = 0, threading.Lock()

    def get(self, key: tuple[str, ...]) -> Entry | None:
        """The entry, if it still holds by its age. Whether it was invalidated is for the caller to ask."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and time.monotonic() - entry.came >= entry.lifetime:
                self._remove(key)
                entry = None
            return entry

    def put(self, key: tuple[str, ...], entry: Entry) -> None:
        """Keeps an entry, unless it is too large or holds for no time at all."""
        if entry.lifetime <= 0 or len(entry.body) > LARGEST_BODY:
            return
        with self._lock:
            self._remove(key)
            self._entries[key] = entry
            self._bytes += len(entry.body)
            while self._bytes > MOST_BYTES:
                self._remove(next(iter(self._entries)))

    def drop(self, key: tuple[str, ...]) -> None:
        """Forgets an entry."""
        with self._lock:
            self._remove(key)

    def _remove(self, key: tuple[str, ...]) -> None:
        if (entry := self._entries.pop(key, None)) is not None:
            self._bytes -= len(entry.body)


def lifetime(headers: Mapping[str, str], policy: CachePolicy, now: float) -> float:
    """For how many seconds an answer may be kept. `now` is the time of the clock on the wall."""
    control = headers.get("cache-control", "").lower()
    directives = {found["name"]: found["value"] for found in DIRECTIVE.finditer(control)}
    if UNSHARED & directives.keys():
        return policy.minimum
    asked = directives.get("s-maxage") or directives.get("max-age")
    if asked is not None:
        seconds = float(asked)
    elif "expires" in headers:
        seconds = _until(headers["expires"], now)
    else:
        return max(policy.minimum, policy.default)
    return min(max(seconds, policy.minimum), policy.maximum)


def _until(expires: str, now: float) -> float:
    try:
        return parsedate_to_datetime(expires).timestamp() - now
    except ValueError:
        return 0  # A date that is none has passed, by the words of HTTP.
