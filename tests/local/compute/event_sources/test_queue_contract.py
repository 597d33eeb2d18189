"""What a queue's mapping promises, as tables: good messages are handled once, poison ones as often as the queue receives them
and then set aside, and none is lost, however the function fails.
"""

import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.account import LocalAccount
from local.compute.event_sources.event_sources import EventSources
from local.compute.lambda_.function_pool import MAXIMUM_EVENT_BYTES
from local.errors import RegistrationError
from tests.local.compute.event_sources.queue_table import PATIENCE_SECONDS, RECEIVES, Table

WaitFor = Callable[..., Any]
MESSAGES = 10
WHOLE_BATCH_FAILURES = ("raise", "shape", "unknown", "kill", "sleep")


@pytest.fixture
def table(
    account: LocalAccount,
    sources: EventSources,
    register: Callable[..., str],
    make_queue: Callable[..., Any],
    tmp_path: Path,
) -> Table:
    return Table(account, sources, register, make_queue, tmp_path / "receipts")


@pytest.fixture
def chance() -> random.Random:
    """Another one each time, and printed, so that what it led to can be had again."""
    seed = random.SystemRandom().randrange(1_000_000)
    print("seed", seed)
    return random.Random(seed)


def bodies_with(poison: int, chance: random.Random) -> list[str]:
    """Ten messages, so many of them poison, anywhere."""
    places = chance.sample(range(MESSAGES), poison)
    return [f"{'poison' if place in places else 'good'} {place}" for place in range(MESSAGES)]


@pytest.mark.requirement("P2-24", "P2-43", "ROAD-42")
class TestPoison:
    @pytest.mark.parametrize("batch_sizes", [(1, 6), (2, 7), (3, 8), (4, 9), (5, 10)], ids=str)
    def test_good_ones_are_handled_once_and_poison_ones_thrice_then_set_aside(
        self, table: Table, chance: random.Random, batch_sizes: tuple[int, ...]
    ) -> None:
        function = table.function("report")
        for batch_size in batch_sizes:
            for poison in range(MESSAGES + 1):
                table.add(bodies_with(poison, chance), batch_size=batch_size, function=function)
        assert len(table.cells) == 22
        table.run()

    def test_a_function_that_cannot_say_which_fails_its_whole_batch_and_nothing_else(
        self, table: Table, chance: random.Random
    ) -> None:
        for failure in WHOLE_BATCH_FAILURES:
            # One poison message is killed at its timeout three times over; the others take no time.
            slow = failure == "sleep"
            function = table.function(
                failure, timeout=4.0 if slow else 60.0, reservedConcurrentExecutions=9 if slow else None
            )
            for batch_size in (1, 4, 10):
                for poison in (1,) if slow else (1, 5):
                    bodies = bodies_with(poison, chance)
                    table.add(bodies, batch_size=batch_size, function=function, fails_whole=True)
        table.run()


class TestConcurrency:
    @pytest.mark.parametrize("most", [2, 3])
    def test_cap_is_reached_and_never_exceeded(self, table: Table, most: int) -> None:
        # Each stays long enough for one more to be seen beside those that are allowed.
        function = table.function("report", variables={"TOGETHER": str(most), "SECONDS": "0.4"})
        bodies = [f"good {number}" for number in range(3 * most)]
        table.add(bodies, batch_size=1, function=function, scalingConfig={"maximumConcurrency": most})
        table.run()
        assert table.most_at_once() == most

    def test_what_nobody_is_free_for_stays_visible(self, table: Table, wait_for: WaitFor) -> None:
        # Nobody ever goes on: these wait for more than there are.
        function = table.function("report", variables={"TOGETHER": "1000"})
        bodies = [f"good {number}" for number in range(6)]
        cell = table.add(bodies, batch_size=1, function=function, scalingConfig={"maximumConcurrency": 2})
        wait_for(lambda: table.most_at_once() == 2, seconds=PATIENCE_SECONDS)
        time.sleep(0.5)  # for a third one to be received, were it
        hidden = table.attributes(cell)["ApproximateNumberOfMessagesNotVisible"]
        assert hidden == 2

    def test_three_deliveries_at_once_leave_nothing_behind(
        self, table: Table, wait_for: WaitFor, caplog: pytest.LogCaptureFixture
    ) -> None:
        function = table.function("report", variables={"TOGETHER": "3"})
        cell = table.add(["good"], batch_size=1, function=function)
        seen: list[dict[str, Any]] = []

        def deliver_again() -> bool:
            for line in table.lines():
                seen.append(line)
                (message,) = line["messages"]
                if line["what"] == "began" and message["count"] < RECEIVES:
                    table.end_visibility(cell, [message["receipt"]])
            return len(seen) == 2 * RECEIVES

        wait_for(deliver_again, seconds=PATIENCE_SECONDS)
        assert [line["what"] for line in seen] == ["began"] * RECEIVES + ["ended"] * RECEIVES
        assert [line["messages"][0]["count"] for line in seen[:RECEIVES]] == [1, 2, 3]
        wait_for(lambda: table.left(cell) == 0, seconds=PATIENCE_SECONDS)
        assert table.dead(cell) == Counter()
        assert "queue_delete_failed" not in caplog.messages


class TestBodies:
    @pytest.mark.parametrize(
        "letter", ["x", "é", "𝄞", "\n", '"'], ids=["ascii", "two bytes", "four bytes", "line", "quote"]
    )
    def test_ten_of_256_kilobytes_are_handled_once_each_unchanged(
        self, table: Table, letter: str, wait_for: WaitFor
    ) -> None:
        size = 256 * 1024
        bodies = [f"good {number} ".ljust(20) for number in range(MESSAGES)]
        bodies = [body + letter * ((size - len(body)) // len(letter.encode())) for body in bodies]
        assert all(size - 4 < len(body.encode()) <= size for body in bodies)
        cell = table.add(bodies, batch_size=MESSAGES, function=table.function("report"))
        table.run()
        sent = Counter(hashlib.md5(body.encode(), usedforsecurity=False).hexdigest() for body in bodies)
        got = Counter(
            message["digest"]
            for line in map(json.loads, table.receipts.read_text().splitlines())
            for message in line["messages"]
            if line["what"] == "began"
        )
        assert got == sent
        assert len(cell.receives) == MESSAGES

    def test_batch_that_no_function_takes_is_split(self, table: Table) -> None:
        megabyte = 1024 * 1024
        bodies = [f"good {number} ".ljust(megabyte, "x") for number in range(MESSAGES)]
        assert sum(map(len, bodies)) > MAXIMUM_EVENT_BYTES
        table.add(bodies, batch_size=MESSAGES, function=table.function("report"))
        table.run()


class TestNames:
    def test_longest_name_that_sqs_allows(self, table: Table) -> None:
        name = "a-Z_0" * 16
        assert len(name) == 80
        table.add(["good é", "poison é"], batch_size=2, function=table.function("report"), queue_name=name)
        table.run()

    def test_name_that_sqs_does_not_allow_is_refused(self, table: Table) -> None:
        table.add(["good"], batch_size=1, function=(function := table.function("report")))
        arn = "arn:aws:sqs:us-east-1:123456789012:störung"
        with pytest.raises(RegistrationError, match=r"eventSourceArn: .*störung"):
            table.start(arn, function)
