"""Event source mappings on this machine: SQS queues whose messages are sent to functions."""

import threading
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.account import LocalAccount
from local.compute.event_sources.queue_poller import QueueMapping, QueuePoller
from local.compute.lambda_.functions import Functions
from local.errors import LocalPlatformError, RegistrationError
from local.provider.protocol import Registration

DEFAULT_BATCH_SIZE = 10
REPORT_ITEM_FAILURES = "ReportBatchItemFailures"
# How long `close` waits for batches in progress; their functions are killed after it, and the messages stay in the queue.
CLOSE_SECONDS = 2.0


class EventSources:
    """The pollers of one platform.

    In the emulator the mappings must be disabled, because it would consume the messages itself.
    """

    def __init__(self, account: LocalAccount, functions: Functions) -> None:
        self._account, self._functions = account, functions
        self._pollers: dict[str, QueuePoller] = {}
        self._lock = threading.Lock()

    def start(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:lambda/eventSourceMapping:EventSourceMapping. A mapping with the same URN is replaced.

        Raises:
            RegistrationError: The source is not a standard queue, or an input is invalid on AWS or not supported here.
        """
        mapping = self._read(registration)
        with self._lock:
            replaced = self._pollers.pop(registration.urn, None)
        if replaced is not None:
            _close([replaced])
        if registration.inputs.get("enabled") is False:
            return {"state": "Disabled"}
        poller = QueuePoller(mapping, self._account.client("sqs"), self._functions)
        with self._lock:
            self._pollers[registration.urn] = poller
        poller.start()
        return {"state": "Enabled"}

    def close(self) -> None:
        """Stop every poller, after a short time for batches in progress. Messages that are not finished stay in their queue."""
        with self._lock:
            pollers = list(self._pollers.values())
            self._pollers.clear()
        _close(pollers)

    def _read(self, registration: Registration) -> QueueMapping:
        inputs, urn = registration.inputs, registration.urn
        arn = str(inputs.get("eventSourceArn") or "")
        parts = arn.split(":")
        if len(parts) != 6 or parts[2] != "sqs" or parts[5].endswith(".fifo"):
            raise RegistrationError(
                urn, f"eventSourceArn: {arn or 'none'} is not supported on this machine, only standard SQS queues"
            )
        if inputs.get("filterCriteria"):
            raise RegistrationError(urn, "filterCriteria: not supported on this machine")
        batch_size = int(inputs.get("batchSize") or DEFAULT_BATCH_SIZE)
        window = float(inputs.get("maximumBatchingWindowInSeconds") or 0)
        if batch_size > 10 and window < 1:
            raise RegistrationError(
                urn, "maximumBatchingWindowInSeconds: must be at least 1 with a batch size of more than 10"
            )
        function = str(inputs.get("functionName") or "")
        try:
            definition = self._functions.definition(function)
            queue_url, visibility = self._queue(parts[5])
        except LocalPlatformError as error:
            raise RegistrationError(urn, f"functionName: {error.message}") from error
        except (BotoCoreError, ClientError) as error:
            raise RegistrationError(urn, f"eventSourceArn: {arn}: {error}") from error
        if visibility < definition.timeout_seconds:
            raise RegistrationError(
                urn,
                f"eventSourceArn: the queue's visibility timeout ({visibility:g} s) must be at least the function's timeout"
                f" ({definition.timeout_seconds:g} s)",
            )
        concurrency = int((inputs.get("scalingConfig") or {}).get("maximumConcurrency") or definition.concurrency)
        if definition.reserved_concurrency is None:
            # More batches would only wait for an instance while the visibility timeout of their messages runs.
            concurrency = min(concurrency, definition.concurrency)
        return QueueMapping(
            function=function,
            queue_arn=arn,
            queue_url=queue_url,
            visibility_seconds=visibility,
            batch_size=batch_size,
            window_seconds=window,
            concurrency=max(1, concurrency),
            reports_items=REPORT_ITEM_FAILURES in (inputs.get("functionResponseTypes") or ()),
        )

    def _queue(self, name: str) -> tuple[str, float]:
        """Return a queue's URL and its visibility timeout in seconds."""
        queues = self._account.client("sqs")
        url = queues.get_queue_url(QueueName=name)["QueueUrl"]
        attributes = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        return url, float(attributes["VisibilityTimeout"])


def _close(pollers: list[QueuePoller]) -> None:
    for poller in pollers:
        poller.stop()
    for poller in pollers:
        poller.join(CLOSE_SECONDS)
