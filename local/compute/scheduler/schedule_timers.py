"""When a schedule is due: at a rate by the monotonic clock, by the calendar by the wall clock."""

import math
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from local.compute.scheduler.schedule_expressions import Cron, Rate


class Clock:
    """The time that schedules keep. A test's own clock need not wait a day for the next."""

    def now(self) -> datetime:
        """The wall clock, in UTC: what the calendar says."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that nobody sets: what rates and pauses are measured by."""
        return time.monotonic()

    def wait(self, changed: threading.Condition, seconds: float) -> None:
        """Waits so long, or until `changed` (which the caller holds) is notified. It may end early."""
        changed.wait(seconds)


class Timer(Protocol):
    """What was missed is one run at most, never one for each time that went by."""

    def seconds_left(self) -> float:
        """Until it is due; zero or less when it is, infinite when it never will be."""
        ...

    def take(self) -> datetime | None:
        """The time that is due now, after which the next one counts; None when none is."""
        ...


class RateTimer:
    """Due every so many seconds, for the first time after one period."""

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._period, self._clock = rate.seconds, clock
        self._due = clock.monotonic() + rate.seconds

    def seconds_left(self) -> float:
        return self._due - self._clock.monotonic()

    def take(self) -> datetime | None:
        late = self._clock.monotonic() - self._due
        if late < 0:
            return None
        self._due += self._period * (1 + late // self._period)
        return self._clock.now() - timedelta(seconds=late)


class CronTimer:
    """Due at the minutes of a cron expression. A wall clock that is set back does not make a minute due twice."""

    def __init__(self, cron: Cron, clock: Clock) -> None:
        self._cron, self._clock = cron, clock
        self._due = cron.next_after(clock.now())

    def seconds_left(self) -> float:
        return math.inf if self._due is None else (self._due - self._clock.now()).total_seconds()

    def take(self) -> datetime | None:
        due, now = self._due, self._clock.now()
        if due is None or due > now:
            return None
        self._due = self._cron.next_after(now)
        return due


def timer(times: Rate | Cron, clock: Clock) -> Timer:
    """The timer of an expression, running from now on."""
    return RateTimer(times, clock) if isinstance(times, Rate) else CronTimer(times, clock)
