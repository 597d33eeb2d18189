"""Moves dead letters back to the queue they came from: received, sent, then deleted, so that none is lost however it ends."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

# The most that one receive gives.
BATCH = 10
# How long a dead letter is hidden while it is moved. It is also how long it stays hidden when the command is killed.
VISIBILITY_SECONDS = 30
# A receive without waiting asks only some of SQS's servers and may find nothing where something is.
WAIT_SECONDS = 1
# The one system attribute that a sender may set; the others (when it was sent, how often it was received) begin anew.
TRACE_HEADER = "AWSTraceHeader"


@dataclass(frozen=True, kw_only=True)
class Redrive:
    """What one redrive did: `found` could be received when it began, `moved` of them are back, `problem` says why not all."""

    found: int
    moved: int
    problem: str = ""


def redrive(
    sqs: Any, dead_letter_url: str, source_url: str, after_each: Callable[[int], None] = lambda _: None
) -> Redrive:
    """Moves the messages that could be received at the start, with their attributes, and no more than those.

    The bound ends it when what it moves fails again at once and comes back. It promises at least once: a message is
    deleted only after the queue has taken it, so whoever ends this between the two leaves it in both. What was received
    and not moved can be received again at once, or after VISIBILITY_SECONDS when the process was killed.
    """
    found = moved = 0
    try:
        found = int(attributes(sqs, dead_letter_url)["ApproximateNumberOfMessages"])
        while moved < found:
            messages = _receive(sqs, dead_letter_url, at_most=found - moved)
            if not messages:
                break
            with _given_back(sqs, dead_letter_url, messages):
                while messages:
                    _move(sqs, dead_letter_url, source_url, messages[0])
                    # Only now: one that could not be moved stays among those that are given back.
                    messages.pop(0)
                    moved += 1
                    after_each(moved)
    except (BotoCoreError, ClientError) as error:
        return Redrive(found=found, moved=moved, problem=str(error))
    return Redrive(found=found, moved=moved)


def attributes(sqs: Any, url: str) -> Mapping[str, str]:
    """All attributes of a queue, as SQS writes them. Raises what boto3 raises."""
    found: Mapping[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found


@contextlib.contextmanager
def _given_back(sqs: Any, url: str, messages: list[Any]) -> Iterator[None]:
    """However the block ends, what is left of the messages can be received again at once."""
    try:
        yield
    finally:
        for message in messages:
            # Merely sooner than by itself: whatever stands in the way of it, the time of hiding ends.
            with contextlib.suppress(BotoCoreError, ClientError):
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)


def _receive(sqs: Any, url: str, *, at_most: int) -> list[Any]:
    answer = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=min(BATCH, at_most),
        VisibilityTimeout=VISIBILITY_SECONDS,
        WaitTimeSeconds=WAIT_SECONDS,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=[TRACE_HEADER],
    )
    return list(answer.get("Messages", []))


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
