"""`platform queue`: message counts of the emulator's queues, and the command's output."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from operations.queues import show_queues
from operations.state.files import Credentials, Endpoints, EnvironmentState, StateFiles
from operations.state.lock import ProcessIdentity
from operations.terminal.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.operations.conftest import Command
    from tests.operations.queues.conftest import Pair

RECEIVE_LIMIT = 3
UNREACHABLE_QUEUE = "http://127.0.0.1:9/123456789012/nothing"


@pytest.mark.requirement("P2-25")
class TestDepth:
    def test_counts_are_those_of_sqs(self, pair: "Pair") -> None:
        pair.send("a", "b", "c")
        pair.send("d", DelaySeconds=600)
        pair.sqs.receive_message(QueueUrl=pair.url)
        depth = show_queues.read_depth(pair.account, pair.url)
        assert (depth.visible, depth.in_flight, depth.delayed) == (2, 1, 1)
        assert depth.receive_limit == RECEIVE_LIMIT
        assert show_queues.read_depth(pair.account, pair.dead_letter_url).receive_limit is None

    def test_reading_the_depth_receives_no_message(self, pair: "Pair") -> None:
        pair.send("a")
        for _ in range(RECEIVE_LIMIT + 1):
            show_queues.read_depth(pair.account, pair.url)
        (message,) = pair.receive_all(pair.url, MessageSystemAttributeNames=["ApproximateReceiveCount"])
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"

    def test_age_is_none_without_a_metric(self, pair: "Pair") -> None:
        pair.send("a")
        assert show_queues.read_depth(pair.account, pair.url).oldest_seconds is None

    def test_age_is_the_latest_metric(self, pair: "Pair") -> None:
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
        assert show_queues.read_depth(pair.account, pair.url).oldest_seconds == 77.0

    def test_queues_are_found_by_output_names(self) -> None:
        outputs = {"b_queue_url": "b", "b_dead_letter_queue_url": "bd", "a_queue_url": "a", "api_url": "x"}
        assert show_queues.queue_pairs(outputs) == [
            show_queues.QueuePair(queue_name="b", url="b", dead_letter_url="bd")
        ]


class TestCommand:
    def test_output_has_the_counts(
        self, command: "Command", files: StateFiles, held_by: Callable[..., EnvironmentState], pair: "Pair"
    ) -> None:
        files.write(state_of(held_by, pair))
        pair.poison("a", "b")
        result = command("queue")
        assert result.code == ExitCode.OK
        assert [line.split() for line in result.out.splitlines()[1:3]] == [
            [pair.url.rpartition("/")[2], "0", "0", "0", "unknown", "3", "receives"],
            [pair.dead_letter_url.rpartition("/")[2], "2", "0", "0", "unknown", "-"],
        ]
        assert result.out.splitlines()[-1] == "next  platform queue --redrive"
        data = command("queue", "--json").data
        assert data["redrive"] is None
        (queue,) = data["queues"]
        assert (queue["thing"], queue["dead_letters"]["visible"], queue["work"]["oldest_seconds"]) == (
            "thumbnail",
            2,
            None,
        )

    def test_redrive_shows_its_result(
        self, command: "Command", files: StateFiles, held_by: Callable[..., EnvironmentState], pair: "Pair"
    ) -> None:
        files.write(state_of(held_by, pair))
        pair.poison("a", "b")
        result = command("queue", "--redrive")
        assert (result.code, result.err) == (ExitCode.OK, "")
        assert "thumbnail: 2 of 2 dead letters moved back\n" in result.out
        assert show_queues.REDRIVE_NOTE in result.out
        assert command("queue", "--redrive", "--json").data["redrive"] == {
            "thumbnail": {"found": 0, "moved": 0, "problem": ""}
        }

    def test_failed_redrive_exits_with_failure(
        self, command: "Command", files: StateFiles, held_by: Callable[..., EnvironmentState], pair: "Pair"
    ) -> None:
        # The message exceeds the queue's limit, so moving it fails.
        pair.poison("x" * 2_000)
        pair.sqs.set_queue_attributes(QueueUrl=pair.url, Attributes={"MaximumMessageSize": "1024"})
        files.write(state_of(held_by, pair))
        result = command("queue", "--redrive")
        assert result.code == ExitCode.FAILED
        assert "the redrive of thumbnail stopped without losing messages" in result.err
        assert result.err.endswith("  next: platform queue --redrive\n")
        assert pair.count(pair.dead_letter_url) == 1

    def test_unreachable_account_is_an_error(
        self, command: "Command", files: StateFiles, held_by: Callable[..., EnvironmentState]
    ) -> None:
        outputs = {"thumbnail_queue_url": UNREACHABLE_QUEUE, "thumbnail_dead_letter_queue_url": UNREACHABLE_QUEUE}
        files.write(held_by(ProcessIdentity.current(), outputs=outputs))
        result = command("queue", "--json")
        assert result.code == ExitCode.FAILED
        assert "at http://127.0.0.1:9 failed" in result.data["error"]["message"]
        assert result.data["error"]["next"] == "platform status"


def state_of(held_by: Callable[..., EnvironmentState], pair: "Pair") -> EnvironmentState:
    account, aws = pair.account, pair.account.endpoint
    return held_by(
        ProcessIdentity.current(),
        outputs=pair.outputs,
        endpoints=Endpoints(api=aws, docs=aws, aws=aws, s3=aws),
        credentials=Credentials(
            region=account.region,
            access_key_id=account.access_key_id,
            secret_access_key=account.secret_access_key,
        ),
    )
