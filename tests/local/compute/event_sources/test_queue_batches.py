"""Events of batches, their split by size, and the failed messages of a result."""

import json
from itertools import combinations, pairwise
from typing import Any

import pytest

from local.compute.event_sources.queue_batches import event, failed_message_ids, split
from local.compute.lambda_.function_pool import MAXIMUM_EVENT_BYTES
from local.compute.lambda_.invocations import FunctionError, Invocation

MESSAGES = [{"MessageId": f"m{number}"} for number in range(10)]
ALL_IDS = frozenset(message["MessageId"] for message in MESSAGES)


def succeeded(payload: Any) -> Invocation:
    return Invocation(request_id="r", payload=payload)


def report(*identifiers: Any) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


class TestFailedMessageIds:
    def test_exactly_the_reported_messages_fail(self) -> None:
        count_tested = 0
        for count in range(11):
            for named in combinations(sorted(ALL_IDS), count):
                assert failed_message_ids(succeeded(report(*named)), MESSAGES, reports_items=True) == frozenset(named)
                count_tested += 1
        assert count_tested == 1024

    @pytest.mark.parametrize(
        "payload",
        [
            "done",
            7,
            [],
            {"batchItemFailures": "all"},
            {"batchItemFailures": {"itemIdentifier": "m1"}},
            {"batchItemFailures": [{"id": "m1"}]},
            {"batchItemFailures": ["m1"]},
            {"batchItemFailures": [None]},
            report("m1", ""),
            report("m1", None),
            report("m1", 3),
            report("m1", "of another batch"),
        ],
    )
    def test_malformed_report_fails_the_whole_batch(self, payload: Any) -> None:
        assert failed_message_ids(succeeded(payload), MESSAGES, reports_items=True) == ALL_IDS

    @pytest.mark.parametrize("payload", [None, {}, {"batchItemFailures": None}, {"batchItemFailures": []}, {"done": 1}])
    def test_absent_or_empty_report_is_success(self, payload: Any) -> None:
        assert failed_message_ids(succeeded(payload), MESSAGES, reports_items=True) == frozenset()

    @pytest.mark.parametrize("payload", [None, "done", report("m1"), report("")])
    def test_without_report_batch_item_failures_every_result_is_success(self, payload: Any) -> None:
        assert failed_message_ids(succeeded(payload), MESSAGES, reports_items=False) == frozenset()

    @pytest.mark.parametrize("reports_items", [True, False])
    def test_error_fails_the_whole_batch_whatever_its_payload(self, reports_items: bool) -> None:
        failed = Invocation(request_id="r", payload=report("m1"), error=FunctionError(type="Unhandled", message="x"))
        assert failed_message_ids(failed, MESSAGES, reports_items=reports_items) == ALL_IDS


class TestSplit:
    ARN = "arn:aws:sqs:us-east-1:123456789012:work"

    @staticmethod
    def message(number: int, body: str) -> dict[str, Any]:
        return {"MessageId": f"m{number}", "ReceiptHandle": "r", "Body": body, "MD5OfBody": "d"}

    def size(self, messages: list[Any]) -> int:
        return len(json.dumps(event(messages, self.ARN)))

    def test_messages_within_the_limit_are_one_batch(self) -> None:
        messages = [self.message(number, "x" * 262_144) for number in range(10)]
        assert split(messages, self.ARN) == [messages]

    @pytest.mark.parametrize(("more", "count"), [(0, 1), (1, 2)])
    def test_limit_applies_to_the_event_to_the_byte(self, more: int, count: int) -> None:
        room = MAXIMUM_EVENT_BYTES - self.size([self.message(0, "x"), self.message(1, "")])
        messages = [self.message(0, "x"), self.message(1, "x" * (room + more))]
        batches = split(messages, self.ARN)
        assert len(batches) == count
        assert max(map(self.size, batches)) <= MAXIMUM_EVENT_BYTES
        assert (self.size(messages) == MAXIMUM_EVENT_BYTES) is (more == 0)

    @pytest.mark.parametrize("letter", ["x", "é", "𝄞"])
    def test_large_messages_are_split_in_order(self, letter: str) -> None:
        body = letter * (1_048_576 // len(letter.encode()))
        messages = [self.message(number, body) for number in range(10)]
        batches = split(messages, self.ARN)
        assert [message for part in batches for message in part] == messages
        assert all(self.size(part) <= MAXIMUM_EVENT_BYTES for part in batches)
        # No two neighbours would have gone together.
        assert all(self.size([*one, other[0]]) > MAXIMUM_EVENT_BYTES for one, other in pairwise(batches))

    def test_message_over_the_limit_is_a_batch_of_its_own(self) -> None:
        messages = [self.message(number, "x" * size) for number, size in enumerate((1, MAXIMUM_EVENT_BYTES, 1))]
        assert [len(part) for part in split(messages, self.ARN)] == [1, 1, 1]
