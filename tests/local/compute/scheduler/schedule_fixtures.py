"""Fixtures: schedules with a clock that the test sets."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.compute.lambda_.functions import Functions
from local.compute.scheduler.schedules import THREAD_NAME, Schedules
from local.compute.scheduler.timers import Clock
from local.provider.protocol import Registration

WaitFor = Callable[..., Any]
TYPE = "aws:scheduler/schedule:Schedule"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:{}"


class ManualClock(Clock):
    """A clock that only the test advances."""

    def __init__(self) -> None:
        self.wall, self.seconds = datetime(2026, 11, 21, 2, 0, tzinfo=UTC), 0.0
        self.polls, self.longest_wait = 0, 0.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, changed: threading.Condition, seconds: float) -> None:
        if threading.current_thread().name == THREAD_NAME:
            self.polls += 1
            self.longest_wait = max(self.longest_wait, seconds)
        changed.wait(0.005)

    def set_wall(self, seconds: float) -> None:
        """Set the wall clock, as a user does, or as after the machine slept."""
        self.wall += timedelta(seconds=seconds)

    def advance(self, seconds: float) -> None:
        self.set_wall(seconds)
        self.seconds += seconds


class ScheduleHarness:
    """Schedules of functions that write their events to files."""

    def __init__(
        self, functions: Functions, register: Callable[..., str], notes: Path, clock: ManualClock, wait_for: WaitFor
    ) -> None:
        self._register, self._wait_for = register, wait_for
        self.notes, self.clock, self.gate = notes, clock, notes / "gate"
        self.schedules = Schedules(functions, clock)
        self.function = self.make_function()

    def make_function(self, handler: str = "scheduled.run", **inputs: Any) -> str:
        environment = {"variables": {"NOTES": str(self.notes)}}
        return ARN.format(self._register(handler, environment=environment, **inputs))

    def registration(self, name: str = "relay", **changes: Any) -> Registration:
        event = changes.pop("event", {})
        target = {"arn": self.function, "roleArn": "arn:aws:iam::123456789012:role/r", "input": json.dumps(event)}
        target |= changes.pop("target", {"retryPolicy": {"maximumRetryAttempts": 0.0}})
        return Registration(
            urn=f"urn:pulumi:test::test::{TYPE}::{name}",
            type=TYPE,
            name=name,
            id=f"default/{name}",
            inputs={
                "name": name,
                "scheduleExpression": "rate(5 minutes)",
                "state": "ENABLED",
                "target": target,
                **changes,
            },
            outputs={"arn": f"arn:aws:scheduler:us-east-1:123456789012:schedule/default/{name}"},
        )

    def start(self, name: str = "relay", **changes: Any) -> None:
        self.schedules.start(self.registration(name, **changes))

    def advance(self, seconds: float) -> None:
        """Advance the clock and wait until the schedules have read it."""
        self.clock.advance(seconds)
        self.wait_for_poll()

    def wait_for_poll(self) -> None:
        seen = self.clock.polls
        # The first poll may have begun before the clock was advanced.
        self._wait_for(lambda: self.clock.polls >= seen + 2)

    def events(self) -> list[Any]:
        return [json.loads(file.read_text()) for file in sorted(self.notes.glob("*.json"))]

    def settled_events(self) -> list[Any]:
        """Wait until no run is in progress and return the events."""
        self._wait_for(lambda: not any(each.in_progress for each in self.schedules._schedules.values()))
        return self.events()

    def wait_for_events(self, count: int) -> list[Any]:
        self._wait_for(lambda: len(self.events()) >= count)
        assert len(self.events()) == count
        return self.events()


@pytest.fixture
def harness(
    functions: Functions, register: Callable[..., str], tmp_path: Path, wait_for: WaitFor
) -> Iterator[ScheduleHarness]:
    (tmp_path / "notes").mkdir()
    made = ScheduleHarness(functions, register, tmp_path / "notes", ManualClock(), wait_for)
    yield made
    made.gate.touch()
    made.schedules.close()


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[..., list[dict[str, Any]]]:
    """Return the fields of all log records with an event name."""
    caplog.set_level(logging.INFO, logger="local.compute.scheduler.schedules")
    names = ("schedule", "function", "error_type", "error", "attempt", "will_retry", "in_progress")

    def of(event: str) -> list[dict[str, Any]]:
        records = [vars(record) for record in caplog.records if record.message == event]
        return [{"level": each["levelno"], **{name: each[name] for name in names if name in each}} for each in records]

    return of
