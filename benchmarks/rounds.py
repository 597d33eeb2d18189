"""Contestants that take turns, so that whatever else the machine does meets all of them alike.

Only ratios within one run say something: a figure of another day comes from another machine, even where it is the same one.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

# What one turn took, by name: "ms" of wall time, "cpu ms" of the contestant's own processes, and what else it measures.
Turn = Mapping[str, float]
Contestant = Callable[[], Turn]


def take_turns(contestants: Mapping[str, Contestant], *, rounds: int, warm_ups: int = 1) -> dict[str, list[Turn]]:
    """Every contestant once a round; the turns by contestant, those of the warm-up rounds left out.

    Each round begins with another contestant, so that none always follows the same one.
    """
    names = list(contestants)
    turns: dict[str, list[Turn]] = {name: [] for name in names}
    for number in range(-warm_ups, rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            turn = contestants[name]()
            if number >= 0:
                turns[name].append(turn)
    return turns


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The middle of some values, and the two quarters around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """The spread of at least one value."""
        known = list(values)
        low, median, high = statistics.quantiles(known, n=4, method="inclusive") if len(known) > 1 else known * 3
        return cls(median=median, low=low, high=high)

    @classmethod
    def of_turns(cls, turns: Sequence[Turn], figure: str) -> Self:
        """How one figure was spread over the rounds."""
        return cls.of(turn[figure] for turn in turns)

    @classmethod
    def of_ratios(cls, turns: Sequence[Turn], reference: Sequence[Turn], figure: str) -> Self:
        """How many times the reference's, each turn compared with that of its own round."""
        return cls.of(turn[figure] / other[figure] for turn, other in zip(turns, reference, strict=True))

    def text(self, digits: int = 1) -> str:
        """The median with its quarters, as a table shows it."""
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f}–{self.high:,.{digits}f})"


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent of the values do not exceed, interpolated; of at least one value."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
