"""The poller on real SQS messages and real worker processes."""

import base64
import hashlib
import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.compute.event_sources.event_sources import EventSources
from local.errors import RegistrationError

if TYPE_CHECKING:
    from tests.local.compute.conftest import Stage

WaitFor = Callable[..., Any]


class TestEvent:
    def test_a_record_carries_what_sqs_knows(self, stage: "Stage", tmp_path: Path, wait_for: WaitFor) -> None:
        stage.make("accept", tmp_path / "notes")
        body = '{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"é & <b>"}'
        sent = stage.client.send_message(
            QueueUrl=stage.queue.url,
            MessageBody=body,
            MessageAttributes={
                "colour": {"DataType": "String", "StringValue": "blue"},
                "count": {"DataType": "Number", "StringValue": "7"},
                "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
            },
        )
        stage.start()
        event = wait_for(stage.events)[0]
        (record,) = event["Records"]
        attributes = record.pop("attributes")
        assert record.pop("receiptHandle")
        assert record.pop("md5OfMessageAttributes")
        assert record == {
            "messageId": sent["MessageId"],
            "body": body,
            "messageAttributes": {
                "colour": {
                    "stringValue": "blue", "stringListValues": [], "binaryListValues": [], "dataType": "String"
                },
                "count": {"stringValue": "7", "stringListValues": [], "binaryListValues": [], "dataType": "Number"},
                "raw": {
                    "binaryValue": base64.b64encode(b"\x00\xff").decode(),
                    "stringListValues": [],
                    "binaryListValues": [],
                    "dataType": "Binary",
                },
            },
            "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
            "eventSource": "aws:sqs",
            "eventSourceARN": stage.queue.arn,
            "awsRegion": "us-east-1",
        }  # fmt: skip
        assert attributes["ApproximateReceiveCount"] == "1"
        assert abs(int(attributes["SentTimestamp"]) / 1000 - time.time()) < 60
        assert abs(int(attributes["ApproximateFirstReceiveTimestamp"]) / 1000 - time.time()) < 60
        assert attributes["SenderId"]
        assert all(isinstance(value, str) for value in attributes.values())
        wait_for(lambda: stage.left() == 0)

    def test_the_receive_count_grows(self, stage: "Stage", tmp_path: Path, wait_for: WaitFor) -> None:
        stage.make("refuse_bad", tmp_path / "notes", max_receive_count=2)
        stage.send("bad")
        stage.start(functionResponseTypes=["ReportBatchItemFailures"])
        wait_for(stage.dead)
        counts = [event["Records"][0]["attributes"]["ApproximateReceiveCount"] for event in stage.events()]
        assert counts == ["1", "2"]


class TestBatch:
    def test_ten_messages_are_one_invocation_and_then_gone(
        self, stage: "Stage", tmp_path: Path, wait_for: WaitFor
    ) -> None:
        stage.make("accept", tmp_path / "notes")
        stage.send(*map(str, range(10)))
        stage.start(batchSize=10)
        wait_for(lambda: stage.left() == 0)
        assert [len(event["Records"]) for event in stage.events()] == [10]

    def test_a_batch_is_never_longer_than_registered(self, stage: "Stage", tmp_path: Path, wait_for: WaitFor) -> None:
        stage.make("accept", tmp_path / "notes")
        stage.send(*map(str, range(10)))
        stage.start(batchSize=3)
        wait_for(lambda: stage.left() == 0)
        assert sorted(len(event["Records"]) for event in stage.events()) == [1, 3, 3, 3]
        assert stage.bodies() == Counter(map(str, range(10)))

    def test_a_window_gathers_more_than_one_receive_brings(
        self, stage: "Stage", tmp_path: Path, wait_for: WaitFor
    ) -> None:
        stage.make("accept", tmp_path / "notes", visibility_seconds=10)
        stage.send(*map(str, range(10)))
        stage.send(*map(str, range(10, 15)))
        stage.start(batchSize=15, maximumBatchingWindowInSeconds=20)
        wait_for(lambda: stage.left() == 0, seconds=15)
        assert [len(event["Records"]) for event in stage.events()] == [15]

    @pytest.mark.requirement("P2-26", "P2-43", "P2-44")
    @pytest.mark.parametrize("bad", [1, 4, 10])
    def test_failed_messages_reach_the_dead_letter_queue_and_the_others_run_once(
        self, stage: "Stage", tmp_path: Path, bad: int, wait_for: WaitFor
    ) -> None:
        stage.make("refuse_bad", tmp_path / "notes", max_receive_count=3)
        good_ones = [f"good {number}" for number in range(10 - bad)]
        bad_ones = [f"bad {number}" for number in range(bad)]
        stage.send(*bad_ones, *good_ones)
        stage.start(batchSize=10, functionResponseTypes=["ReportBatchItemFailures"])
        wait_for(lambda: stage.dead() == bad_ones and stage.left() == 0)
        assert stage.bodies() == Counter(good_ones) + Counter(bad_ones * 3)

    @pytest.mark.parametrize("reporting", [True, False])
    def test_an_error_brings_the_whole_batch_again(
        self, stage: "Stage", tmp_path: Path, reporting: bool, wait_for: WaitFor
    ) -> None:
        stage.make("raise_on_bad", tmp_path / "notes", max_receive_count=2)
        stage.send("good", "bad")
        stage.start(functionResponseTypes=["ReportBatchItemFailures"] if reporting else [])
        wait_for(lambda: stage.dead() == ["bad", "good"])
        assert stage.bodies() == Counter({"good": 2, "bad": 2})

    def test_a_report_that_cannot_be_trusted_fails_the_whole_batch(
        self, stage: "Stage", tmp_path: Path, wait_for: WaitFor
    ) -> None:
        answer = '{"batchItemFailures": [{"itemIdentifier": "of another batch"}]}'
        stage.make("answer_as_told", tmp_path / "notes", max_receive_count=1, variables={"ANSWER": answer})
        stage.send("one", "two")
        stage.start(functionResponseTypes=["ReportBatchItemFailures"])
        wait_for(lambda: stage.dead() == ["one", "two"])
        assert stage.bodies() == Counter({"one": 1, "two": 1})

    def test_a_report_that_nobody_asked_for_is_ignored(self, stage: "Stage", tmp_path: Path, wait_for: WaitFor) -> None:
        stage.make("refuse_bad", tmp_path / "notes", max_receive_count=1)
        stage.send("bad")
        stage.start()
        wait_for(lambda: stage.left() == 0)
        assert stage.dead() == []

    @pytest.mark.parametrize("handler", ["sleep_on_bad", "crash_on_bad"])
    def test_a_worker_that_is_killed_or_crashes_brings_the_batch_again(
        self, stage: "Stage", tmp_path: Path, handler: str, wait_for: WaitFor
    ) -> None:
        stage.make(handler, tmp_path / "notes", max_receive_count=2, timeout=1.0, visibility_seconds=2)
        stage.send("bad")
        stage.start(functionResponseTypes=["ReportBatchItemFailures"])
        wait_for(lambda: stage.dead() == ["bad"])
        assert stage.bodies() == Counter({"bad": 2})
        stage.send("good")
        wait_for(lambda: stage.bodies()["good"] == 1 and stage.left() == 0)


class TestConcurrency:
    def _most_at_once(self, events: list[Any]) -> int:
        changes = sorted([(event["began"], 1) for event in events] + [(event["ended"], -1) for event in events])
        return max(itertools.accumulate(change for _, change in changes))

    def test_batches_at_work_are_limited_by_the_mapping(
        self, stage: "Stage", tmp_path: Path, wait_for: WaitFor
    ) -> None:
        stage.make("overlap", tmp_path / "notes", timeout=5, visibility_seconds=20, variables={"SECONDS": "0.4"})
        stage.send(*map(str, range(8)))
        stage.start(batchSize=1, scalingConfig={"maximumConcurrency": 2})
        wait_for(lambda: stage.left() == 0)
        assert self._most_at_once(stage.events()) == 2

    def test_batches_wait_for_a_function_that_is_busy_and_none_is_lost(
        self, stage: "Stage", tmp_path: Path, wait_for: WaitFor
    ) -> None:
        stage.make(
            "overlap", tmp_path / "notes", timeout=5, visibility_seconds=30, max_receive_count=1,
            variables={"SECONDS": "1.2"}, reservedConcurrentExecutions=1,
        )  # fmt: skip
        stage.send(*map(str, range(4)))
        stage.start(batchSize=1, scalingConfig={"maximumConcurrency": 4})
        wait_for(lambda: stage.left() == 0)
        assert stage.bodies() == Counter(map(str, range(4)))
        assert self._most_at_once(stage.events()) == 1
        assert stage.dead() == []


class TestRegistration:
    @pytest.mark.parametrize(
        ("inputs", "problem"),
        [
            ({"eventSourceArn": "arn:aws:kinesis:us-east-1:123456789012:stream/s"}, "only standard SQS queues"),
            ({"eventSourceArn": "arn:aws:sqs:us-east-1:123456789012:q.fifo"}, "only standard SQS queues"),
            ({"eventSourceArn": "arn:aws:sqs:us-east-1:123456789012:nowhere"}, "eventSourceArn: .*nowhere"),
            ({"functionName": "nobody"}, "functionName: no function is registered as nobody"),
            ({"filterCriteria": {"filters": [{"pattern": "{}"}]}}, "filterCriteria: not supported"),
            ({"batchSize": 100}, "maximumBatchingWindowInSeconds: must be at least 1"),
        ],
    )
    def test_what_is_not_served_is_refused(
        self, stage: "Stage", tmp_path: Path, inputs: dict[str, Any], problem: str
    ) -> None:
        stage.make("accept", tmp_path / "notes")
        with pytest.raises(RegistrationError, match=problem):
            stage.start(**inputs)

    def test_a_visibility_below_the_functions_timeout_is_refused(self, stage: "Stage", tmp_path: Path) -> None:
        stage.make("accept", tmp_path / "notes", timeout=5, visibility_seconds=4)
        with pytest.raises(RegistrationError, match=r"visibility timeout \(4 s\) must be at least .* timeout \(5 s\)"):
            stage.start()

    def test_a_disabled_mapping_leaves_the_queue_alone(self, stage: "Stage", tmp_path: Path) -> None:
        stage.make("accept", tmp_path / "notes")
        stage.send("one")
        assert stage.start(enabled=False) == {"state": "Disabled"}
        assert stage.left() == 1

    def test_a_started_mapping_says_so(self, stage: "Stage", tmp_path: Path) -> None:
        stage.make("accept", tmp_path / "notes")
        assert stage.start() == {"state": "Enabled"}


class TestClose:
    def test_what_is_at_work_is_finished_and_the_rest_stays_visible(
        self, stage: "Stage", sources: EventSources, tmp_path: Path, wait_for: WaitFor
    ) -> None:
        stage.make("overlap", tmp_path / "notes", timeout=5, visibility_seconds=600, variables={"SECONDS": "1"})
        stage.send(*map(str, range(10)))
        stage.start(batchSize=1, scalingConfig={"maximumConcurrency": 2})
        wait_for(lambda: stage.left() < 10)
        sources.close()
        done = stage.bodies()
        assert set(done.values()) == {1}
        assert stage.left() == 10 - len(done)
        assert sorted([*done, *stage.take(stage.queue.url)]) == sorted(map(str, range(10)))

    def test_a_throttled_batch_is_given_back_at_once(
        self, stage: "Stage", sources: EventSources, tmp_path: Path, wait_for: WaitFor
    ) -> None:
        stage.make("accept", tmp_path / "notes", visibility_seconds=600, reservedConcurrentExecutions=0)
        stage.send("one")
        stage.start()
        attributes = {"QueueUrl": stage.queue.url, "AttributeNames": ["ApproximateNumberOfMessagesNotVisible"]}
        wait_for(lambda: stage.client.get_queue_attributes(**attributes)["Attributes"].popitem()[1] == "1")
        sources.close()
        assert stage.take(stage.queue.url) == ["one"]
        assert stage.events() == []


class TestHiccups:
    def test_a_poller_outlives_an_emulator_that_fails_and_tells_of_it(
        self, stage: "Stage", tmp_path: Path, caplog: pytest.LogCaptureFixture, wait_for: WaitFor
    ) -> None:
        stage.make("accept", tmp_path / "notes")
        name = stage.queue.url.rpartition("/")[2]
        with caplog.at_level(logging.WARNING, logger="local.compute.event_sources.queue_poller"):
            stage.start()
            stage.client.delete_queue(QueueUrl=stage.queue.url)
            wait_for(lambda: "queue_receive_failed" in caplog.messages)
            stage.client.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "1"})
            stage.send("after")
            wait_for(lambda: stage.bodies()["after"] == 1 and stage.left() == 0)
        record = next(record for record in caplog.records if record.message == "queue_receive_failed")
        assert record.__dict__["queue"] == stage.queue.arn
        assert "NonExistentQueue" in record.__dict__["error"]
