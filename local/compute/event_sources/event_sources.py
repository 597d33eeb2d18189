"""Event source mappings on this machine: SQS queues that feed functions."""

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
# How long `close` waits for batches at work; their functions are killed after it, and the messages stay in the queue.
CLOSE_SECONDS = 2.0


class EventSources:
    """The pollers of one platform.

    The mapping itself has to be registered disabled in the emulator, which would otherwise take the messages away.
    """

    def __init__(self, account: LocalAccount, functions: Functions) -> None:
        self._account, self._functions = account, functions
        self._pollers: dict[str, QueuePoller] = {}
        self._lock = threading.Lock()

    def start(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:lambda/eventSourceMapping:EventSourceMapping. A mapping that was started before is replaced.

        Raises RegistrationError for another source than a standard queue, and for what AWS refuses.
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
        """Ends every poller, after the batches at work or a short time. No message is lost: what is not done stays queued."""
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
                urn, f"eventSourceArn: {arn or 'none'}: only standard SQS queues feed functions here"
            )
        if inputs.get("filterCriteria"):
            raise RegistrationError(urn, "filterCriteria: messages are not filtered on this machine")
        batch_size = int(inputs.get("batchSize") or DEFAULT_BATCH_SIZE)
        window = float(inputs.get("maximumBatchingWindowInSeconds") or 0)
        if batch_size > 10 and window < 1:
            raise RegistrationError(
                urn, "maximumBatchingWindowInSeconds: more than 10 messages a batch need at least 1"
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
                f"the queue's visibility timeout ({visibility:g} s) is less than the function's timeout"
                f" ({definition.timeout_seconds:g} s), which AWS refuses",
            )
        most = int((inputs.get("scalingConfig") or {}).get("maximumConcurrency") or definition.concurrency)
        if definition.reserved_concurrency is None:
            most = min(most, definition.concurrency)  # The rest would only wait for an instance, with hidden messages.
        return QueueMapping(
            function=function,
            queue_arn=arn,
            queue_url=queue_url,
            visibility_seconds=visibility,
            batch_size=batch_size,
            window_seconds=window,
            concurrency=max(1, most),
            reports_items=REPORT_ITEM_FAILURES in (inputs.get("functionResponseTypes") or ()),
        )

    def _queue(self, name: str) -> tuple[str, float]:
        """A queue's address and its visibility timeout in seconds."""
        queues = self._account.client("sqs")
        url = queues.get_queue_url(QueueName=name)["QueueUrl"]
        attributes = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        return url, float(attributes["VisibilityTimeout"])


def _close(pollers: list[QueuePoller]) -> None:
    for poller in pollers:
        poller.stop()
    for poller in pollers:
        poller.join(CLOSE_SECONDS)
