"""Requests are repeated as long as that may help, and no longer."""

import pytest

from operations.client.platform_api import UnexpectedResponseError
from operations.client.retry_policy import ATTEMPTS, RetryPolicy


class Answers:
    """Gives one answer after the other: a status that is refused, or None for a good one. The last one stays."""

    def __init__(self, *statuses: int | None, retry_after_seconds: float = 0.01) -> None:
        self.statuses, self.sent, self.retry_after_seconds = list(statuses), 0, retry_after_seconds

    def __call__(self) -> str:
        self.sent += 1
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status is None:
            return "done"
        raise UnexpectedResponseError(
            f"answered {status}", status=status or None, retry_after_seconds=self.retry_after_seconds
        )


LOST = 0


class TestPatience:
    def test_what_is_busy_is_asked_again_until_it_is_not(self) -> None:
        waits: list[str] = []
        answers = Answers(*[429] * (ATTEMPTS + 2), 503, None)
        assert RetryPolicy(60, waits.append)(answers) == "done"
        assert answers.sent == ATTEMPTS + 4
        assert len(waits) == ATTEMPTS + 3

    @pytest.mark.parametrize("status", [400, 404, 409, 500])
    def test_what_waiting_does_not_mend_is_not_repeated(self, status: int) -> None:
        answers = Answers(status)
        with pytest.raises(UnexpectedResponseError):
            RetryPolicy(60, lambda _: None)(answers)
        assert answers.sent == 1

    @pytest.mark.parametrize("status", [503, LOST])
    def test_a_fault_is_not_repeated_for_ever(self, status: int) -> None:
        answers = Answers(status)
        with pytest.raises(UnexpectedResponseError):
            RetryPolicy(60, lambda _: None)(answers)
        assert answers.sent == ATTEMPTS

    def test_a_fault_gets_as_many_attempts_as_were_said(self) -> None:
        answers = Answers(503)
        with pytest.raises(UnexpectedResponseError):
            RetryPolicy(60, lambda _: None, attempts=ATTEMPTS + 3)(answers)
        assert answers.sent == ATTEMPTS + 3

    def test_a_wait_beyond_its_time_is_not_begun(self) -> None:
        answers = Answers(429, None, retry_after_seconds=30)
        with pytest.raises(UnexpectedResponseError):
            RetryPolicy(1, lambda _: None)(answers)
        assert answers.sent == 1

    def test_nobody_waits_once_it_is_stopped(self) -> None:
        patience = RetryPolicy(60, lambda _: None)
        patience.stop()
        with pytest.raises(UnexpectedResponseError):
            patience(Answers(429, None, retry_after_seconds=30))
