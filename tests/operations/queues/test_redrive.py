"""Redrive of dead letters: none is lost, however it ends."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from operations.queues import show_queues
from operations.queues.redrive import redrive

if TYPE_CHECKING:
    from tests.operations.queues.conftest import Pair


@pytest.mark.requirement("P2-24")
class TestRedrive:
    def test_messages_are_moved_once_with_their_attributes(self, pair: "Pair") -> None:
        bodies = [f"message {number}" for number in range(100)]
        pair.poison(
            *bodies,
            MessageAttributes={
                "kind": {"DataType": "String", "StringValue": "thumbnail"},
                "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
            },
        )
        result = pair.redrive()
        assert (result.found, result.moved, result.problem) == (100, 100, "")
        assert pair.count(pair.dead_letter_url) == 0
        moved_messages = pair.receive_all(pair.url, MessageAttributeNames=["All"])
        assert Counter(message["Body"] for message in moved_messages) == Counter(bodies)
        for message in moved_messages:
            assert message["MessageAttributes"]["kind"]["StringValue"] == "thumbnail"
            assert message["MessageAttributes"]["raw"]["BinaryValue"] == b"\x00\xff"

    def test_trace_header_is_preserved(self, pair: "Pair") -> None:
        trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
        system = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
        pair.poison("a", MessageSystemAttributes=system)
        pair.redrive()
        (message,) = pair.receive_all(pair.url, MessageSystemAttributeNames=["All"])
        assert message["Attributes"]["AWSTraceHeader"] == trace
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"

    def test_second_redrive_moves_nothing(self, pair: "Pair") -> None:
        pair.poison("a", "b")
        pair.redrive()
        assert pair.redrive().moved == 0
        assert pair.bodies() == Counter(["a", "b"])

    def test_messages_that_fail_meanwhile_are_not_moved_again(self, pair: "Pair") -> None:
        pair.poison("a", "b", "c")
        # Each message returns as a dead letter before the next one is moved.
        result = pair.redrive(
            on_moved=lambda _: pair.sqs.send_message(QueueUrl=pair.dead_letter_url, MessageBody="back")
        )
        assert (result.found, result.moved) == (3, 3)
        assert pair.count(pair.dead_letter_url) == 3

    @pytest.mark.parametrize("after", [1, 7, 10, 11])
    def test_interrupted_redrive_neither_loses_nor_duplicates_messages(self, pair: "Pair", after: int) -> None:
        bodies = [f"message {number}" for number in range(15)]
        pair.poison(*bodies)
        with pytest.raises(KeyboardInterrupt):
            pair.redrive(on_moved=interrupt_at(after))
        # Messages that were received and not moved are visible immediately.
        assert show_queues.read_depth(pair.account, pair.dead_letter_url).visible == 15 - after
        assert pair.redrive().moved == 15 - after
        assert pair.bodies() == Counter(bodies)

    def test_failed_deletion_loses_no_message(self, pair: "Pair", monkeypatch: pytest.MonkeyPatch) -> None:
        pair.poison("a", "b", "c")
        monkeypatch.setattr(pair.sqs, "delete_message", failing("DeleteMessage"))
        result = pair.redrive()
        monkeypatch.undo()
        assert (result.found, result.moved) == (3, 0)
        assert "DeleteMessage" in result.problem
        assert pair.redrive().moved == 3
        # Delivery is at least once: one message is in both queues.
        assert sorted(pair.bodies().values()) == [1, 1, 2]

    def test_failed_sending_leaves_the_messages_in_place(self, pair: "Pair") -> None:
        pair.poison("a", "b")
        result = redrive(pair.sqs, pair.dead_letter_url, pair.url + "-gone")
        assert (result.found, result.moved) == (2, 0)
        assert "NonExistentQueue" in result.problem or "does not exist" in result.problem
        assert show_queues.read_depth(pair.account, pair.dead_letter_url).visible == 2

    def test_killed_process_loses_no_message(self, pair: "Pair") -> None:
        bodies = [f"message {number}" for number in range(25)]
        pair.poison(*bodies)
        killed = subprocess.run(
            [sys.executable, "-c", SELF_KILLING_PROGRAM, pair.account.endpoint, pair.dead_letter_url, pair.url],
            env=pair.account.environment(),
            check=False,
            timeout=60,
        )
        assert killed.returncode == -9
        moved = show_queues.read_depth(pair.account, pair.url).visible
        assert moved == 12
        # The rest of its batch is still invisible, but counted.
        assert pair.count(pair.dead_letter_url) == 13


SELF_KILLING_PROGRAM = """
import os, signal, sys
import boto3
from operations.queues.redrive import redrive

sqs = boto3.client("sqs", endpoint_url=sys.argv[1])
redrive(sqs, sys.argv[2], sys.argv[3], lambda moved: os.kill(os.getpid(), signal.SIGKILL) if moved == 12 else None)
"""


def interrupt_at(number: int) -> Callable[[int], None]:
    """Return a callback that raises KeyboardInterrupt after this many messages."""

    def on_moved(moved: int) -> None:
        if moved == number:
            raise KeyboardInterrupt

    return on_moved


def failing(operation: str) -> Callable[..., None]:
    """Return an operation that fails with an AWS error."""

    def fail(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "try later"}}, operation)

    return fail
