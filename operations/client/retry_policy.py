"""Repetition of requests when the platform is busy, fails temporarily or does not respond."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from operations.client.platform_api import UnexpectedResponseError

T = TypeVar("T")

# Rate and job limits are waited for until the deadline; transient faults are repeated only a few times.
TOO_MANY_REQUESTS = 429
TRANSIENT_STATUSES = (502, 503, 504)
MAX_FAULTS = 4
DEFAULT_PAUSE_SECONDS = 1.0


class RetryPolicy:
    """A thread-safe policy that repeats requests until a deadline.

    Args:
        seconds: How long, from now on, requests are repeated.
        on_wait: Called with a message before each wait.
        max_faults: After how many transient faults a request fails. Responses with status 429 do not count.
    """

    def __init__(self, seconds: float, on_wait: Callable[[str], None], *, max_faults: int = MAX_FAULTS) -> None:
        self._deadline, self._on_wait, self._max_faults = time.monotonic() + seconds, on_wait, max_faults
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Stop repeating: end current waits; the next response is final."""
        self._stopped.set()

    def __call__(self, request: Callable[[], T]) -> T:
        """Send a request, repeatedly if necessary, and return its result.

        The request may be sent more than once, so repeating it must be safe.

        Raises:
            UnexpectedResponseError: The response is final, the deadline has passed, or there were too many faults.
        """
        fault_count = 0
        while True:
            try:
                return request()
            except UnexpectedResponseError as error:
                if error.status != TOO_MANY_REQUESTS:
                    fault_count += 1
                    is_transient = error.status is None or error.status in TRANSIENT_STATUSES
                    if not is_transient or fault_count >= self._max_faults:
                        raise
                pause = error.retry_after_seconds or DEFAULT_PAUSE_SECONDS
                if self._stopped.is_set() or time.monotonic() + pause > self._deadline:
                    raise
                cause = f"HTTP {error.status}" if error.status else "no response"
                self._on_wait(f"{cause}: repeating the request in {pause:.0f} s")
                self._stopped.wait(pause)
