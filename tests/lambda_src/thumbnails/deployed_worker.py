"""The worker as it is deployed: a queue with its dead-letter queue, the poller, and functions in separate processes.

A ledger in the database records each effect, so that a duplicate is detected even if the resulting rows are the same.
"""

import itertools
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pulumi

from local.account import LocalAccount
from local.compute.event_sources.event_sources import EventSources
from local.compute.lambda_.functions import Functions
from local.provider.protocol import Registration
from local.supervisor import Supervisor
from operations.queues.redrive import redrive
from operations.release.local_bundles import LocalBundles

RECEIVES = 3
TIMEOUT_SECONDS = 110
NUMBERS = itertools.count(1)

LEDGER = """
CREATE TABLE ledger (job_id uuid NOT NULL, effect text NOT NULL);
CREATE FUNCTION enter() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.ledger VALUES (NEW.job_id, TG_ARGV[0]);
    RETURN NULL;
END;
$$;
CREATE TRIGGER enter AFTER INSERT OR UPDATE ON thumbnails FOR EACH ROW EXECUTE FUNCTION enter('thumbnail');
CREATE TRIGGER enter AFTER UPDATE ON processing_queue FOR EACH ROW
    WHEN (NEW.status = 'completed' AND OLD.status <> 'completed') EXECUTE FUNCTION enter('completion');
"""


@dataclass
class DeployedWorker:
    """A queue and its worker. `visibility_seconds` is also the function's timeout; a job's lease is half of it."""

    bench: Any
    account: LocalAccount
    supervisor: Supervisor
    bundles: LocalBundles
    visibility_seconds: int = 6
    name: str = field(default_factory=lambda: f"deployed-{secrets.token_hex(4)}")

    def __post_init__(self) -> None:
        self.sqs = self.account.client("sqs")
        self.functions = Functions(self.account, self.supervisor, self.bundles.cache)
        self.mappings = EventSources(self.account, self.functions)
        self.dead_letter_url, arn = self._queue(f"{self.name}-dlq", {})
        policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": {RECEIVES}}}'
        self.url, self.arn = self._queue(
            self.name, {"RedrivePolicy": policy, "VisibilityTimeout": str(self.visibility_seconds)}
        )
        self.bench.rows(LEDGER)

    def _queue(self, name: str, attributes: dict[str, str]) -> tuple[str, str]:
        url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, found["Attributes"]["QueueArn"]

    def start(self, *, batch_size: int, concurrency: int = 4) -> None:
        """Register the function and its event source mapping, which starts the processing."""
        variables = {name: value for name, value in self.bench.environment.items() if name.startswith("PLATFORM_")}
        variables["PLATFORM_JOB_LEASE_SECONDS"] = str(self.visibility_seconds // 2)
        self.functions.register(
            self._registration(
                "aws:lambda/function:Function",
                handler="lambda_src.thumbnails.handler.handler",
                runtime="python3.13",
                code=pulumi.FileArchive(str(self.bundles.folder / "thumbnails.zip")),
                timeout=self.visibility_seconds,
                memorySize=1024,
                reservedConcurrentExecutions=concurrency,
                environment={"variables": variables},
            )
        )
        self.mappings.start(
            self._registration(
                "aws:lambda/eventSourceMapping:EventSourceMapping",
                eventSourceArn=self.arn,
                functionName=self.name,
                batchSize=batch_size,
                functionResponseTypes=["ReportBatchItemFailures"],
            )
        )

    def _registration(self, kind: str, **inputs: Any) -> Registration:
        outputs = {"name": self.name, "arn": f"arn:aws:lambda:us-east-1:123456789012:function:{self.name}"}
        return Registration(
            urn=f"urn:pulumi:test::test::{kind}::{self.name}",
            type=kind,
            name=self.name,
            id=self.name,
            inputs=inputs,
            outputs=outputs,
        )

    def close(self) -> None:
        self.mappings.close()
        self.functions.close()

    def send(self, bodies: Sequence[str], url: str | None = None) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=url or self.url, MessageBody=body)

    def workers(self) -> list[int]:
        """Return the ids of the processes that run the function."""
        mine = f"function-{self.name}-"
        running = self.supervisor.processes()
        return [one.pid for one in running if one.name.startswith(mine) and one.state == "running"]

    def count(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(value) for value in attributes.values())

    def completed(self) -> int:
        return int(self.bench.row("SELECT count(*) FROM ledger WHERE effect = 'completion'")["count"])

    def statuses(self) -> "Counter[str]":
        rows = self.bench.rows("SELECT status, count(*) FROM processing_queue GROUP BY status")
        return Counter({row["status"]: row["count"] for row in rows})

    def wait_for(self, condition: Callable[[], Any], seconds: float = TIMEOUT_SECONDS) -> Any:
        deadline = time.monotonic() + seconds
        while not (answer := condition()):
            assert time.monotonic() < deadline, (
                self.statuses(),
                self.count(self.url),
                self.count(self.dead_letter_url),
            )
            time.sleep(0.05)
        return answer

    def finish(self, seconds: float = TIMEOUT_SECONDS) -> int:
        """Wait until both queues are empty, redriving dead letters; return the number of redriven messages."""
        moved = 0

        def is_empty() -> bool:
            nonlocal moved
            if self.count(self.url):
                return False
            moved += redrive(self.sqs, self.dead_letter_url, self.url).moved
            return not self.count(self.url) + self.count(self.dead_letter_url)

        self.wait_for(is_empty, seconds)
        return moved

    def assert_each_effect_once(self, job_ids: Sequence[UUID], *, variants: int = 3) -> None:
        rows = self.bench.rows("SELECT job_id, effect, count(*) FROM ledger GROUP BY job_id, effect")
        entered = {(row["job_id"], row["effect"]): row["count"] for row in rows}
        expected = {(job_id, "completion"): 1 for job_id in job_ids}
        expected |= {(job_id, "thumbnail"): variants for job_id in job_ids}
        assert entered == expected
        statuses = self.bench.rows("SELECT DISTINCT status FROM processing_queue WHERE job_id = ANY(%s)", list(job_ids))
        assert [row["status"] for row in statuses] == ["completed"]


def seeded_random() -> random.Random:
    """Return a generator with a new seed, which is printed so that a failure can be reproduced."""
    seed = random.SystemRandom().randrange(1_000_000)
    print("seed", seed)
    return random.Random(seed)
