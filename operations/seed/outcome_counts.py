"""Counts of what a seeding run created, found and changed."""

import threading
from collections import Counter
from collections.abc import Callable
from enum import StrEnum


class Outcome(StrEnum):
    """What was done about a record."""

    MADE = "made"
    FOUND = "found"
    CHANGED = "changed"


class OutcomeCounts:
    """Thread-safe counts by kind of record. `on_change` is called with a progress message after each count."""

    def __init__(self, on_change: Callable[[str], None]) -> None:
        self._on_change, self._lock = on_change, threading.Lock()
        self._counts: dict[str, Counter[Outcome]] = {}

    def count(self, kind: str, outcome: Outcome, number: int = 1) -> None:
        """Add to a count."""
        with self._lock:
            self._counts.setdefault(kind, Counter())[outcome] += number
            total = sum(counter.total() for counter in self._counts.values())
            self._on_change(f"{total} · {kind}")

    def as_data(self) -> dict[str, dict[str, int]]:
        """Return the counts by kind, in the order of first use."""
        with self._lock:
            return {
                kind: {outcome.value: counter[outcome] for outcome in Outcome} for kind, counter in self._counts.items()
            }
