import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.arguments import ArgumentError
from components.choices import min_visibility_timeout_seconds
from components.queue_consumer import QueueConsumer, QueueConsumerArgs

QUEUE = "arn:aws:sqs:us-east-1:123456789012:queue"


def args(**changes):
    return QueueConsumerArgs(
        **{
            "queue_arn": QUEUE,
            "function_name": "worker",
            "queue_visibility_timeout_seconds": 300,
            "function_timeout_seconds": 50,
        }
        | changes
    )


class TestRegister:
    @pytest.mark.requirement("P2-08", "ROAD-121", "A-04")
    def test_only_failed_messages_come_back(self, register):
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
    def test_equal_timings_are_refused_with_the_least_that_holds(self):
        with pytest.raises(ArgumentError, match=r"queue_visibility_timeout_seconds: must be at least 1800"):
            args(queue_visibility_timeout_seconds=300, function_timeout_seconds=300)

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("queue_visibility_timeout_seconds", {"queue_visibility_timeout_seconds": 43_201}),
            ("queue_visibility_timeout_seconds", {"batch_size": 20, "batching_window_seconds": 1}),
            ("function_timeout_seconds", {"function_timeout_seconds": 901}),
            ("batch_size", {"batch_size": 0}),
            ("batching_window_seconds", {"batching_window_seconds": 301}),
            ("batching_window_seconds", {"batch_size": 11}),
            ("maximum_concurrency", {"maximum_concurrency": 1}),
        ],
    )
    def test_impossible_value_is_refused_by_field(self, field, changes):
        with pytest.raises(ArgumentError, match=rf"QueueConsumerArgs\.{field}: must"):
            args(**changes)

    @given(
        timeout=st.integers(1, 900),
        window=st.integers(0, 300),
        spare=st.integers(0, 1000),
        batch=st.integers(1, 10),
        concurrency=st.integers(2, 1000),
    )
    def test_every_visibility_from_the_least_on_registers(
        self, register, *, timeout, window, spare, batch, concurrency
    ):
        chosen = args(
            queue_visibility_timeout_seconds=6 * timeout + window + spare,
            function_timeout_seconds=timeout,
            batching_window_seconds=window,
            batch_size=batch,
            maximum_concurrency=concurrency,
        )
        mapping = register(lambda: QueueConsumer("consumer", chosen)).one("EventSourceMapping").inputs
        assert mapping["functionResponseTypes"] == ["ReportBatchItemFailures"]

    @given(timeout=st.integers(1, 900), window=st.integers(0, 300), short=st.integers(1, 6))
    def test_every_visibility_below_is_refused(self, timeout, window, short):
        with pytest.raises(ArgumentError, match="queue_visibility_timeout_seconds"):
            args(
                queue_visibility_timeout_seconds=min_visibility_timeout_seconds(timeout, window) - short,
                function_timeout_seconds=timeout,
                batching_window_seconds=window,
            )
