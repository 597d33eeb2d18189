"""Requests that are repeated when the platform asks to come back later, or when an answer was lost."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from operations.client.platform_api import UnexpectedResponseError

T = TypeVar("T")

# Too many requests or too many jobs, which pass by waiting; for the others only so often.
BUSY = 429
PASSING = (502, 503, 504)
ATTEMPTS = 4
PAUSE_SECONDS = 1.0


class RetryPolicy:
    """For how long, from now on, a platform is waited for that is busy, and how many `attempts` a fault gets.

    From any thread; `told` hears of each wait. A signal that raises ends a wait at once.
    """

    def __init__(self, seconds: float, told: Callable[[str], None], *, attempts: int = ATTEMPTS) -> None:
        self._deadline, self._told, self._attempts = time.monotonic() + seconds, told, attempts
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Nobody waits from now on: what is answered next is the last."""
        self._stopped.set()

    def __call__(self, request: Callable[[], T]) -> T:
        """The answer. Raises UnexpectedAnswerError for one that no waiting mends, and when there is no time left.

        The request may be sent more than once: it must be one that may.
        """
        faults = 0
        while True:
            try:
                return request()
            except UnexpectedResponseError as error:
                if error.status != BUSY:
                    faults += 1
                    is_passing = error.status is None or error.status in PASSING
                    if not is_passing or faults >= self._attempts:
                        raise
                pause = error.retry_after_seconds or PAUSE_SECONDS
                if self._stopped.is_set() or time.monotonic() + pause > self._deadline:
                    raise
                self._told(f"the platform asks to wait {pause:.0f} s" if error.status else "an answer was lost")
                self._stopped.wait(pause)
