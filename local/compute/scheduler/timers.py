"""Timers of schedules: rates use the monotonic clock, cron expressions the wall clock."""

import math
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from local.compute.scheduler.expressions import Cron, Rate


class Clock:
    """The clocks that schedules use. Tests replace them by a clock that they set."""

    def now(self) -> datetime:
        """Return the wall-clock time, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the seconds of a clock that cannot be set, for rates and waits."""
        return time.monotonic()

    def wait(self, changed: threading.Condition, seconds: float) -> None:
        """Wait for a time, or until `changed` (held by the caller) is notified. It may return early."""
        changed.wait(seconds)


class Timer(Protocol):
    """The timer of a schedule. After a delay at most one of the missed runs is due."""

    def seconds_left(self) -> float:
        """Return the time until the next run is due: zero or less if it is due now, infinite if there is none."""
        ...

    def take(self) -> datetime | None:
        """Return the scheduled time that is due now and advance to the next one; return None if none is due."""
        ...


class RateTimer:
    """The timer of a rate. It is due for the first time after one period."""

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._period, self._clock = rate.seconds, clock
        self._due = clock.monotonic() + rate.seconds

    def seconds_left(self) -> float:
        """Return the time until the next run is due."""
        return self._due - self._clock.monotonic()

    def take(self) -> datetime | None:
        """Return the scheduled time that is due now, or None."""
        late = self._clock.monotonic() - self._due
        if late < 0:
            return None
        self._due += self._period * (1 + late // self._period)
        return self._clock.now() - timedelta(seconds=late)


class CronTimer:
    """The timer of a cron expression. No minute is due twice, even if the wall clock is set back."""

    def __init__(self, cron: Cron, clock: Clock) -> None:
        self._cron, self._clock = cron, clock
        self._due = cron.next_after(clock.now())

    def seconds_left(self) -> float:
        """Return the time until the next run is due."""
        return math.inf if self._due is None else (self._due - self._clock.now()).total_seconds()

    def take(self) -> datetime | None:
        """Return the scheduled time that is due now, or None."""
        due, now = self._due, self._clock.now()
        if due is None or due > now:
            return None
        self._due = self._cron.next_after(now)
        return due


def start_timer(expression: Rate | Cron, clock: Clock) -> Timer:
    """Create the timer of an expression, starting now."""
    return RateTimer(expression, clock) if isinstance(expression, Rate) else CronTimer(expression, clock)
