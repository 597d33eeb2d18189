"""An event source mapping from a queue to a function, with timeouts that rule out concurrent processing of a message."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import check, check_range
from components.choices import VISIBILITY_TIMEOUT_FACTOR, min_visibility_timeout_seconds


@dataclass(frozen=True, kw_only=True)
class QueueConsumerArgs:
    """A mapping. Both timeouts are repeated here, because only their combination can be wrong."""

    queue_arn: pulumi.Input[str]
    function_name: pulumi.Input[str]
    """The name or the ARN; an alias needs its ARN."""
    queue_visibility_timeout_seconds: int
    function_timeout_seconds: int
    batch_size: int = 10
    batching_window_seconds: int = 0
    maximum_concurrency: int = 2
    """The maximum number of concurrent batches; AWS accepts no less than 2."""

    def __post_init__(self) -> None:
        check_range(self, "queue_visibility_timeout_seconds", 1, 43_200)
        check_range(self, "function_timeout_seconds", 1, 900)
        check_range(self, "batch_size", 1, 10_000)
        check_range(self, "batching_window_seconds", 0, 300)
        check_range(self, "maximum_concurrency", 2, 1_000)
        gathers = self.batch_size <= 10 or self.batching_window_seconds >= 1
        check(self, "batching_window_seconds", gathers, f"must be at least 1 for batches of {self.batch_size}")
        least = min_visibility_timeout_seconds(self.function_timeout_seconds, self.batching_window_seconds)
        check(
            self,
            "queue_visibility_timeout_seconds",
            self.queue_visibility_timeout_seconds >= least,
            f"must be at least {least} ({VISIBILITY_TIMEOUT_FACTOR} times function_timeout_seconds, plus the batching window), "
            f"not {self.queue_visibility_timeout_seconds}",
        )


class QueueConsumer(pulumi.ComponentResource):
    """The event source mapping. The function reports which messages failed; only those are retried."""

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
