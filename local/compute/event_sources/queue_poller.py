"""The poller of one event source mapping: it receives messages from a queue and invokes a function with them."""

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

# The maximum number of messages of one ReceiveMessage or DeleteMessageBatch.
REQUEST_MESSAGES = 10
# A receive request cannot be cancelled without losing its messages, so this is a lower bound for the time to stop.
LONG_POLL_SECONDS = 1
RECEIVER_STOP_SECONDS = 5.0
FIRST_BACKOFF_SECONDS = 0.1
MAX_BACKOFF_SECONDS = 5.0
DELETE_ATTEMPTS = 4
SLOT_CHECK_SECONDS = 0.2

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class QueueMapping:
    """An event source mapping of a queue. `concurrency` is the maximum number of concurrent batches."""

    function: str
    queue_arn: str
    queue_url: str
    visibility_seconds: float
    batch_size: int
    window_seconds: float
    concurrency: int
    reports_items: bool


class QueuePoller:
    """One thread that receives batches, and worker threads that process them. A batch is received only for a free worker.

    Messages that succeeded are deleted. Failed ones become visible again after the queue's visibility timeout, and its redrive
    policy decides how often. A throttled batch is retried until the visibility timeout of its messages ends, as in Lambda;
    then they are received again, and the receive counts, also as in Lambda.
    """

    def __init__(self, mapping: QueueMapping, queues: Any, functions: Functions) -> None:
        self._mapping, self._queues, self._functions = mapping, queues, functions
        self._stopping = threading.Event()
        self._slots = threading.Semaphore(mapping.concurrency)
        self._workers = ThreadPoolExecutor(mapping.concurrency, thread_name_prefix="queue-batch")
        self._in_progress: set[Future[None]] = set()
        self._receiver = threading.Thread(target=self._run, name=f"poller-{mapping.function}", daemon=True)

    def start(self) -> None:
        """Begin to receive messages."""
        self._receiver.start()

    def stop(self) -> None:
        """Stop receiving, without waiting."""
        self._stopping.set()

    def join(self, grace_seconds: float) -> None:
        """Wait for the receiver, and at most `grace_seconds` for batches in progress.

        Messages of unfinished batches stay in the queue and are received again.
        """
        # The limit is for an emulator that hangs, which must not block the end of the platform.
        self._receiver.join(RECEIVER_STOP_SECONDS)
        wait(list(self._in_progress), timeout=grace_seconds)
        self._workers.shutdown(wait=False)

    def _run(self) -> None:
        backoff = FIRST_BACKOFF_SECONDS
        while not self._stopping.is_set():
            if not self._slots.acquire(timeout=SLOT_CHECK_SECONDS):
                continue
            submitted = False
            try:
                submitted = self._receive_batch()
                backoff = FIRST_BACKOFF_SECONDS
            except Exception as error:  # noqa: BLE001 - the thread must survive: nobody would notice that the queue is no longer polled
                expected = isinstance(error, (BotoCoreError, ClientError))
                self._log("queue_receive_failed" if expected else "queue_poller_restarted", error)
                self._stopping.wait(backoff)
                backoff = min(backoff * 2, MAX_BACKOFF_SECONDS)
            finally:
                if not submitted:
                    self._slots.release()

    def _receive_batch(self) -> bool:
        """Receive one batch and submit it. Return False if there was none, or if the poller was stopped meanwhile."""
        messages = self._collect()
        if messages and self._stopping.is_set():
            self._make_visible(messages)
        elif messages:
            self._submit(messages)
            return True
        return False

    def _collect(self) -> list[Message]:
        """Collect one batch: the first response's messages, and those that arrive until the batching window ends.

        Errors of the first request are raised; later ones end the batch.
        """
        messages = self._receive(self._mapping.batch_size, LONG_POLL_SECONDS)
        window_ends = time.monotonic() + self._mapping.window_seconds
        while messages and len(messages) < self._mapping.batch_size and not self._stopping.is_set():
            if (remaining := window_ends - time.monotonic()) <= 0:
                break
            try:
                more = self._receive(self._mapping.batch_size - len(messages), 1 if remaining >= 1 else 0)
            except (BotoCoreError, ClientError) as error:
                self._log("queue_receive_failed", error)
                break
            messages += more
            if not more:
                self._stopping.wait(min(remaining, SLOT_CHECK_SECONDS))
        return messages

    def _receive(self, count: int, wait_seconds: int) -> list[Message]:
        response = self._queues.receive_message(
            QueueUrl=self._mapping.queue_url,
            MaxNumberOfMessages=min(count, REQUEST_MESSAGES),
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: list[Message] = response.get("Messages", [])
        return messages

    def _submit(self, messages: list[Message]) -> None:
        def done(future: Future[None]) -> None:
            self._in_progress.discard(future)
            self._slots.release()
            if (error := future.exception()) is not None:
                self._log("queue_batch_failed", error)

        future = self._workers.submit(self._process, messages, time.monotonic())
        self._in_progress.add(future)
        future.add_done_callback(done)

    def _process(self, messages: list[Message], received_at: float) -> None:
        for batch in queue_batches.split(messages, self._mapping.queue_arn):
            self._process_batch(batch, received_at)

    def _process_batch(self, messages: list[Message], received_at: float) -> None:
        try:
            invocation = self._invoke(messages, received_at)
        except LocalPlatformError as error:
            self._log("queue_batch_failed", error)
            return
        if invocation is None:
            self._make_visible(messages)
            return
        failed = queue_batches.failed_message_ids(invocation, messages, reports_items=self._mapping.reports_items)
        if failed:
            self._log("queue_batch_failed", invocation.error, failed=len(failed), messages=len(messages))
        self._delete([message for message in messages if message["MessageId"] not in failed])

    def _invoke(self, messages: Sequence[Message], received_at: float) -> Invocation | None:
        """Invoke the function with a batch. Return None if the poller was stopped before the function ran."""
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
            pause = min(pause * 2, MAX_BACKOFF_SECONDS)

    def _delete(self, messages: Sequence[Message]) -> None:
        for start in range(0, len(messages), REQUEST_MESSAGES):
            remaining = {
                str(number): message for number, message in enumerate(messages[start : start + REQUEST_MESSAGES])
            }
            for attempt in range(DELETE_ATTEMPTS):
                remaining = self._delete_batch(remaining)
                if not remaining:
                    break
                # This is retried even while the poller is stopping: an undeleted message would be processed twice.
                time.sleep(FIRST_BACKOFF_SECONDS * 2**attempt)
            if remaining:
                self._log("queue_delete_failed", None, messages=len(remaining))

    def _delete_batch(self, messages: dict[str, Message]) -> dict[str, Message]:
        """Delete messages, by entry id. Return those that were not deleted."""
        entries = [{"Id": key, "ReceiptHandle": message["ReceiptHandle"]} for key, message in messages.items()]
        try:
            response = self._queues.delete_message_batch(QueueUrl=self._mapping.queue_url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            self._log("queue_delete_failed", error, messages=len(messages))
            return messages
        return {failure["Id"]: messages[failure["Id"]] for failure in response.get("Failed", [])}

    def _make_visible(self, messages: Sequence[Message]) -> None:
        """Make unprocessed messages visible again immediately."""
        for message in messages:
            try:
                self._queues.change_message_visibility(
                    QueueUrl=self._mapping.queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
            except (BotoCoreError, ClientError) as error:
                self._log("queue_visibility_change_failed", error)

    def _log(self, event: str, error: object, **fields: int) -> None:
        logger.warning(
            event,
            extra={"queue": self._mapping.queue_arn, "function": self._mapping.function, "error": str(error), **fields},
        )
