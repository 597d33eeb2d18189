"""A work queue with its dead-letter queue in the emulator."""

import itertools
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from local.account import LocalAccount
from operations.queues import show_queues
from operations.queues.redrive import redrive

QUEUE_NUMBERS = itertools.count(1)
RECEIVE_LIMIT = 3


@dataclass(frozen=True)
class Pair:
    """A work queue and its dead-letter queue in the emulator."""

    account: LocalAccount
    url: str
    dead_letter_url: str

    @property
    def sqs(self) -> Any:
        return self.account.client("sqs")

    @property
    def outputs(self) -> dict[str, str]:
        return {"thumbnail_queue_url": self.url, "thumbnail_dead_letter_queue_url": self.dead_letter_url}

    def send(self, *bodies: str, **more: Any) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **more)

    def receive_all(self, url: str, **more: Any) -> list[Any]:
        """Receive all messages; they stay invisible."""
        got: list[Any] = []
        while batch := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **more).get("Messages"):
            got += batch
        return got

    def poison(self, *bodies: str, **more: Any) -> None:
        """Send messages and receive them until they move to the dead-letter queue."""
        self.send(*bodies, **more)
        # A message moves when it is received once more than the limit.
        for _ in range(RECEIVE_LIMIT + 1):
            self._fail_all()
        assert self.count(self.dead_letter_url) == len(bodies)

    def _fail_all(self) -> None:
        for message in self.receive_all(self.url):
            self.sqs.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )

    def count(self, url: str) -> int:
        depth = show_queues.read_depth(self.account, url)
        return depth.visible + depth.in_flight

    def redrive(self, **more: Any) -> Any:
        return redrive(self.sqs, self.dead_letter_url, self.url, **more)

    def bodies(self) -> "Counter[str]":
        """Return the bodies of the messages in both queues."""
        both = self.receive_all(self.url) + self.receive_all(self.dead_letter_url)
        return Counter(message["Body"] for message in both)


@pytest.fixture
def pair(account: LocalAccount) -> Pair:
    number, sqs = next(QUEUE_NUMBERS), account.client("sqs")
    dead = sqs.create_queue(QueueName=f"redrive-dlq-{number}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": {RECEIVE_LIMIT}}}'
    url = sqs.create_queue(QueueName=f"redrive-queue-{number}", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    return Pair(account, url, dead)
