"""What a run made, found as it shall be, and changed, by kind."""

import threading
from collections import Counter
from collections.abc import Callable
from enum import StrEnum


class Outcome(StrEnum):
    """What became of one thing that shall be there."""

    MADE = "made"
    FOUND = "found"
    CHANGED = "changed"


class OutcomeCounts:
    """Counts, from any thread. `told` hears of each thing how many there are so far."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told, self._lock = told, threading.Lock()
        self._counts: dict[str, Counter[Outcome]] = {}

    def count(self, kind: str, outcome: Outcome, number: int = 1) -> None:
        """Notes what became of something."""
        with self._lock:
            self._counts.setdefault(kind, Counter())[outcome] += number
            so_far = sum(counter.total() for counter in self._counts.values())
            self._told(f"{so_far} · {kind}")

    def as_data(self) -> dict[str, dict[str, int]]:
        """The counts by kind, in the order in which the first of each came."""
        with self._lock:
            return {
                kind: {outcome.value: counter[outcome] for outcome in Outcome} for kind, counter in self._counts.items()
            }
