import asyncio
from dataclasses import dataclass
from typing import Any

import pulumi
import pytest

from components.arguments import ArgumentError, check_choice, check_range, check_unique


@dataclass(frozen=True)
class Values:
    count: object = 1
    colour: object = "red"


class TestCheckRange:
    @pytest.mark.parametrize("value", [1, 10, None])
    def test_value_inside_is_taken(self, value: Any) -> None:
        check_range(Values(count=value), "count", 1, 10)

    @pytest.mark.parametrize("value", [0, 11, True, 1.5, "1"])
    def test_value_outside_is_refused_by_name(self, value: Any) -> None:
        with pytest.raises(ArgumentError, match=r"Values\.count: must be from 1 to 10, not") as refusal:
            check_range(Values(count=value), "count", 1, 10)
        assert refusal.value.field == "count"

    def test_output_is_left_to_aws(self) -> None:
        async def check() -> None:  # an Output needs the event loop that it will be resolved in
            check_range(Values(count=pulumi.Output.from_input(99)), "count", 1, 10)

        asyncio.run(check())


class TestCheckChoice:
    def test_listed_value_is_taken(self) -> None:
        check_choice(Values(), "colour", ("red", "green"))

    def test_other_value_is_refused_with_the_list(self) -> None:
        with pytest.raises(ArgumentError, match=r"Values\.colour: must be one of red, green, not 'blue'"):
            check_choice(Values(colour="blue"), "colour", ("red", "green"))


class TestCheckUnique:
    def test_repeated_value_is_named(self) -> None:
        with pytest.raises(ArgumentError, match=r"Values\.colour: must not repeat b"):
            check_unique(Values(), "colour", ["a", "b", "b"])
