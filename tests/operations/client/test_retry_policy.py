"""Repetition of requests: when it happens and when it ends."""

import pytest

from operations.client.platform_api import UnexpectedResponseError
from operations.client.retry_policy import MAX_FAULTS, RetryPolicy


class FakeRequest:
    """Responds with the given statuses in turn, the last one repeatedly; None means success."""

    def __init__(self, *statuses: int | None, retry_after_seconds: float = 0.01) -> None:
        self.statuses, self.sent, self.retry_after_seconds = list(statuses), 0, retry_after_seconds

    def __call__(self) -> str:
        self.sent += 1
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status is None:
            return "done"
        raise UnexpectedResponseError(
            f"status {status}", status=status or None, retry_after_seconds=self.retry_after_seconds
        )


NO_RESPONSE = 0


class TestRetryPolicy:
    def test_throttled_requests_are_repeated_until_success(self) -> None:
        waits: list[str] = []
        request = FakeRequest(*[429] * (MAX_FAULTS + 2), 503, None)
        assert RetryPolicy(60, waits.append)(request) == "done"
        assert request.sent == MAX_FAULTS + 4
        assert len(waits) == MAX_FAULTS + 3

    @pytest.mark.parametrize("status", [400, 404, 409, 500])
    def test_permanent_error_is_not_repeated(self, status: int) -> None:
        request = FakeRequest(status)
        with pytest.raises(UnexpectedResponseError):
            RetryPolicy(60, lambda _: None)(request)
        assert request.sent == 1

    @pytest.mark.parametrize("status", [503, NO_RESPONSE])
    def test_transient_faults_are_repeated_up_to_the_default_limit(self, status: int) -> None:
        request = FakeRequest(status)
        with pytest.raises(UnexpectedResponseError):
            RetryPolicy(60, lambda _: None)(request)
        assert request.sent == MAX_FAULTS

    def test_transient_faults_are_repeated_up_to_the_given_limit(self) -> None:
        request = FakeRequest(503)
        with pytest.raises(UnexpectedResponseError):
            RetryPolicy(60, lambda _: None, max_faults=MAX_FAULTS + 3)(request)
        assert request.sent == MAX_FAULTS + 3

    def test_wait_beyond_the_deadline_is_not_started(self) -> None:
        request = FakeRequest(429, None, retry_after_seconds=30)
        with pytest.raises(UnexpectedResponseError):
            RetryPolicy(1, lambda _: None)(request)
        assert request.sent == 1

    def test_stopped_policy_does_not_repeat(self) -> None:
        retry = RetryPolicy(60, lambda _: None)
        retry.stop()
        with pytest.raises(UnexpectedResponseError):
            retry(FakeRequest(429, None, retry_after_seconds=30))
