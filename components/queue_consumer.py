"""Feeds a queue's messages to a function, with timings under which no message is worked on twice at the same time."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import check, check_range
from components.choices import VISIBILITY_PER_TIMEOUT, min_visibility_timeout_seconds


@dataclass(frozen=True, kw_only=True)
class QueueConsumerArgs:
    """A mapping. The two timings are those of the queue and the function, repeated here because only the pair can be wrong."""

    queue_arn: pulumi.Input[str]
    function_name: pulumi.Input[str]
    """Or its ARN, which is the way to name an alias."""
    queue_visibility_seconds: int
    function_timeout_seconds: int
    batch_size: int = 10
    batching_window_seconds: int = 0
    maximum_concurrency: int = 2
    """The most batches at once; AWS takes no less than 2."""

    def __post_init__(self) -> None:
        check_range(self, "queue_visibility_seconds", 1, 43_200)
        check_range(self, "function_timeout_seconds", 1, 900)
        check_range(self, "batch_size", 1, 10_000)
        check_range(self, "batching_window_seconds", 0, 300)
        check_range(self, "maximum_concurrency", 2, 1_000)
        gathers = self.batch_size <= 10 or self.batching_window_seconds >= 1
        check(self, "batching_window_seconds", gathers, f"must be at least 1 for batches of {self.batch_size}")
        least = min_visibility_timeout_seconds(self.function_timeout_seconds, self.batching_window_seconds)
        check(
            self,
            "queue_visibility_seconds",
            self.queue_visibility_seconds >= least,
            f"must be at least {least} ({VISIBILITY_PER_TIMEOUT} times function_timeout_seconds, plus the batching window), "
            f"not {self.queue_visibility_seconds}",
        )


class QueueConsumer(pulumi.ComponentResource):
    """The event source mapping. The function answers which messages failed; only those come back."""

    def __init__(self, name: str, args: QueueConsumerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:QueueConsumer", name, {}, opts)
        aws.lambda_.EventSourceMapping(
            f"{name}-mapping",
            event_source_arn=args.queue_arn,
            function_name=args.function_name,
            batch_size=args.batch_size,
            maximum_batching_window_in_seconds=args.batching_window_seconds,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(
                maximum_concurrency=args.maximum_concurrency
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
