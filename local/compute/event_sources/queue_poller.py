"""Feeds one queue to one function, as Lambda's event source mapping does."""

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.compute.event_sources import queue_batches
from local.compute.event_sources.queue_batches import Message
from local.compute.lambda_.functions import Functions
from local.compute.lambda_.invocations import Invocation
from local.errors import LocalPlatformError

# What one ReceiveMessage or DeleteMessageBatch takes.
REQUEST_MESSAGES = 10
# A receive that is under way cannot be called off without losing what it brings, so it bounds how long `close` takes.
LONG_POLL_SECONDS = 1
RECEIVER_END_SECONDS = 5.0
FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0
DELETE_ATTEMPTS = 4
SLOT_CHECK_SECONDS = 0.2

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class QueueMapping:
    """An event source mapping on a queue. `concurrency` is the most batches at work at once."""

    function: str
    queue_arn: str
    queue_url: str
    visibility_seconds: float
    batch_size: int
    window_seconds: float
    concurrency: int
    reports_items: bool


class QueuePoller:
    """One thread receives, one of a few others sees a batch through. A batch is received only when one is free for it.

    Messages that succeeded are deleted. Those that failed are left alone: they come again after the queue's visibility
    timeout, and its redrive policy decides how often. A throttled batch is held and tried again for as long as the visibility
    timeout hides its messages, as Lambda does; after that they come again and the receive counts, also as there.
    """

    def __init__(self, mapping: QueueMapping, queues: Any, functions: Functions) -> None:
        self._mapping, self._queues, self._functions = mapping, queues, functions
        self._stopping = threading.Event()
        self._slots = threading.Semaphore(mapping.concurrency)
        self._workers = ThreadPoolExecutor(mapping.concurrency, thread_name_prefix="queue-batch")
        self._at_work: set[Future[None]] = set()
        self._receiver = threading.Thread(target=self._run, name=f"poller-{mapping.function}", daemon=True)

    def start(self) -> None:
        """Begins to receive."""
        self._receiver.start()

    def stop(self) -> None:
        """Asks it to receive no more; returns at once."""
        self._stopping.set()

    def join(self, grace_seconds: float) -> None:
        """Waits until nothing is received any more, and so long for the batches at work.

        What does not end in time stays in the queue and comes again.
        """
        # An emulator that hangs must not keep the platform from ending.
        self._receiver.join(RECEIVER_END_SECONDS)
        wait(list(self._at_work), timeout=grace_seconds)
        self._workers.shutdown(wait=False)

    def _run(self) -> None:
        backoff = FIRST_BACKOFF_SECONDS
        while not self._stopping.is_set():
            if not self._slots.acquire(timeout=SLOT_CHECK_SECONDS):
                continue
            handed_over = False
            try:
                handed_over = self._take()
                backoff = FIRST_BACKOFF_SECONDS
            except Exception as error:  # noqa: BLE001 - a queue that nobody polls any more would only be seen to grow
                expected = isinstance(error, (BotoCoreError, ClientError))
                self._tell("queue_receive_failed" if expected else "queue_poller_restarted", error)
                self._stopping.wait(backoff)
                backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)
            finally:
                if not handed_over:
                    self._slots.release()

    def _take(self) -> bool:
        """Receives one batch and hands it over. False when there was none, or when the poller was stopped meanwhile."""
        messages = self._gather()
        if messages and self._stopping.is_set():
            self._give_back(messages)
        elif messages:
            self._hand_over(messages)
            return True
        return False

    def _gather(self) -> list[Message]:
        """One batch: what the first answer brings, or with a batching window what arrives until it is over or the batch full.

        Raises what botocore raises, unless it has messages already.
        """
        messages = self._receive(self._mapping.batch_size, LONG_POLL_SECONDS)
        window_ends = time.monotonic() + self._mapping.window_seconds
        while messages and len(messages) < self._mapping.batch_size and not self._stopping.is_set():
            if (remaining := window_ends - time.monotonic()) <= 0:
                break
            try:
                more = self._receive(self._mapping.batch_size - len(messages), 1 if remaining >= 1 else 0)
            except (BotoCoreError, ClientError) as error:
                self._tell("queue_receive_failed", error)
                break
            messages += more
            if not more:
                self._stopping.wait(min(remaining, SLOT_CHECK_SECONDS))
        return messages

    def _receive(self, count: int, wait_seconds: int) -> list[Message]:
        answer = self._queues.receive_message(
            QueueUrl=self._mapping.queue_url,
            MaxNumberOfMessages=min(count, REQUEST_MESSAGES),
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: list[Message] = answer.get("Messages", [])
        return messages

    def _hand_over(self, messages: list[Message]) -> None:
        def done(future: Future[None]) -> None:
            self._at_work.discard(future)
            self._slots.release()
            if (error := future.exception()) is not None:
                self._tell("queue_batch_failed", error)

        future = self._workers.submit(self._see_through, messages, time.monotonic())
        self._at_work.add(future)
        future.add_done_callback(done)

    def _see_through(self, messages: list[Message], received_at: float) -> None:
        for part in queue_batches.parts(messages, self._mapping.queue_arn):
            self._see_part_through(part, received_at)

    def _see_part_through(self, messages: list[Message], received_at: float) -> None:
        try:
            invocation = self._invoke(messages, received_at)
        except LocalPlatformError as error:
            self._tell("queue_batch_failed", error)
            return
        if invocation is None:
            self._give_back(messages)
            return
        failed = queue_batches.failures(invocation, messages, reports_items=self._mapping.reports_items)
        if failed:
            self._tell("queue_batch_failed", invocation.error, failed=len(failed), messages=len(messages))
        self._delete([message for message in messages if message["MessageId"] not in failed])

    def _invoke(self, messages: Sequence[Message], received_at: float) -> Invocation | None:
        """The invocation for a batch; None when the poller was stopped before the function ran."""
        event = queue_batches.event(messages, self._mapping.queue_arn)
        hidden_until = received_at + self._mapping.visibility_seconds
        pause = FIRST_BACKOFF_SECONDS
        while True:
            invocation = self._functions.invoke(self._mapping.function, event)
            throttled = invocation.error is not None and invocation.error.type == "Throttled"
            if not throttled or time.monotonic() + pause >= hidden_until:
                return invocation
            if self._stopping.wait(pause):
                return None
            pause = min(pause * 2, LONGEST_BACKOFF_SECONDS)

    def _delete(self, messages: Sequence[Message]) -> None:
        for start in range(0, len(messages), REQUEST_MESSAGES):
            left = {str(number): message for number, message in enumerate(messages[start : start + REQUEST_MESSAGES])}
            for attempt in range(DELETE_ATTEMPTS):
                left = self._try_to_delete(left)
                if not left:
                    break
                # A stopping platform is no reason to give up: an undeleted message would be handled twice.
                time.sleep(FIRST_BACKOFF_SECONDS * 2**attempt)
            if left:
                self._tell("queue_delete_failed", None, messages=len(left))

    def _try_to_delete(self, messages: dict[str, Message]) -> dict[str, Message]:
        """Returns those that are still there."""
        entries = [{"Id": key, "ReceiptHandle": message["ReceiptHandle"]} for key, message in messages.items()]
        try:
            answer = self._queues.delete_message_batch(QueueUrl=self._mapping.queue_url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            self._tell("queue_delete_failed", error, messages=len(messages))
            return messages
        return {failure["Id"]: messages[failure["Id"]] for failure in answer.get("Failed", [])}

    def _give_back(self, messages: Sequence[Message]) -> None:
        """Makes messages that no function has seen visible again at once."""
        for message in messages:
            try:
                self._queues.change_message_visibility(
                    QueueUrl=self._mapping.queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
            except (BotoCoreError, ClientError) as error:
                self._tell("queue_give_back_failed", error)

    def _tell(self, event: str, error: object, **fields: int) -> None:
        logger.warning(
            event,
            extra={"queue": self._mapping.queue_arn, "function": self._mapping.function, "error": str(error), **fields},
        )
