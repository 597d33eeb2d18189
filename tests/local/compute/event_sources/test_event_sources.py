"""Event source mappings with real SQS messages and worker processes."""

import base64
import hashlib
import itertools
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.compute.event_sources import event_sources
from local.compute.event_sources.event_sources import EventSources
from local.errors import RegistrationError

if TYPE_CHECKING:
    from tests.local.compute.conftest import QueueHarness

WaitFor = Callable[..., Any]


class TestEvent:
    def test_record_has_the_attributes_of_the_message(
        self, queue_harness: "QueueHarness", tmp_path: Path, wait_for: WaitFor
    ) -> None:
        queue_harness.make("accept", tmp_path / "notes")
        body = '{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"é & <b>"}'
        sent = queue_harness.client.send_message(
            QueueUrl=queue_harness.queue.url,
            MessageBody=body,
            MessageAttributes={
                "colour": {"DataType": "String", "StringValue": "blue"},
                "count": {"DataType": "Number", "StringValue": "7"},
                "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
            },
        )
        queue_harness.start()
        event = wait_for(queue_harness.events)[0]
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
            "eventSourceARN": queue_harness.queue.arn,
            "awsRegion": "us-east-1",
        }  # fmt: skip
        assert attributes["ApproximateReceiveCount"] == "1"
        assert abs(int(attributes["SentTimestamp"]) / 1000 - time.time()) < 60
        assert abs(int(attributes["ApproximateFirstReceiveTimestamp"]) / 1000 - time.time()) < 60
        assert attributes["SenderId"]
        assert all(isinstance(value, str) for value in attributes.values())
        wait_for(lambda: queue_harness.left() == 0)

    def test_receive_count_increases(self, queue_harness: "QueueHarness", tmp_path: Path, wait_for: WaitFor) -> None:
        queue_harness.make("report_bad", tmp_path / "notes", max_receive_count=2)
        queue_harness.send("bad")
        queue_harness.start(functionResponseTypes=["ReportBatchItemFailures"])

        def is_dead() -> bool:
            queue_harness.make_visible("bad")
            return bool(queue_harness.dead())

        wait_for(is_dead)
        counts = [event["Records"][0]["attributes"]["ApproximateReceiveCount"] for event in queue_harness.events()]
        assert counts == ["1", "2"]


class TestBatch:
    def test_ten_messages_are_one_batch_and_are_deleted(
        self, queue_harness: "QueueHarness", tmp_path: Path, wait_for: WaitFor
    ) -> None:
        queue_harness.make("accept", tmp_path / "notes")
        queue_harness.send(*map(str, range(10)))
        queue_harness.start(batchSize=10)
        wait_for(lambda: queue_harness.left() == 0)
        assert [len(event["Records"]) for event in queue_harness.events()] == [10]

    def test_batch_size_is_not_exceeded(self, queue_harness: "QueueHarness", tmp_path: Path, wait_for: WaitFor) -> None:
        queue_harness.make("accept", tmp_path / "notes")
        queue_harness.send(*map(str, range(10)))
        queue_harness.start(batchSize=3)
        wait_for(lambda: queue_harness.left() == 0)
        assert sorted(len(event["Records"]) for event in queue_harness.events()) == [1, 3, 3, 3]
        assert queue_harness.bodies() == Counter(map(str, range(10)))

    def test_batching_window_collects_several_receives(
        self, queue_harness: "QueueHarness", tmp_path: Path, wait_for: WaitFor
    ) -> None:
        queue_harness.make("accept", tmp_path / "notes")
        queue_harness.send(*map(str, range(10)))
        queue_harness.send(*map(str, range(10, 15)))
        queue_harness.start(batchSize=15, maximumBatchingWindowInSeconds=60)
        wait_for(lambda: queue_harness.left() == 0)
        assert [len(event["Records"]) for event in queue_harness.events()] == [15]

    @pytest.mark.requirement("P2-26", "P2-43", "P2-44")
    @pytest.mark.parametrize("bad", [1, 4, 10])
    def test_failed_messages_reach_the_dead_letter_queue_and_others_run_once(
        self, queue_harness: "QueueHarness", tmp_path: Path, bad: int, wait_for: WaitFor
    ) -> None:
        queue_harness.make("report_bad", tmp_path / "notes", max_receive_count=3)
        good_ones = [f"good {number}" for number in range(10 - bad)]
        bad_ones = [f"bad {number}" for number in range(bad)]
        queue_harness.send(*bad_ones, *good_ones)
        queue_harness.start(batchSize=10, functionResponseTypes=["ReportBatchItemFailures"])

        def is_settled() -> bool:
            queue_harness.make_visible(*bad_ones)
            return queue_harness.dead() == bad_ones and queue_harness.left() == 0

        wait_for(is_settled)
        assert queue_harness.bodies() == Counter(good_ones) + Counter(bad_ones * 3)

    @pytest.mark.parametrize("reporting", [True, False])
    def test_error_retries_the_whole_batch(
        self, queue_harness: "QueueHarness", tmp_path: Path, reporting: bool, wait_for: WaitFor
    ) -> None:
        queue_harness.make("raise_on_bad", tmp_path / "notes", max_receive_count=2)
        queue_harness.send("good", "bad")
        queue_harness.start(functionResponseTypes=["ReportBatchItemFailures"] if reporting else [])

        def are_dead() -> bool:
            queue_harness.make_visible("bad", "good")
            return queue_harness.dead() == ["bad", "good"]

        wait_for(are_dead)
        assert queue_harness.bodies() == Counter({"good": 2, "bad": 2})

    def test_malformed_report_fails_the_whole_batch(
        self, queue_harness: "QueueHarness", tmp_path: Path, wait_for: WaitFor
    ) -> None:
        report = '{"batchItemFailures": [{"itemIdentifier": "of another batch"}]}'
        queue_harness.make("return_configured", tmp_path / "notes", max_receive_count=1, variables={"REPORT": report})
        queue_harness.send("one", "two")
        queue_harness.start(functionResponseTypes=["ReportBatchItemFailures"])

        def are_dead() -> bool:
            queue_harness.make_visible("one", "two")
            return queue_harness.dead() == ["one", "two"]

        wait_for(are_dead)
        assert queue_harness.bodies() == Counter({"one": 1, "two": 1})

    def test_report_is_ignored_without_report_batch_item_failures(
        self, queue_harness: "QueueHarness", tmp_path: Path, wait_for: WaitFor
    ) -> None:
        queue_harness.make("report_bad", tmp_path / "notes", max_receive_count=1)
        queue_harness.send("bad")
        queue_harness.start()
        wait_for(lambda: queue_harness.left() == 0)
        assert queue_harness.dead() == []

    @pytest.mark.parametrize("handler", ["sleep_on_bad", "crash_on_bad"])
    def test_killed_or_crashed_worker_retries_the_batch(
        self, queue_harness: "QueueHarness", tmp_path: Path, handler: str, wait_for: WaitFor
    ) -> None:
        queue_harness.make(handler, tmp_path / "notes", max_receive_count=2, timeout=2.0)
        queue_harness.send("bad")
        queue_harness.start(functionResponseTypes=["ReportBatchItemFailures"])

        def is_dead() -> bool:
            queue_harness.make_visible("bad")
            return queue_harness.dead() == ["bad"]

        wait_for(is_dead)
        assert queue_harness.bodies() == Counter({"bad": 2})
        queue_harness.send("good")
        wait_for(lambda: queue_harness.bodies()["good"] == 1 and queue_harness.left() == 0)


class TestConcurrency:
    def _max_concurrency(self, events: list[Any]) -> int:
        changes = sorted([(event["began"], 1) for event in events] + [(event["ended"], -1) for event in events])
        return max(itertools.accumulate(change for _, change in changes))

    def test_maximum_concurrency_limits_batches_in_progress(
        self, queue_harness: "QueueHarness", tmp_path: Path, wait_for: WaitFor
    ) -> None:
        queue_harness.make("overlap", tmp_path / "notes", variables={"SECONDS": "0.4"})
        queue_harness.send(*map(str, range(8)))
        queue_harness.start(batchSize=1, scalingConfig={"maximumConcurrency": 2})
        wait_for(lambda: queue_harness.left() == 0)
        assert self._max_concurrency(queue_harness.events()) == 2

    def test_batches_wait_for_a_busy_function(
        self, queue_harness: "QueueHarness", tmp_path: Path, wait_for: WaitFor
    ) -> None:
        queue_harness.make(
            "overlap", tmp_path / "notes", max_receive_count=1, variables={"SECONDS": "1.2"}, reservedConcurrentExecutions=1,
        )  # fmt: skip
        queue_harness.send(*map(str, range(4)))
        queue_harness.start(batchSize=1, scalingConfig={"maximumConcurrency": 4})
        wait_for(lambda: queue_harness.left() == 0)
        assert queue_harness.bodies() == Counter(map(str, range(4)))
        assert self._max_concurrency(queue_harness.events()) == 1
        assert queue_harness.dead() == []


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
    def test_unsupported_input_raises_registration_error(
        self, queue_harness: "QueueHarness", tmp_path: Path, inputs: dict[str, Any], problem: str
    ) -> None:
        queue_harness.make("accept", tmp_path / "notes")
        with pytest.raises(RegistrationError, match=problem):
            queue_harness.start(**inputs)

    def test_visibility_timeout_below_the_function_timeout_raises_registration_error(
        self, queue_harness: "QueueHarness", tmp_path: Path
    ) -> None:
        queue_harness.make("accept", tmp_path / "notes", timeout=5, visibility_seconds=4)
        with pytest.raises(RegistrationError, match=r"visibility timeout \(4 s\) must be at least .* timeout \(5 s\)"):
            queue_harness.start()

    def test_disabled_mapping_receives_nothing(self, queue_harness: "QueueHarness", tmp_path: Path) -> None:
        queue_harness.make("accept", tmp_path / "notes")
        queue_harness.send("one")
        assert queue_harness.start(enabled=False) == {"state": "Disabled"}
        assert queue_harness.left() == 1

    def test_started_mapping_returns_its_state(self, queue_harness: "QueueHarness", tmp_path: Path) -> None:
        queue_harness.make("accept", tmp_path / "notes")
        assert queue_harness.start() == {"state": "Enabled"}


class TestClose:
    def test_close_finishes_batches_in_progress_and_leaves_other_messages_visible(
        self,
        *,
        queue_harness: "QueueHarness",
        sources: EventSources,
        tmp_path: Path,
        wait_for: WaitFor,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(event_sources, "CLOSE_SECONDS", 60.0)
        queue_harness.make("overlap", tmp_path / "notes", variables={"GATED": "1"})
        queue_harness.send(*map(str, range(10)))
        queue_harness.start(batchSize=1, scalingConfig={"maximumConcurrency": 2})
        wait_for(lambda: len(list(queue_harness.notes.glob("started-*"))) == 2)
        with ThreadPoolExecutor(1) as executor:
            closing = executor.submit(sources.close)
            (queue_harness.notes / "gate").touch()
            closing.result()
        done = queue_harness.bodies()
        assert len(done) >= 2 and set(done.values()) == {1}
        assert queue_harness.left() == 10 - len(done)
        assert sorted([*done, *queue_harness.take(queue_harness.queue.url)]) == sorted(map(str, range(10)))

    def test_close_makes_a_throttled_batch_visible(
        self, queue_harness: "QueueHarness", sources: EventSources, tmp_path: Path, wait_for: WaitFor
    ) -> None:
        queue_harness.make("accept", tmp_path / "notes", reservedConcurrentExecutions=0)
        queue_harness.send("one")
        queue_harness.start()
        attributes = {"QueueUrl": queue_harness.queue.url, "AttributeNames": ["ApproximateNumberOfMessagesNotVisible"]}
        wait_for(lambda: queue_harness.client.get_queue_attributes(**attributes)["Attributes"].popitem()[1] == "1")
        sources.close()
        assert queue_harness.take(queue_harness.queue.url) == ["one"]
        assert queue_harness.events() == []
