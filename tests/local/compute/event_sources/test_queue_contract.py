"""The contract of an event source mapping, however the function fails.

Good messages are processed once, poison messages as often as the queue's redrive policy says, and none is lost.
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
from tests.local.compute.event_sources.queue_cases import MAX_SECONDS, RECEIVES, QueueCases

WaitFor = Callable[..., Any]
MESSAGES = 10
WHOLE_BATCH_FAILURES = ("raise", "shape", "unknown", "kill", "sleep")


@pytest.fixture
def cases(
    account: LocalAccount,
    sources: EventSources,
    register: Callable[..., str],
    make_queue: Callable[..., Any],
    tmp_path: Path,
) -> QueueCases:
    return QueueCases(account, sources, register, make_queue, tmp_path / "receipts")


@pytest.fixture
def rng() -> random.Random:
    """A generator with a random seed, which is printed so that a failure can be reproduced."""
    seed = random.SystemRandom().randrange(1_000_000)
    print("seed", seed)
    return random.Random(seed)


def bodies_with(poison: int, rng: random.Random) -> list[str]:
    """Return ten messages, some of them poison, at random positions."""
    places = rng.sample(range(MESSAGES), poison)
    return [f"{'poison' if place in places else 'good'} {place}" for place in range(MESSAGES)]


@pytest.mark.requirement("P2-24", "P2-43", "ROAD-42")
class TestPoison:
    @pytest.mark.parametrize("batch_sizes", [(1, 6), (2, 7), (3, 8), (4, 9), (5, 10)], ids=str)
    def test_good_messages_run_once_and_poison_messages_reach_the_dead_letter_queue(
        self, cases: QueueCases, rng: random.Random, batch_sizes: tuple[int, ...]
    ) -> None:
        function = cases.function("report")
        for batch_size in batch_sizes:
            for poison in range(MESSAGES + 1):
                cases.add(bodies_with(poison, rng), batch_size=batch_size, function=function)
        assert len(cases.cases) == 22
        cases.run()

    def test_failure_without_report_fails_only_its_batch(self, cases: QueueCases, rng: random.Random) -> None:
        for failure in WHOLE_BATCH_FAILURES:
            # A poison message runs into the timeout three times.
            slow = failure == "sleep"
            function = cases.function(
                failure, timeout=4.0 if slow else 60.0, reservedConcurrentExecutions=9 if slow else None
            )
            for batch_size in (1, 4, 10):
                for poison in (1,) if slow else (1, 5):
                    bodies = bodies_with(poison, rng)
                    cases.add(bodies, batch_size=batch_size, function=function, fails_whole=True)
        cases.run()


class TestConcurrency:
    @pytest.mark.parametrize("maximum", [2, 3])
    def test_maximum_concurrency_is_reached_and_never_exceeded(self, cases: QueueCases, maximum: int) -> None:
        # Long enough to notice a further invocation beside the allowed ones.
        function = cases.function("report", variables={"TOGETHER": str(maximum), "SECONDS": "0.4"})
        bodies = [f"good {number}" for number in range(3 * maximum)]
        cases.add(bodies, batch_size=1, function=function, scalingConfig={"maximumConcurrency": maximum})
        cases.run()
        assert cases.max_concurrency() == maximum

    def test_messages_without_a_free_worker_stay_visible(self, cases: QueueCases, wait_for: WaitFor) -> None:
        # The invocations never end: they wait for more invocations than there are.
        function = cases.function("report", variables={"TOGETHER": "1000"})
        bodies = [f"good {number}" for number in range(6)]
        case = cases.add(bodies, batch_size=1, function=function, scalingConfig={"maximumConcurrency": 2})
        wait_for(lambda: cases.max_concurrency() == 2, seconds=MAX_SECONDS)
        time.sleep(0.5)  # time in which a third one would be received
        hidden = cases.attributes(case)["ApproximateNumberOfMessagesNotVisible"]
        assert hidden == 2

    def test_three_concurrent_deliveries_delete_the_message(
        self, cases: QueueCases, wait_for: WaitFor, caplog: pytest.LogCaptureFixture
    ) -> None:
        function = cases.function("report", variables={"TOGETHER": "3"})
        case = cases.add(["good"], batch_size=1, function=function)
        seen: list[dict[str, Any]] = []

        def deliver_again() -> bool:
            for line in cases.lines():
                seen.append(line)
                (message,) = line["messages"]
                if line["what"] == "began" and message["count"] < RECEIVES:
                    cases.end_visibility(case, [message["receipt"]])
            return len(seen) == 2 * RECEIVES

        wait_for(deliver_again, seconds=MAX_SECONDS)
        assert [line["what"] for line in seen] == ["began"] * RECEIVES + ["ended"] * RECEIVES
        assert [line["messages"][0]["count"] for line in seen[:RECEIVES]] == [1, 2, 3]
        wait_for(lambda: cases.left(case) == 0, seconds=MAX_SECONDS)
        assert cases.dead(case) == Counter()
        assert "queue_delete_failed" not in caplog.messages


class TestBodies:
    @pytest.mark.parametrize(
        "letter", ["x", "é", "𝄞", "\n", '"'], ids=["ascii", "two bytes", "four bytes", "line", "quote"]
    )
    def test_ten_messages_of_256_kilobytes_run_once_unchanged(
        self, cases: QueueCases, letter: str, wait_for: WaitFor
    ) -> None:
        size = 256 * 1024
        bodies = [f"good {number} ".ljust(20) for number in range(MESSAGES)]
        bodies = [body + letter * ((size - len(body)) // len(letter.encode())) for body in bodies]
        assert all(size - 4 < len(body.encode()) <= size for body in bodies)
        case = cases.add(bodies, batch_size=MESSAGES, function=cases.function("report"))
        cases.run()
        sent = Counter(hashlib.md5(body.encode(), usedforsecurity=False).hexdigest() for body in bodies)
        got = Counter(
            message["digest"]
            for line in map(json.loads, cases.receipts.read_text().splitlines())
            for message in line["messages"]
            if line["what"] == "began"
        )
        assert got == sent
        assert len(case.receives) == MESSAGES

    def test_batch_over_the_event_size_limit_is_split(self, cases: QueueCases) -> None:
        megabyte = 1024 * 1024
        bodies = [f"good {number} ".ljust(megabyte, "x") for number in range(MESSAGES)]
        assert sum(map(len, bodies)) > MAXIMUM_EVENT_BYTES
        cases.add(bodies, batch_size=MESSAGES, function=cases.function("report"))
        cases.run()


class TestNames:
    def test_queue_name_of_maximum_length(self, cases: QueueCases) -> None:
        name = "a-Z_0" * 16
        assert len(name) == 80
        cases.add(["good é", "poison é"], batch_size=2, function=cases.function("report"), queue_name=name)
        cases.run()

    def test_invalid_queue_name_raises_registration_error(self, cases: QueueCases) -> None:
        cases.add(["good"], batch_size=1, function=(function := cases.function("report")))
        arn = "arn:aws:sqs:us-east-1:123456789012:störung"
        with pytest.raises(RegistrationError, match=r"eventSourceArn: .*störung"):
            cases.start(arn, function)
