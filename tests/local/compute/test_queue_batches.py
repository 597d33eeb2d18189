"""What a function's answer says about the messages of its batch."""

from itertools import combinations
from typing import Any

import pytest

from local.compute.invocations import FunctionError, Invocation
from local.compute.queue_batches import failures

MESSAGES = [{"MessageId": f"m{number}"} for number in range(10)]
EVERYTHING = frozenset(message["MessageId"] for message in MESSAGES)


def answered(payload: Any) -> Invocation:
    return Invocation(request_id="r", payload=payload)


def report(*identifiers: Any) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


class TestFailures:
    def test_any_set_of_named_messages_comes_again_and_no_other(self) -> None:
        tried = 0
        for count in range(11):
            for named in combinations(sorted(EVERYTHING), count):
                assert failures(answered(report(*named)), MESSAGES, reports_items=True) == frozenset(named)
                tried += 1
        assert tried == 1024

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
    def test_a_report_that_cannot_be_trusted_fails_the_whole_batch(self, payload: Any) -> None:
        assert failures(answered(payload), MESSAGES, reports_items=True) == EVERYTHING

    @pytest.mark.parametrize("payload", [None, {}, {"batchItemFailures": None}, {"batchItemFailures": []}, {"done": 1}])
    def test_an_absent_or_empty_report_is_success(self, payload: Any) -> None:
        assert failures(answered(payload), MESSAGES, reports_items=True) == frozenset()

    @pytest.mark.parametrize("payload", [None, "done", report("m1"), report("")])
    def test_without_item_reports_every_answer_is_success(self, payload: Any) -> None:
        assert failures(answered(payload), MESSAGES, reports_items=False) == frozenset()

    @pytest.mark.parametrize("reports_items", [True, False])
    def test_an_error_fails_the_whole_batch_whatever_its_payload_says(self, reports_items: bool) -> None:
        failed = Invocation(request_id="r", payload=report("m1"), error=FunctionError(type="Unhandled", message="x"))
        assert failures(failed, MESSAGES, reports_items=reports_items) == EVERYTHING
