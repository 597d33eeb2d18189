"""Candidates measured in rounds, so that other load on the machine affects all of them alike.

Only ratios within one run are meaningful: figures of another day come from a machine in another condition.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

# Figures by name: "ms" of wall time, "cpu ms" of the candidate's own processes, and others.
Measurement = Mapping[str, float]
Candidate = Callable[[], Measurement]


def measure_rounds(
    candidates: Mapping[str, Candidate], *, rounds: int, warm_ups: int = 1
) -> dict[str, list[Measurement]]:
    """Measure every candidate once per round; return the measurements by candidate, without the warm-up rounds.

    Each round begins with another candidate, so that none always follows the same one.
    """
    names = list(candidates)
    measurements: dict[str, list[Measurement]] = {name: [] for name in names}
    for number in range(-warm_ups, rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            measurement = candidates[name]()
            if number >= 0:
                measurements[name].append(measurement)
    return measurements


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The median and the quartiles of some values."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Return the spread of at least one value."""
        known = list(values)
        low, median, high = statistics.quantiles(known, n=4, method="inclusive") if len(known) > 1 else known * 3
        return cls(median=median, low=low, high=high)

    @classmethod
    def of_measurements(cls, measurements: Sequence[Measurement], figure: str) -> Self:
        """Return the spread of one figure over the rounds."""
        return cls.of(measurement[figure] for measurement in measurements)

    @classmethod
    def of_ratios(cls, measurements: Sequence[Measurement], reference: Sequence[Measurement], figure: str) -> Self:
        """Return the spread of the ratios to a reference, each within the same round."""
        return cls.of(
            measurement[figure] / other[figure] for measurement, other in zip(measurements, reference, strict=True)
        )

    def text(self, digits: int = 1) -> str:
        """Return the median with the quartiles, as tables show it."""
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f}–{self.high:,.{digits}f})"


def percentile(values: Sequence[float], percent: int) -> float:
    """Return an interpolated percentile of at least one value."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
