import json
from typing import Any

import pytest

from components.naming import Naming
from components.work_queue import WorkQueue, WorkQueueArgs

NAMING = Naming("episode-metadata", "dev")
BUCKET = "arn:aws:s3:::episode-metadata-storage-dev"


def args(**changes: Any) -> Any:
    return WorkQueueArgs(
        **dict[str, Any]({"naming": NAMING, "resource_name": "thumbnail", "visibility_timeout_seconds": 300}) | changes
    )


COUNTS = {"Queue": 2, "QueuePolicy": 2, "RedriveAllowPolicy": 1}


class TestRegister:
    @pytest.mark.requirement("P2-05", "P2-06", "ROAD-41", "ROAD-42")
    def test_both_queues_are_as_documented_and_linked(self, register: Any) -> None:
        graph = register(lambda: WorkQueue("work", args()))
        assert graph.counts == COUNTS
        queue = dict(graph.named("work-queue").inputs)
        redrive = json.loads(queue.pop("redrivePolicy"))
        assert queue == {
            "name": "episode-metadata-thumbnail-queue-dev",
            "visibilityTimeoutSeconds": 300,
            "messageRetentionSeconds": 1_209_600,
            "receiveWaitTimeSeconds": 20,
            "sqsManagedSseEnabled": True,
        }
        assert graph.named("work-dead-letters").inputs == {
            "name": "episode-metadata-thumbnail-dlq-dev",
            "messageRetentionSeconds": 1_209_600,
            "sqsManagedSseEnabled": True,
        }
        allowed = json.loads(graph.one("RedriveAllowPolicy").inputs["redriveAllowPolicy"])
        (statement,) = graph.statements("work-policy").values()
        (dead_letter_statement,) = graph.statements("work-dead-letter-policy").values()
        assert redrive == {"deadLetterTargetArn": dead_letter_statement["Resource"][0], "maxReceiveCount": 3}
        assert allowed == {"redrivePermission": "byQueue", "sourceQueueArns": statement["Resource"]}

    def test_plain_transport_is_refused_by_both(self, register: Any) -> None:
        graph = register(lambda: WorkQueue("work", args()))
        for policy in ("work-policy", "work-dead-letter-policy"):
            statements = graph.statements(policy)
            assert statements.keys() == {"RefusePlainTransport"}
            statement = statements["RefusePlainTransport"]
            assert (statement["Effect"], statement["Action"]) == ("Deny", ["sqs:*"])
            assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    @pytest.mark.requirement("P2-09")
    def test_one_bucket_may_send(self, register: Any) -> None:
        statements = register(lambda: WorkQueue("work", args(source_bucket_arn=BUCKET))).statements("work-policy")
        assert statements["AcceptBucketEvents"]["Principal"] == {"Service": "s3.amazonaws.com"}
        assert statements["AcceptBucketEvents"]["Condition"] == {
            "ArnEquals": {"aws:SourceArn": BUCKET},
            "StringEquals": {"aws:SourceAccount": "123456789012"},
        }
