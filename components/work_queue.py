"""An SQS queue with a dead-letter queue, to which repeatedly failed messages move: encrypted, TLS only."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import check, check_range
from components.naming import Naming

FOURTEEN_DAYS = 14 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class WorkQueueArgs:
    """A queue. Its visibility timeout depends on its consumer's timeout; `QueueConsumerArgs` validates the two."""

    naming: Naming
    resource_name: str
    """`thumbnail` names the queues `thumbnail-queue` and `thumbnail-dlq`."""
    visibility_timeout_seconds: int
    """How long a received message is hidden from other consumers."""
    retention_seconds: int = FOURTEEN_DAYS
    dead_letter_retention_seconds: int = FOURTEEN_DAYS
    max_receive_count: int = 3
    """The number of receives after which a message moves to the dead-letter queue."""
    source_bucket_arn: pulumi.Input[str] | None = None
    """The only bucket that may send notifications."""

    def __post_init__(self) -> None:
        check(self, "resource_name", bool(self.resource_name), "must not be empty")
        check_range(self, "visibility_timeout_seconds", 1, 43_200)
        check_range(self, "retention_seconds", 60, FOURTEEN_DAYS)
        check_range(self, "dead_letter_retention_seconds", 60, FOURTEEN_DAYS)
        check_range(self, "max_receive_count", 1, 1_000)
        # A moved message keeps its timestamp: with a shorter retention it could expire as it arrives.
        check(
            self,
            "dead_letter_retention_seconds",
            self.dead_letter_retention_seconds >= self.retention_seconds,
            f"must be at least retention_seconds ({self.retention_seconds}), not {self.dead_letter_retention_seconds}",
        )
        check(
            self,
            "visibility_timeout_seconds",
            self.visibility_timeout_seconds < self.retention_seconds,
            f"must be below retention_seconds ({self.retention_seconds}), not {self.visibility_timeout_seconds}",
        )


class WorkQueue(pulumi.ComponentResource):
    """Both queues with their policies, and the redrive configuration between them."""

    url: pulumi.Output[str]
    arn: pulumi.Output[str]
    dead_letter_url: pulumi.Output[str]
    dead_letter_arn: pulumi.Output[str]
    policy: aws.sqs.QueuePolicy
    """Senders that this policy allows must depend on it."""

    def __init__(self, name: str, args: WorkQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:WorkQueue", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_dead_letter_queue()
        self._create_queue()
        self._create_policies()

        self.url, self.arn = self._queue.url, self._queue.arn
        self.dead_letter_url, self.dead_letter_arn = self._dead_letter_queue.url, self._dead_letter_queue.arn
        self.register_outputs({"url": self.url, "dead_letter_url": self.dead_letter_url})

    def _create_dead_letter_queue(self) -> None:
        self._dead_letter_queue = aws.sqs.Queue(
            f"{self._name}-dead-letters",
            name=self._args.naming.physical(f"{self._args.resource_name}-dlq"),
            message_retention_seconds=self._args.dead_letter_retention_seconds,
            sqs_managed_sse_enabled=True,
            opts=self._child,
        )

    def _create_queue(self) -> None:
        args = self._args
        self._queue = aws.sqs.Queue(
            f"{self._name}-queue",
            name=args.naming.physical(f"{args.resource_name}-queue"),
            visibility_timeout_seconds=args.visibility_timeout_seconds,
            message_retention_seconds=args.retention_seconds,
            # Long polling: an empty queue costs three requests a minute instead of thousands.
            receive_wait_time_seconds=20,
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": self._dead_letter_queue.arn, "maxReceiveCount": args.max_receive_count}
            ),
            sqs_managed_sse_enabled=True,
            opts=self._child,
        )
        aws.sqs.RedriveAllowPolicy(
            f"{self._name}-redrive-allow",
            queue_url=self._dead_letter_queue.url,
            redrive_allow_policy=pulumi.Output.json_dumps(
                {"redrivePermission": "byQueue", "sourceQueueArns": [self._queue.arn]}
            ),
            opts=self._child,
        )

    def _create_policies(self) -> None:
        arn, bucket = self._queue.arn, self._args.source_bucket_arn
        statements = [policies.require_secure_transport(arn)]
        if bucket is not None:
            statements.append(policies.allow_bucket_notifications(arn, bucket, policies.account_id_of(arn)))
        self.policy = aws.sqs.QueuePolicy(
            f"{self._name}-policy",
            queue_url=self._queue.url,
            policy=pulumi.Output.json_dumps(policies.document(*statements)),
            opts=self._child,
        )
        aws.sqs.QueuePolicy(
            f"{self._name}-dead-letter-policy",
            queue_url=self._dead_letter_queue.url,
            policy=pulumi.Output.json_dumps(
                policies.document(policies.require_secure_transport(self._dead_letter_queue.arn))
            ),
            opts=self._child,
        )
