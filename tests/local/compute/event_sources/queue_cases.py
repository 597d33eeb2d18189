"""Test cases of queues, of which many run at the same time: each has a queue with messages, a function and a mapping.

The visibility timeout is so long that it never ends by itself: it is ended for messages that have failed, so that no number of
receives depends on the speed of the machine.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.account import LocalAccount
from local.compute.event_sources.event_sources import EventSources
from local.provider.protocol import Registration

RECEIVES = 3
HIDDEN_SECONDS = 600
MAX_SECONDS = 100


@dataclass
class QueueCase:
    """One queue with its messages, and their receives."""

    queue: Any
    bodies: list[str]
    batch_size: int
    fails_whole: bool = False
    # By message id, for each receive in order: its receive count, and whether it failed.
    receives: dict[str, list[tuple[int, bool]]] = field(default_factory=lambda: defaultdict(list))
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def is_settled(self) -> bool:
        """Whether every message has succeeded, or has failed as often as it is received."""
        return len(self.receives) == len(self.bodies) and all(
            len(seen) >= RECEIVES or not seen[-1][1] for seen in self.receives.values()
        )

    def record(self, messages: list[dict[str, Any]]) -> list[str]:
        """Record one invocation; return the receipt handles of the messages that it fails."""
        poison = {message["id"] for message in messages if message["is_poison"]}
        failed = {message["id"] for message in messages} if poison and self.fails_whole else poison
        for message in messages:
            self.receives[message["id"]].append((message["count"], message["id"] in failed))
        return [message["receipt"] for message in messages if message["id"] in failed]

    def assert_contract(self, dead: "Counter[str]") -> None:
        """Assert that no message was lost or received too often; `dead` is the dead-letter queue, by message id."""
        assert set(self.receives) == set(self.ids), "a message did not reach the function"
        for message_id, seen in self.receives.items():
            counts, failures = [count for count, _ in seen], [failed for _, failed in seen]
            assert counts == list(range(1, len(seen) + 1)), "a receive did not reach the function"
            if self.ids[message_id].startswith("poison"):
                assert failures == [True] * RECEIVES
            elif not self.fails_whole or self.batch_size == 1:
                assert failures == [False], "a good message was received again"
            else:
                assert failures in ([*[True] * n, False] for n in range(RECEIVES)) or failures == [True] * RECEIVES
        abandoned = [message_id for message_id, seen in self.receives.items() if all(failed for _, failed in seen)]
        assert dead == Counter(abandoned)


class QueueCases:
    """Concurrent cases, which share functions."""

    def __init__(
        self,
        account: LocalAccount,
        sources: EventSources,
        register: Callable[..., str],
        make_queue: Callable[..., Any],
        receipts: Path,
    ) -> None:
        self._sources, self._register, self._make_queue = sources, register, make_queue
        self.client, self.receipts = account.client("sqs"), receipts
        self.receipts.touch()
        self.cases: list[QueueCase] = []
        self._functions: dict[str, str] = {}
        self._read = 0

    def function(self, failure: str, **more: Any) -> str:
        """Return the name of the function that fails in this way; it is registered once."""
        if failure not in self._functions:
            variables = {"RECEIPTS": str(self.receipts), "FAILURE": failure, **more.pop("variables", {})}
            self._functions[failure] = self._register(
                "receipts.handler", **{"timeout": 60.0, "environment": {"variables": variables}, **more}
            )
        return self._functions[failure]

    def add(
        self,
        bodies: list[str],
        *,
        batch_size: int,
        function: str,
        fails_whole: bool = False,
        queue_name: str = "",
        **inputs: Any,
    ) -> QueueCase:
        queue = self._make_queue(name=queue_name, visibility_seconds=HIDDEN_SECONDS, max_receive_count=RECEIVES)
        case = QueueCase(queue, bodies, batch_size, fails_whole)
        for body in bodies:
            case.ids[self.client.send_message(QueueUrl=queue.url, MessageBody=body)["MessageId"]] = body
        self.cases.append(case)
        self.start(queue.arn, function, batchSize=batch_size, **inputs)
        return case

    def start(self, queue_arn: str, function: str, **inputs: Any) -> None:
        number = len(self.cases)
        registration = Registration(
            urn=f"urn:pulumi:test::test::aws:lambda/eventSourceMapping:EventSourceMapping::case-{number}",
            type="aws:lambda/eventSourceMapping:EventSourceMapping",
            name=f"case-{number}",
            id=f"case-{number}",
            inputs={
                "eventSourceArn": queue_arn,
                "functionName": function,
                "functionResponseTypes": ["ReportBatchItemFailures"],
                **inputs,
            },
            outputs={},
        )
        self._sources.start(registration)

    def lines(self) -> Iterable[dict[str, Any]]:
        """Return the receipts written since the last call."""
        with self.receipts.open() as file:
            file.seek(self._read)
            text = file.read()
        complete = text[: text.rfind("\n") + 1]
        self._read += len(complete)
        return [json.loads(line) for line in complete.splitlines()]

    def run(self) -> None:
        """End visibility timeouts until every case is settled, and assert the contract of each."""
        by_queue = {case.queue.arn: case for case in self.cases}
        deadline = time.monotonic() + MAX_SECONDS
        while not all(case.is_settled for case in self.cases):
            for line in self.lines():
                if line["what"] == "began":
                    case = by_queue[line["queue"]]
                    self.end_visibility(case, case.record(line["messages"]))
            assert time.monotonic() < deadline, [case for case in self.cases if not case.is_settled]
            time.sleep(0.02)
        for case in self.cases:
            while self.left(case):
                assert time.monotonic() < deadline, case
                time.sleep(0.02)
        assert not [line for line in self.lines() if line["what"] == "began"], (
            "a message was received after its case was settled"
        )
        for case in self.cases:
            case.assert_contract(self.dead(case))

    def end_visibility(self, case: QueueCase, receipts: list[str]) -> None:
        for receipt in receipts:
            self.client.change_message_visibility(QueueUrl=case.queue.url, ReceiptHandle=receipt, VisibilityTimeout=0)

    def left(self, case: QueueCase) -> int:
        return sum(self.attributes(case).values())

    def attributes(self, case: QueueCase) -> dict[str, int]:
        """Return the numbers of visible and of hidden messages."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.client.get_queue_attributes(QueueUrl=case.queue.url, AttributeNames=names)["Attributes"]
        return {name: int(attributes[name]) for name in names}

    def dead(self, case: QueueCase) -> "Counter[str]":
        found: Counter[str] = Counter()
        while messages := self.client.receive_message(
            QueueUrl=case.queue.dead_url, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            found.update(message["MessageId"] for message in messages)
        return found

    def max_concurrency(self) -> int:
        """Return the maximum number of concurrent invocations, by the order of the receipts."""
        running = maximum = 0
        for line in self.receipts.read_text().splitlines():
            running += 1 if json.loads(line)["what"] == "began" else -1
            maximum = max(maximum, running)
        return maximum
