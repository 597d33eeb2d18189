"""Redrive of dead letters: each is received, sent to its source queue, and only then deleted, so that none is lost."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

# The limit of ReceiveMessage.
MAX_BATCH_SIZE = 10
# How long a message stays invisible while it is moved, or after the command was killed.
VISIBILITY_SECONDS = 30
# Long polling: a short poll asks only some of the SQS servers and may miss messages.
WAIT_SECONDS = 1
# The only system attribute that a sender can set; SentTimestamp and ApproximateReceiveCount start anew.
TRACE_HEADER = "AWSTraceHeader"


@dataclass(frozen=True, kw_only=True)
class RedriveResult:
    """The result of a redrive.

    Attributes:
        found: How many messages were visible at the start.
        moved: How many were moved to the source queue.
        problem: Why the redrive stopped early; empty if it did not.
    """

    found: int
    moved: int
    problem: str = ""


def redrive(
    sqs: Any, dead_letter_url: str, source_url: str, on_moved: Callable[[int], None] = lambda _: None
) -> RedriveResult:
    """Move the messages that were visible at the start, with their attributes, back to their source queue.

    The limit ends the redrive even if moved messages fail immediately and return. Delivery is at least once: a message
    is deleted only after it was sent, so a process that is killed in between leaves it in both queues. Messages that
    were received and not moved are visible again immediately, or after VISIBILITY_SECONDS if the process was killed.

    Args:
        sqs: The SQS client.
        dead_letter_url: The dead-letter queue.
        source_url: The source queue.
        on_moved: Called with the number of moved messages after each one.
    """
    found = moved = 0
    try:
        found = int(queue_attributes(sqs, dead_letter_url)["ApproximateNumberOfMessages"])
        while moved < found:
            messages = _receive(sqs, dead_letter_url, limit=found - moved)
            if not messages:
                break
            with _released_on_exit(sqs, dead_letter_url, messages):
                while messages:
                    _move(sqs, dead_letter_url, source_url, messages[0])
                    # Only now, so that a message that could not be moved is released on exit.
                    messages.pop(0)
                    moved += 1
                    on_moved(moved)
    except (BotoCoreError, ClientError) as error:
        return RedriveResult(found=found, moved=moved, problem=str(error))
    return RedriveResult(found=found, moved=moved)


def queue_attributes(sqs: Any, url: str) -> Mapping[str, str]:
    """Return all attributes of a queue."""
    found: Mapping[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found


@contextlib.contextmanager
def _released_on_exit(sqs: Any, url: str, messages: list[Any]) -> Iterator[None]:
    """Make the messages that are left in the list visible again when the block ends."""
    try:
        yield
    finally:
        for message in messages:
            # If this fails, the visibility timeout ends anyway.
            with contextlib.suppress(BotoCoreError, ClientError):
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)


def _receive(sqs: Any, url: str, *, limit: int) -> list[Any]:
    response = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=min(MAX_BATCH_SIZE, limit),
        VisibilityTimeout=VISIBILITY_SECONDS,
        WaitTimeSeconds=WAIT_SECONDS,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=[TRACE_HEADER],
    )
    return list(response.get("Messages", []))


def _move(sqs: Any, dead_letter_url: str, source_url: str, message: Mapping[str, Any]) -> None:
    trace = message.get("Attributes", {}).get(TRACE_HEADER)
    system = {TRACE_HEADER: {"DataType": "String", "StringValue": trace}} if trace else {}
    sqs.send_message(
        QueueUrl=source_url,
        MessageBody=message["Body"],
        MessageAttributes=message.get("MessageAttributes", {}),
        MessageSystemAttributes=system,
    )
    sqs.delete_message(QueueUrl=dead_letter_url, ReceiptHandle=message["ReceiptHandle"])
