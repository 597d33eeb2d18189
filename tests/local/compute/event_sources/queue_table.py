"""Queues in a table: a cell is a queue with its messages, its function and its mapping, and many run at once.

The visibility timeout is so long that it never ends by itself: the table ends it for what has failed. So no count depends on
how fast the machine is.
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
PATIENCE_SECONDS = 100


@dataclass
class Cell:
    """One queue with its messages, and what became of them."""

    queue: Any
    bodies: list[str]
    batch_size: int
    fails_whole: bool = False
    # By message id, for each receive in its order: its count and whether it failed.
    receives: dict[str, list[tuple[int, bool]]] = field(default_factory=lambda: defaultdict(list))
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def is_settled(self) -> bool:
        """Whether every message was handled well or has failed as often as it may."""
        return len(self.receives) == len(self.bodies) and all(
            len(seen) >= RECEIVES or not seen[-1][1] for seen in self.receives.values()
        )

    def note(self, messages: list[dict[str, Any]]) -> list[str]:
        """Takes down one invocation; answers the receipts of what it fails."""
        poison = {message["id"] for message in messages if message["is_poison"]}
        failed = {message["id"] for message in messages} if poison and self.fails_whole else poison
        for message in messages:
            self.receives[message["id"]].append((message["count"], message["id"] in failed))
        return [message["receipt"] for message in messages if message["id"] in failed]

    def assert_contract(self, dead: "Counter[str]") -> None:
        """`dead` is what the dead letter queue holds, by message id."""
        assert set(self.receives) == set(self.ids), "lost before the function"
        for message_id, seen in self.receives.items():
            counts, failures = [count for count, _ in seen], [failed for _, failed in seen]
            assert counts == list(range(1, len(seen) + 1)), "a receive that the function did not see"
            if self.ids[message_id].startswith("poison"):
                assert failures == [True] * RECEIVES
            elif not self.fails_whole or self.batch_size == 1:
                assert failures == [False], "a good message was handled again"
            else:
                assert failures in ([*[True] * n, False] for n in range(RECEIVES)) or failures == [True] * RECEIVES
        given_up = [message_id for message_id, seen in self.receives.items() if all(failed for _, failed in seen)]
        assert dead == Counter(given_up)


class Table:
    """Many cells at once: a queue each, functions in common."""

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
        self.cells: list[Cell] = []
        self._functions: dict[str, str] = {}
        self._read = 0

    def function(self, failure: str, **more: Any) -> str:
        """The name of the one function that fails in this way."""
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
    ) -> Cell:
        queue = self._make_queue(name=queue_name, visibility_seconds=HIDDEN_SECONDS, max_receive_count=RECEIVES)
        cell = Cell(queue, bodies, batch_size, fails_whole)
        for body in bodies:
            cell.ids[self.client.send_message(QueueUrl=queue.url, MessageBody=body)["MessageId"]] = body
        self.cells.append(cell)
        self.start(queue.arn, function, batchSize=batch_size, **inputs)
        return cell

    def start(self, queue_arn: str, function: str, **inputs: Any) -> None:
        number = len(self.cells)
        registration = Registration(
            urn=f"urn:pulumi:test::test::aws:lambda/eventSourceMapping:EventSourceMapping::cell-{number}",
            type="aws:lambda/eventSourceMapping:EventSourceMapping",
            name=f"cell-{number}",
            id=f"cell-{number}",
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
        """What was written since the last call."""
        with self.receipts.open() as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind("\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]

    def run(self) -> None:
        """Plays time for every cell until nothing is left to do, and asserts the contract of each."""
        by_queue = {cell.queue.arn: cell for cell in self.cells}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not all(cell.is_settled for cell in self.cells):
            for line in self.lines():
                if line["what"] == "began":
                    cell = by_queue[line["queue"]]
                    self.end_visibility(cell, cell.note(line["messages"]))
            assert time.monotonic() < deadline, [cell for cell in self.cells if not cell.is_settled]
            time.sleep(0.02)
        for cell in self.cells:
            while self.left(cell):
                assert time.monotonic() < deadline, cell
                time.sleep(0.02)
        assert not [line for line in self.lines() if line["what"] == "began"], "handled after it was settled"
        for cell in self.cells:
            cell.assert_contract(self.dead(cell))

    def end_visibility(self, cell: Cell, receipts: list[str]) -> None:
        for receipt in receipts:
            self.client.change_message_visibility(QueueUrl=cell.queue.url, ReceiptHandle=receipt, VisibilityTimeout=0)

    def left(self, cell: Cell) -> int:
        return sum(self.attributes(cell).values())

    def attributes(self, cell: Cell) -> dict[str, int]:
        """How many messages can be received, and how many are hidden."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.client.get_queue_attributes(QueueUrl=cell.queue.url, AttributeNames=names)["Attributes"]
        return {name: int(attributes[name]) for name in names}

    def dead(self, cell: Cell) -> "Counter[str]":
        found: Counter[str] = Counter()
        while messages := self.client.receive_message(
            QueueUrl=cell.queue.dead_url, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            found.update(message["MessageId"] for message in messages)
        return found

    def most_at_once(self) -> int:
        """By the order of the lines, from the first one on."""
        running = most = 0
        for line in self.receipts.read_text().splitlines():
            running += 1 if json.loads(line)["what"] == "began" else -1
            most = max(most, running)
        return most
