"""Queues as SQS counts them, and dead letters that go back: none lost, however a redrive ends."""

import itertools
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount
from operations import queue
from operations.exit_codes import ExitCode
from operations.lock import ProcessIdentity
from operations.redrive import redrive
from operations.state import Credentials, Endpoints, EnvironmentState, StateFiles

if TYPE_CHECKING:
    from tests.operations.conftest import Command

NUMBERS = itertools.count(1)
RECEIVE_LIMIT = 3
NO_QUEUE = "http://127.0.0.1:9/123456789012/nothing"


@dataclass(frozen=True)
class Pair:
    """A work queue and its dead letters, in the emulator."""

    account: LocalAccount
    url: str
    dead_letter_url: str

    @property
    def sqs(self) -> Any:
        return self.account.client("sqs")

    @property
    def outputs(self) -> dict[str, str]:
        return {"thumbnail_queue_url": self.url, "thumbnail_dead_letter_queue_url": self.dead_letter_url}

    def send(self, *bodies: str, **more: Any) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **more)

    def receive_all(self, url: str, **more: Any) -> list[Any]:
        """Receives until nothing comes; what comes stays hidden."""
        got: list[Any] = []
        while batch := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **more).get("Messages"):
            got += batch
        return got

    def poison(self, *bodies: str, **more: Any) -> None:
        """Sends messages that no worker can do, and receives them until they are set aside."""
        self.send(*bodies, **more)
        # The receive after the last permitted one moves it.
        for _ in range(RECEIVE_LIMIT + 1):
            self._fail_all()
        assert self.count(self.dead_letter_url) == len(bodies)

    def _fail_all(self) -> None:
        for message in self.receive_all(self.url):
            self.sqs.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )

    def count(self, url: str) -> int:
        depth = queue.depth(self.account, url)
        return depth.visible + depth.in_flight

    def redrive(self, **more: Any) -> Any:
        return redrive(self.sqs, self.dead_letter_url, self.url, **more)

    def bodies(self) -> "Counter[str]":
        """What stands in both queues."""
        both = self.receive_all(self.url) + self.receive_all(self.dead_letter_url)
        return Counter(message["Body"] for message in both)


@pytest.fixture
def pair(account: LocalAccount) -> Pair:
    number, sqs = next(NUMBERS), account.client("sqs")
    dead = sqs.create_queue(QueueName=f"redrive-dlq-{number}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": {RECEIVE_LIMIT}}}'
    url = sqs.create_queue(QueueName=f"redrive-queue-{number}", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    return Pair(account, url, dead)


@pytest.mark.requirement("P2-25")
class TestDepth:
    def test_counts_are_those_of_sqs(self, pair: Pair) -> None:
        pair.send("a", "b", "c")
        pair.send("d", DelaySeconds=600)
        pair.sqs.receive_message(QueueUrl=pair.url)
        seen = queue.depth(pair.account, pair.url)
        assert (seen.visible, seen.in_flight, seen.delayed) == (2, 1, 1)
        assert seen.receive_limit == RECEIVE_LIMIT
        assert queue.depth(pair.account, pair.dead_letter_url).receive_limit is None

    def test_no_message_is_received_for_it(self, pair: Pair) -> None:
        pair.send("a")
        for _ in range(RECEIVE_LIMIT + 1):
            queue.depth(pair.account, pair.url)
        (message,) = pair.receive_all(pair.url, MessageSystemAttributeNames=["ApproximateReceiveCount"])
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"

    def test_age_is_not_known_without_a_figure(self, pair: Pair) -> None:
        pair.send("a")
        assert queue.depth(pair.account, pair.url).oldest_seconds is None

    def test_age_is_the_latest_figure_of_cloudwatch(self, pair: Pair) -> None:
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
        assert queue.depth(pair.account, pair.url).oldest_seconds == 77.0

    def test_pairs_are_found_by_the_names_of_the_outputs(self) -> None:
        outputs = {"b_queue_url": "b", "b_dead_letter_queue_url": "bd", "a_queue_url": "a", "api_url": "x"}
        assert queue.pairs(outputs) == [queue.QueuePair(thing="b", url="b", dead_letter_url="bd")]


@pytest.mark.requirement("P2-24")
class TestRedrive:
    def test_a_hundred_go_back_each_once_with_attributes(self, pair: Pair) -> None:
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

    def test_trace_header_goes_with_it(self, pair: Pair) -> None:
        trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
        system = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
        pair.poison("a", MessageSystemAttributes=system)
        pair.redrive()
        (message,) = pair.receive_all(pair.url, MessageSystemAttributeNames=["All"])
        assert message["Attributes"]["AWSTraceHeader"] == trace
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"

    def test_second_one_moves_nothing(self, pair: Pair) -> None:
        pair.poison("a", "b")
        pair.redrive()
        assert pair.redrive().moved == 0
        assert pair.bodies() == Counter(["a", "b"])

    def test_what_fails_again_meanwhile_is_not_moved_twice(self, pair: Pair) -> None:
        pair.poison("a", "b", "c")
        # As fast as it can be: each comes back as a dead letter before the next one is moved.
        done = pair.redrive(
            after_each=lambda _: pair.sqs.send_message(QueueUrl=pair.dead_letter_url, MessageBody="back")
        )
        assert (done.found, done.moved) == (3, 3)
        assert pair.count(pair.dead_letter_url) == 3

    @pytest.mark.parametrize("after", [1, 7, 10, 11])
    def test_interrupted_one_loses_and_doubles_nothing(self, pair: Pair, after: int) -> None:
        bodies = [f"message {number}" for number in range(15)]
        pair.poison(*bodies)
        with pytest.raises(KeyboardInterrupt):
            pair.redrive(after_each=interrupt_at(after))
        # What was received and not moved is there at once, for the next one.
        assert queue.depth(pair.account, pair.dead_letter_url).visible == 15 - after
        assert pair.redrive().moved == 15 - after
        assert pair.bodies() == Counter(bodies)

    def test_end_between_sending_and_deleting_loses_nothing(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        pair.poison("a", "b", "c")
        monkeypatch.setattr(pair.sqs, "delete_message", refusing("DeleteMessage"))
        done = pair.redrive()
        monkeypatch.undo()
        assert (done.found, done.moved) == (3, 0)
        assert "DeleteMessage" in done.problem
        assert pair.redrive().moved == 3
        # At least once: the one in between is there twice, the others once.
        assert sorted(pair.bodies().values()) == [1, 1, 2]

    def test_refused_sending_keeps_them_where_they_are(self, pair: Pair) -> None:
        pair.poison("a", "b")
        done = redrive(pair.sqs, pair.dead_letter_url, pair.url + "-gone")
        assert (done.found, done.moved) == (2, 0)
        assert "NonExistentQueue" in done.problem or "does not exist" in done.problem
        assert queue.depth(pair.account, pair.dead_letter_url).visible == 2

    def test_killed_process_loses_nothing(self, pair: Pair) -> None:
        bodies = [f"message {number}" for number in range(25)]
        pair.poison(*bodies)
        killed = subprocess.run(
            [sys.executable, "-c", KILLS_ITSELF, pair.account.endpoint, pair.dead_letter_url, pair.url],
            env=pair.account.environment(),
            check=False,
            timeout=60,
        )
        assert killed.returncode == -9
        moved = queue.depth(pair.account, pair.url).visible
        assert moved == 12
        # The rest of the batch that it held is hidden for its time, and counted; nothing is gone.
        assert pair.count(pair.dead_letter_url) == 13


KILLS_ITSELF = """
import os, signal, sys
import boto3
from operations.redrive import redrive

sqs = boto3.client("sqs", endpoint_url=sys.argv[1])
redrive(sqs, sys.argv[2], sys.argv[3], lambda moved: os.kill(os.getpid(), signal.SIGKILL) if moved == 12 else None)
"""


class TestCommand:
    """The verb, on a platform whose state names the emulator's queues."""

    def test_tables_and_figures(
        self, command: "Command", files: StateFiles, held_by: Callable[..., EnvironmentState], pair: Pair
    ) -> None:
        files.write(state_of(held_by, pair))
        pair.poison("a", "b")
        shown = command("queue")
        assert shown.code == ExitCode.OK
        assert [line.split() for line in shown.out.splitlines()[1:3]] == [
            [pair.url.rpartition("/")[2], "0", "0", "0", "not", "known", "3", "receives"],
            [pair.dead_letter_url.rpartition("/")[2], "2", "0", "0", "not", "known", "-"],
        ]
        assert shown.out.splitlines()[-1] == "next  platform queue --redrive"
        data = command("queue", "--json").data
        assert data["redrive"] is None
        (one,) = data["queues"]
        assert (one["thing"], one["dead_letters"]["visible"], one["work"]["oldest_seconds"]) == ("thumbnail", 2, None)

    def test_redrive_says_what_it_did_and_what_it_does_not(
        self, command: "Command", files: StateFiles, held_by: Callable[..., EnvironmentState], pair: Pair
    ) -> None:
        files.write(state_of(held_by, pair))
        pair.poison("a", "b")
        shown = command("queue", "--redrive")
        assert (shown.code, shown.err) == (ExitCode.OK, "")
        assert "thumbnail: 2 of 2 dead letters moved back\n" in shown.out
        assert queue.LIMITS in shown.out
        assert command("queue", "--redrive", "--json").data["redrive"] == {
            "thumbnail": {"found": 0, "moved": 0, "problem": ""}
        }

    def test_failed_redrive_is_a_failure(
        self, command: "Command", files: StateFiles, held_by: Callable[..., EnvironmentState], pair: Pair
    ) -> None:
        # A queue that takes no message this long refuses the first one that is moved.
        pair.poison("x" * 2_000)
        pair.sqs.set_queue_attributes(QueueUrl=pair.url, Attributes={"MaximumMessageSize": "1024"})
        files.write(state_of(held_by, pair))
        shown = command("queue", "--redrive")
        assert shown.code == ExitCode.FAILED
        assert "the redrive of thumbnail stopped, nothing is lost" in shown.err
        assert shown.err.endswith("  next: platform queue --redrive\n")
        assert pair.count(pair.dead_letter_url) == 1

    def test_account_that_does_not_answer(
        self, command: "Command", files: StateFiles, held_by: Callable[..., EnvironmentState]
    ) -> None:
        outputs = {"thumbnail_queue_url": NO_QUEUE, "thumbnail_dead_letter_queue_url": NO_QUEUE}
        files.write(held_by(ProcessIdentity.own(), outputs=outputs))
        answer = command("queue", "--json")
        assert answer.code == ExitCode.FAILED
        assert "do not answer at http://127.0.0.1:9" in answer.data["error"]["message"]
        assert answer.data["error"]["next"] == "platform status"


def state_of(held_by: Callable[..., EnvironmentState], pair: Pair) -> EnvironmentState:
    account, aws = pair.account, pair.account.endpoint
    return held_by(
        ProcessIdentity.own(),
        outputs=pair.outputs,
        endpoints=Endpoints(api=aws, docs=aws, aws=aws, s3=aws),
        credentials=Credentials(
            region=account.region,
            access_key_id=account.access_key_id,
            secret_access_key=account.secret_access_key,
        ),
    )


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
