from typing import Any

import pytest

from components.arguments import ArgumentError
from components.queue_consumer import QueueConsumer, QueueConsumerArgs

QUEUE = "arn:aws:sqs:us-east-1:123456789012:queue"


def args(**changes: Any) -> Any:
    return QueueConsumerArgs(
        **dict[str, Any](
            {
                "queue_arn": QUEUE,
                "function_name": "worker",
                "queue_visibility_timeout_seconds": 300,
                "function_timeout_seconds": 50,
            }
        )
        | changes
    )


class TestRegister:
    @pytest.mark.requirement("P2-08", "ROAD-121", "A-04")
    def test_only_failed_messages_come_back(self, register: Any) -> None:
        graph = register(lambda: QueueConsumer("consumer", args(maximum_concurrency=5)))
        assert graph.counts == {"EventSourceMapping": 1}
        assert graph.one("EventSourceMapping").inputs == {
            "eventSourceArn": QUEUE,
            "functionName": "worker",
            "batchSize": 10,
            "maximumBatchingWindowInSeconds": 0,
            "functionResponseTypes": ["ReportBatchItemFailures"],
            "scalingConfig": {"maximumConcurrency": 5},
        }


class TestArgs:
    @pytest.mark.requirement("A-04", "C-39")
    def test_equal_timings_are_refused_with_the_least_that_holds(self) -> None:
        with pytest.raises(ArgumentError, match=r"queue_visibility_timeout_seconds: must be at least 1800"):
            args(queue_visibility_timeout_seconds=300, function_timeout_seconds=300)
