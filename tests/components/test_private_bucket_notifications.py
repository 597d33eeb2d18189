from typing import Any

import pulumi
import pytest

from components.private_bucket import PrivateBucket
from tests.components.examples.private_bucket import PLAIN, args


class TestNotifyQueue:
    @pytest.mark.requirement("P2-07", "C-33")
    def test_events_go_to_the_queue_once_its_policy_stands(self, register: Any) -> None:
        def make() -> None:
            policy = pulumi.ComponentResource("test:index:Policy", "policy")
            PrivateBucket("b", args()).notify_queue("arn:aws:sqs:::q", prefix="raw/", queue_policy=policy)

        graph = register(make)
        assert graph.counts == PLAIN | {"BucketNotification": 1}
        assert graph.one("BucketNotification").inputs["queues"] == [
            {
                "id": "objects-created",
                "queueArn": "arn:aws:sqs:::q",
                "events": ["s3:ObjectCreated:*"],
                "filterPrefix": "raw/",
            }
        ]

    def test_second_notification_is_refused(self, register: Any) -> None:
        def make() -> None:
            policy = pulumi.ComponentResource("test:index:Policy", "policy")
            bucket = PrivateBucket("b", args())
            bucket.notify_queue("arn:aws:sqs:::q", prefix="raw/", queue_policy=policy)
            with pytest.raises(ValueError, match="already has a notification"):
                bucket.notify_queue("arn:aws:sqs:::r", prefix="other/", queue_policy=policy)

        register(make)
