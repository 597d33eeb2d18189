"""Measuring in rounds, and statistics of the measurements."""

from functools import partial

import pytest

from benchmarks.rounds import Measurement, Spread, measure_rounds, percentile


class TestMeasureRounds:
    def test_each_round_begins_with_another_candidate(self) -> None:
        order: list[str] = []

        def measure(name: str) -> Measurement:
            order.append(name)
            return {"ms": 1.0}

        candidates = {name: partial(measure, name) for name in "abc"}
        measure_rounds(candidates, rounds=3, warm_ups=0)
        assert "".join(order) == "abcbcacab"

    def test_warm_up_rounds_are_not_returned(self) -> None:
        values = iter([100.0, 1.0, 2.0])
        measurements = measure_rounds({"a": lambda: {"ms": next(values)}}, rounds=2, warm_ups=1)
        assert measurements == {"a": [{"ms": 1.0}, {"ms": 2.0}]}


class TestSpread:
    def test_outlier_does_not_change_the_spread(self) -> None:
        assert Spread.of([5, 4, 6, 5, 900]).text(0) == "5 (5–6)"

    def test_spread_of_one_value(self) -> None:
        assert Spread.of([2.5]).text() == "2.5 (2.5–2.5)"

    def test_ratios_are_within_the_same_round(self) -> None:
        # The machine was ten times slower in the second round: for both.
        measurements, reference = [{"ms": 3.0}, {"ms": 30.0}, {"ms": 3.0}], [{"ms": 1.5}, {"ms": 15.0}, {"ms": 1.5}]
        assert Spread.of_ratios(measurements, reference, "ms") == Spread(median=2.0, low=2.0, high=2.0)

    def test_missing_reference_rounds_raise_value_error(self) -> None:
        with pytest.raises(ValueError, match="shorter"):
            Spread.of_ratios([{"ms": 1.0}, {"ms": 1.0}], [{"ms": 1.0}], "ms")


class TestPercentile:
    def test_percentiles_of_101_values(self) -> None:
        values = list(range(101))
        assert [percentile(values, percent) for percent in (50, 95, 99)] == [50, 95, 99]

    def test_percentile_of_one_value(self) -> None:
        assert percentile([2.5], 99) == 2.5
