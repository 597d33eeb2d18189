"""Taking turns, and what is made of the turns."""

import pytest

from benchmarks.rounds import Spread, percentile, take_turns


class TestTakeTurns:
    def test_each_round_begins_with_another(self) -> None:
        order: list[str] = []
        contestants = {name: (lambda name=name: order.append(name) or {"ms": 1.0}) for name in "abc"}
        take_turns(contestants, rounds=3, warm_ups=0)
        assert "".join(order) == "abcbcacab"

    def test_warm_ups_do_not_count(self) -> None:
        values = iter([100.0, 1.0, 2.0])
        turns = take_turns({"a": lambda: {"ms": next(values)}}, rounds=2, warm_ups=1)
        assert turns == {"a": [{"ms": 1.0}, {"ms": 2.0}]}


class TestSpread:
    def test_one_stray_value_moves_nothing(self) -> None:
        assert Spread.of([5, 4, 6, 5, 900]).text(0) == "5 (5–6)"

    def test_one_value_is_its_own_middle(self) -> None:
        assert Spread.of([2.5]).text() == "2.5 (2.5–2.5)"

    def test_ratios_compare_turns_of_one_round(self) -> None:
        # The machine was ten times slower in the second round: for both.
        own, reference = [{"ms": 3.0}, {"ms": 30.0}, {"ms": 3.0}], [{"ms": 1.5}, {"ms": 15.0}, {"ms": 1.5}]
        assert Spread.of_ratios(own, reference, "ms") == Spread(median=2.0, low=2.0, high=2.0)

    def test_rounds_without_a_partner_are_refused(self) -> None:
        with pytest.raises(ValueError, match="shorter"):
            Spread.of_ratios([{"ms": 1.0}, {"ms": 1.0}], [{"ms": 1.0}], "ms")


class TestPercentile:
    def test_of_a_hundred_and_one(self) -> None:
        values = list(range(101))
        assert [percentile(values, percent) for percent in (50, 95, 99)] == [50, 95, 99]

    def test_of_one(self) -> None:
        assert percentile([2.5], 99) == 2.5
