"""Queues as SQS counts them, and dead letters that go back: none lost, however a redrive ends."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from operations.queues import show_queues
from operations.queues.redrive import redrive

if TYPE_CHECKING:
    from tests.operations.conftest import Pair

RECEIVE_LIMIT = 3


@pytest.mark.requirement("P2-25")
class TestDepth:
    def test_counts_are_those_of_sqs(self, pair: "Pair") -> None:
        pair.send("a", "b", "c")
        pair.send("d", DelaySeconds=600)
        pair.sqs.receive_message(QueueUrl=pair.url)
        seen = show_queues.depth(pair.account, pair.url)
        assert (seen.visible, seen.in_flight, seen.delayed) == (2, 1, 1)
        assert seen.receive_limit == RECEIVE_LIMIT
        assert show_queues.depth(pair.account, pair.dead_letter_url).receive_limit is None

    def test_no_message_is_received_for_it(self, pair: "Pair") -> None:
        pair.send("a")
        for _ in range(RECEIVE_LIMIT + 1):
            show_queues.depth(pair.account, pair.url)
        (message,) = pair.receive_all(pair.url, MessageSystemAttributeNames=["ApproximateReceiveCount"])
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"

    def test_age_is_not_known_without_a_figure(self, pair: "Pair") -> None:
        pair.send("a")
        assert show_queues.depth(pair.account, pair.url).oldest_seconds is None

    def test_age_is_the_latest_figure_of_cloudwatch(self, pair: "Pair") -> None:
        name = pair.url.rpartition("/")[2]
        pair.account.client("cloudwatch").put_metric_data(
            Namespace="AWS/SQS",
            MetricData=[
                {
                    "MetricName": "ApproximateAgeOfOldestMessage",
                    "Dimensions": [{"Name": "QueueName", "Value": name}],
                    "Value": 77.0,
                    "Timestamp": datetime.now(UTC),
                }
            ],
        )
        assert show_queues.depth(pair.account, pair.url).oldest_seconds == 77.0

    def test_pairs_are_found_by_the_names_of_the_outputs(self) -> None:
        outputs = {"b_queue_url": "b", "b_dead_letter_queue_url": "bd", "a_queue_url": "a", "api_url": "x"}
        assert show_queues.pairs(outputs) == [show_queues.QueuePair(thing="b", url="b", dead_letter_url="bd")]


@pytest.mark.requirement("P2-24")
class TestRedrive:
    def test_a_hundred_go_back_each_once_with_attributes(self, pair: "Pair") -> None:
        bodies = [f"message {number}" for number in range(100)]
        pair.poison(
            *bodies,
            MessageAttributes={
                "kind": {"DataType": "String", "StringValue": "thumbnail"},
                "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
            },
        )
        done = pair.redrive()
        assert (done.found, done.moved, done.problem) == (100, 100, "")
        assert pair.count(pair.dead_letter_url) == 0
        back = pair.receive_all(pair.url, MessageAttributeNames=["All"])
        assert Counter(message["Body"] for message in back) == Counter(bodies)
        for message in back:
            assert message["MessageAttributes"]["kind"]["StringValue"] == "thumbnail"
            assert message["MessageAttributes"]["raw"]["BinaryValue"] == b"\x00\xff"

    def test_trace_header_goes_with_it(self, pair: "Pair") -> None:
        trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
        system = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
        pair.poison("a", MessageSystemAttributes=system)
        pair.redrive()
        (message,) = pair.receive_all(pair.url, MessageSystemAttributeNames=["All"])
        assert message["Attributes"]["AWSTraceHeader"] == trace
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"

    def test_second_one_moves_nothing(self, pair: "Pair") -> None:
        pair.poison("a", "b")
        pair.redrive()
        assert pair.redrive().moved == 0
        assert pair.bodies() == Counter(["a", "b"])

    def test_what_fails_again_meanwhile_is_not_moved_twice(self, pair: "Pair") -> None:
        pair.poison("a", "b", "c")
        # As fast as it can be: each comes back as a dead letter before the next one is moved.
        done = pair.redrive(
            after_each=lambda _: pair.sqs.send_message(QueueUrl=pair.dead_letter_url, MessageBody="back")
        )
        assert (done.found, done.moved) == (3, 3)
        assert pair.count(pair.dead_letter_url) == 3

    @pytest.mark.parametrize("after", [1, 7, 10, 11])
    def test_interrupted_one_loses_and_doubles_nothing(self, pair: "Pair", after: int) -> None:
        bodies = [f"message {number}" for number in range(15)]
        pair.poison(*bodies)
        with pytest.raises(KeyboardInterrupt):
            pair.redrive(after_each=interrupt_at(after))
        # What was received and not moved is there at once, for the next one.
        assert show_queues.depth(pair.account, pair.dead_letter_url).visible == 15 - after
        assert pair.redrive().moved == 15 - after
        assert pair.bodies() == Counter(bodies)

    def test_end_between_sending_and_deleting_loses_nothing(
        self, pair: "Pair", monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pair.poison("a", "b", "c")
        monkeypatch.setattr(pair.sqs, "delete_message", refusing("DeleteMessage"))
        done = pair.redrive()
        monkeypatch.undo()
        assert (done.found, done.moved) == (3, 0)
        assert "DeleteMessage" in done.problem
        assert pair.redrive().moved == 3
        # At least once: the one in between is there twice, the others once.
        assert sorted(pair.bodies().values()) == [1, 1, 2]

    def test_refused_sending_keeps_them_where_they_are(self, pair: "Pair") -> None:
        pair.poison("a", "b")
        done = redrive(pair.sqs, pair.dead_letter_url, pair.url + "-gone")
        assert (done.found, done.moved) == (2, 0)
        assert "NonExistentQueue" in done.problem or "does not exist" in done.problem
        assert show_queues.depth(pair.account, pair.dead_letter_url).visible == 2

    def test_killed_process_loses_nothing(self, pair: "Pair") -> None:
        bodies = [f"message {number}" for number in range(25)]
        pair.poison(*bodies)
        killed = subprocess.run(
            [sys.executable, "-c", KILLS_ITSELF, pair.account.endpoint, pair.dead_letter_url, pair.url],
            env=pair.account.environment(),
            check=False,
            timeout=60,
        )
        assert killed.returncode == -9
        moved = show_queues.depth(pair.account, pair.url).visible
        assert moved == 12
        # The rest of the batch that it held is hidden for its time, and counted; nothing is gone.
        assert pair.count(pair.dead_letter_url) == 13


KILLS_ITSELF = """
import os, signal, sys
import boto3
from operations.queues.redrive import redrive

sqs = boto3.client("sqs", endpoint_url=sys.argv[1])
redrive(sqs, sys.argv[2], sys.argv[3], lambda moved: os.kill(os.getpid(), signal.SIGKILL) if moved == 12 else None)
"""


def interrupt_at(number: int) -> Callable[[int], None]:
    """A Ctrl-C after so many messages."""

    def after_each(moved: int) -> None:
        if moved == number:
            raise KeyboardInterrupt

    return after_each


def refusing(operation: str) -> Callable[..., None]:
    """An operation that AWS refuses."""

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "try later"}}, operation)

    return refuse
