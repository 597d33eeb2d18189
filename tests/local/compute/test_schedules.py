"""Schedules that run real functions, by a clock that the test moves."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from local.cloud import LocalCloud
from local.compute import schedule_expressions
from local.compute.functions import Functions
from local.compute.schedule_timers import Clock
from local.compute.schedules import LONGEST_LOOK_AWAY_SECONDS, THREAD_NAME, Schedules
from local.errors import RegistrationError
from local.provider.protocol import Registration

WaitFor = Callable[..., Any]
DAILY = {"scheduleExpression": "cron(0 3 * * ? *)", "event": {"at": "<aws.scheduler.scheduled-time>"}}
TYPE = "aws:scheduler/schedule:Schedule"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:{}"


class HandClock(Clock):
    """It goes on only when it is told to; `wait` gives the test a moment to do so."""

    def __init__(self) -> None:
        self.wall, self.seconds = datetime(2026, 11, 21, 2, 0, tzinfo=UTC), 0.0
        self.looks, self.longest_wait = 0, 0.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, changed: threading.Condition, seconds: float) -> None:
        if threading.current_thread().name == THREAD_NAME:
            self.looks += 1
            self.longest_wait = max(self.longest_wait, seconds)
        changed.wait(0.005)

    def set_wall(self, seconds: float) -> None:
        """Somebody sets the wall clock, or the machine sleeps."""
        self.wall += timedelta(seconds=seconds)

    def advance(self, seconds: float) -> None:
        self.set_wall(seconds)
        self.seconds += seconds


class Stage:
    """Schedules of functions that note their events."""

    def __init__(
        self, functions: Functions, register: Callable[..., str], notes: Path, clock: HandClock, wait_for: WaitFor
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

    def pass_time(self, seconds: float) -> None:
        """Moves the clock and waits until the schedules have looked at it."""
        self.clock.advance(seconds)
        self.look()

    def look(self) -> None:
        seen = self.clock.looks
        # The first look may have begun before the clock moved.
        self._wait_for(lambda: self.clock.looks >= seen + 2)

    def events(self) -> list[Any]:
        return [json.loads(file.read_text()) for file in sorted(self.notes.glob("*.json"))]

    def settled(self) -> list[Any]:
        """The events, when no run is at work any more."""
        self._wait_for(lambda: not any(each.at_work for each in self.schedules._schedules.values()))
        return self.events()

    def wait_for_events(self, count: int) -> list[Any]:
        self._wait_for(lambda: len(self.events()) >= count)
        assert len(self.events()) == count
        return self.events()


@pytest.fixture
def stage(functions: Functions, register: Callable[..., str], tmp_path: Path, wait_for: WaitFor) -> Iterator[Stage]:
    (tmp_path / "notes").mkdir()
    made = Stage(functions, register, tmp_path / "notes", HandClock(), wait_for)
    yield made
    made.gate.touch()
    made.schedules.close()


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[..., list[dict[str, Any]]]:
    """The fields of each event of a name that was logged."""
    caplog.set_level(logging.INFO, logger="local.compute.schedules")
    names = ("schedule", "function", "error_type", "error", "attempt", "will_retry", "at_work")

    def of(event: str) -> list[dict[str, Any]]:
        records = [vars(record) for record in caplog.records if record.message == event]
        return [{"level": each["levelno"], **{name: each[name] for name in names if name in each}} for each in records]

    return of


class TestRate:
    def test_first_run_comes_after_one_period_and_the_others_each_one_later(self, stage: Stage) -> None:
        stage.start(event={"job": "relay"})
        stage.pass_time(299)
        assert stage.settled() == []
        stage.pass_time(1)
        assert stage.wait_for_events(1) == [{"job": "relay"}]
        stage.pass_time(299)
        assert len(stage.settled()) == 1
        stage.pass_time(1)
        stage.wait_for_events(2)

    def test_periods_that_were_missed_are_one_run_and_the_phase_stays(self, stage: Stage) -> None:
        stage.start(event={"at": "<aws.scheduler.scheduled-time>"})
        stage.pass_time(5 * 300 + 10)
        assert stage.settled() == [{"at": "2026-11-21T02:05:00Z"}]
        stage.pass_time(289)
        assert len(stage.settled()) == 1
        stage.pass_time(1)
        assert stage.wait_for_events(2)[1] == {"at": "2026-11-21T02:30:00Z"}

    def test_wall_clock_that_is_set_changes_nothing(self, stage: Stage) -> None:
        stage.start()
        stage.clock.set_wall(-86_400)
        stage.pass_time(300)
        stage.wait_for_events(1)
        stage.clock.set_wall(2 * 86_400)
        stage.look()
        assert len(stage.settled()) == 1


class TestCron:
    def test_it_runs_at_its_minute(self, stage: Stage) -> None:
        stage.start(**DAILY)
        stage.pass_time(3_599)
        assert stage.settled() == []
        stage.pass_time(2)
        assert stage.wait_for_events(1) == [{"at": "2026-11-21T03:00:00Z"}]
        stage.pass_time(86_399)
        assert stage.wait_for_events(2)[1] == {"at": "2026-11-22T03:00:00Z"}

    def test_machine_that_slept_makes_up_for_one_run(self, stage: Stage) -> None:
        stage.start(**DAILY)
        stage.clock.set_wall(3 * 86_400)
        stage.look()
        assert len(stage.settled()) == 1
        assert stage.clock.longest_wait <= LONGEST_LOOK_AWAY_SECONDS

    def test_wall_clock_that_is_set_back_runs_no_minute_twice(self, stage: Stage) -> None:
        stage.start(**DAILY)
        stage.pass_time(3_600)
        stage.wait_for_events(1)
        stage.clock.set_wall(-120)
        stage.look()
        stage.pass_time(180)
        assert len(stage.settled()) == 1

    def test_expression_without_a_time_left_holds_nobody_up(self, stage: Stage) -> None:
        stage.start("over", scheduleExpression="cron(0 0 1 1 ? 2020)")
        stage.look()
        assert stage.clock.longest_wait == LONGEST_LOOK_AWAY_SECONDS
        stage.start("relay")
        stage.pass_time(300)
        stage.wait_for_events(1)


class TestRun:
    def test_success_is_told(self, stage: Stage, told: Callable[..., Any], wait_for: WaitFor) -> None:
        stage.start()
        stage.pass_time(300)
        assert wait_for(lambda: told("schedule_run_completed")) == [
            {"level": logging.INFO, "schedule": "relay", "function": stage.function, "attempt": 1}
        ]

    def test_event_says_what_scheduler_knows(self, stage: Stage) -> None:
        names = ("schedule-arn", "scheduled-time", "execution-id", "attempt-number")
        stage.start(event={name: f"<aws.scheduler.{name}>" for name in names})
        stage.pass_time(300)
        stage.wait_for_events(1)
        stage.pass_time(300)
        first, second = stage.wait_for_events(2)
        assert first.pop("execution-id") != second.pop("execution-id")
        assert first == {
            "schedule-arn": "arn:aws:scheduler:us-east-1:123456789012:schedule/default/relay",
            "scheduled-time": "2026-11-21T02:05:00Z",
            "attempt-number": "1",
        }

    def test_slow_run_does_not_hold_the_others_back(self, stage: Stage) -> None:
        stage.start("slow", event={"gate": str(stage.gate)})
        stage.start("quick", event={"quick": True})
        for count in (1, 2, 3):
            stage.pass_time(300)
            stage.wait_for_events(min(count, 2) + count)
        assert [event for event in stage.events() if "quick" in event] == [{"quick": True}] * 3

    def test_runs_do_not_pile_up_and_go_on_when_there_is_room(self, stage: Stage, told: Callable[..., Any]) -> None:
        stage.start(event={"gate": str(stage.gate)})
        for count in (1, 2):
            stage.pass_time(300)
            stage.wait_for_events(count)
        assert told("schedule_run_skipped") == []
        stage.pass_time(300)
        assert told("schedule_run_skipped") == [
            {"level": logging.WARNING, "schedule": "relay", "function": stage.function, "at_work": 2}
        ]
        stage.wait_for_events(2)
        stage.gate.touch()
        assert len(stage.settled()) == 2
        stage.pass_time(300)
        assert len(stage.settled()) == 3
        assert len(told("schedule_run_completed")) == 3


class TestFailure:
    def test_it_is_told_and_not_repeated_without_retries(
        self, stage: Stage, told: Callable[..., Any], wait_for: WaitFor
    ) -> None:
        stage.start(event={"failures": 9})
        stage.pass_time(300)
        assert wait_for(lambda: told("schedule_run_failed")) == [
            {
                "level": logging.WARNING,
                "schedule": "relay",
                "function": stage.function,
                "error_type": "Unhandled",
                "error": "ValueError: not yet",
                "attempt": 1,
                "will_retry": False,
            }
        ]
        stage.pass_time(200)
        assert len(stage.settled()) == 1
        assert told("schedule_run_completed") == []

    def test_it_is_repeated_after_growing_pauses_until_it_succeeds(
        self, stage: Stage, told: Callable[..., Any], wait_for: WaitFor
    ) -> None:
        self.start_failing(stage, 2, maximumRetryAttempts=5.0)
        stage.pass_time(300)
        stage.wait_for_events(1)
        for count, pause in ((2, 1), (3, 2)):
            wait_for(lambda count=count: len(told("schedule_run_failed")) == count - 1)
            stage.pass_time(pause - 0.1)
            stage.wait_for_events(count - 1)
            stage.pass_time(0.1)
            stage.wait_for_events(count)
        assert [event["attempt"] for event in stage.events()] == ["1", "2", "3"]
        assert wait_for(lambda: told("schedule_run_completed"))[0]["attempt"] == 3
        assert [each["will_retry"] for each in told("schedule_run_failed")] == [True, True]

    def test_it_is_given_up_after_the_last_retry(
        self, stage: Stage, told: Callable[..., Any], wait_for: WaitFor
    ) -> None:
        self.start_failing(stage, 9, maximumRetryAttempts=1.0)
        stage.pass_time(300)
        wait_for(lambda: told("schedule_run_failed"))
        stage.pass_time(1)
        wait_for(lambda: len(told("schedule_run_failed")) == 2)
        assert [each["will_retry"] for each in told("schedule_run_failed")] == [True, False]

    def test_it_is_given_up_when_the_event_is_too_old(
        self, stage: Stage, told: Callable[..., Any], wait_for: WaitFor
    ) -> None:
        self.start_failing(stage, 9, maximumRetryAttempts=9.0, maximumEventAgeInSeconds=3.0)
        stage.pass_time(300)
        for count, pause in ((1, 1), (2, 2), (3, 0)):
            wait_for(lambda count=count: len(told("schedule_run_failed")) == count)
            stage.pass_time(pause)
        assert [each["will_retry"] for each in told("schedule_run_failed")] == [True, True, False]

    def test_without_a_policy_scheduler_s_own_counts(
        self, stage: Stage, told: Callable[..., Any], wait_for: WaitFor
    ) -> None:
        stage.start(event={"failures": 9}, target={})
        stage.pass_time(300)
        assert wait_for(lambda: told("schedule_run_failed"))[0]["will_retry"] is True

    def test_function_without_concurrency_is_told_as_throttled(
        self, stage: Stage, told: Callable[..., Any], wait_for: WaitFor
    ) -> None:
        stage.function = stage.make_function(reservedConcurrentExecutions=0.0)
        stage.start()
        stage.pass_time(300)
        assert wait_for(lambda: told("schedule_run_failed"))[0]["error_type"] == "Throttled"

    def test_fault_of_the_runner_itself_is_told_and_ends_nothing(
        self, stage: Stage, functions: Functions, told: Callable[..., Any], wait_for: WaitFor, monkeypatch: Any
    ) -> None:
        def fail(*_: Any) -> None:
            raise OSError("no more processes")

        stage.start()
        with monkeypatch.context() as patch:
            patch.setattr(functions, "invoke", fail)
            stage.pass_time(300)
            assert wait_for(lambda: told("schedule_run_failed"))[0]["error_type"] == "OSError"
        stage.pass_time(300)
        stage.wait_for_events(1)

    def start_failing(self, stage: Stage, failures: int, **policy: float) -> None:
        event = {"failures": failures, "attempt": "<aws.scheduler.attempt-number>"}
        target = {"input": json.dumps(event), "retryPolicy": policy}
        stage.start(scheduleExpression="rate(1 hour)", target=target)
        stage.pass_time(3_300)


class TestLife:
    def test_disabled_schedule_never_runs(self, stage: Stage) -> None:
        stage.start("off", state="DISABLED", event={"off": True})
        stage.start("on", event={"on": True})
        stage.pass_time(300)
        stage.pass_time(300)
        assert stage.settled() == [{"on": True}] * 2

    def test_schedule_that_is_registered_again_is_replaced(self, stage: Stage) -> None:
        stage.start(event={"old": True})
        stage.start(event={"new": True})
        stage.pass_time(300)
        assert stage.settled() == [{"new": True}]

    def test_schedule_that_is_disabled_again_stops(self, stage: Stage) -> None:
        stage.start("relay")
        stage.start("relay", state="DISABLED")
        stage.start("other", event={"other": True})
        stage.pass_time(300)
        assert stage.settled() == [{"other": True}]

    def test_nothing_runs_after_the_close(self, stage: Stage, wait_for: WaitFor) -> None:
        before = set(threading.enumerate())
        stage.start("quick")
        stage.start("failing", target={"input": '{"failures": 9}'})
        stage.pass_time(300)
        stage.wait_for_events(2)
        stage.schedules.close()
        stage.clock.advance(86_400)
        started = [thread for thread in threading.enumerate() if "schedule" in thread.name and thread not in before]
        # The run that waits for its retry ends too, instead of holding the process up for a day.
        wait_for(lambda: not any(thread.is_alive() for thread in started))
        stage.wait_for_events(2)
        stage.schedules.close()

    def test_close_does_not_wait_for_slow_runs(self, stage: Stage) -> None:
        stage.function = stage.make_function(timeout=600.0)
        stage.start(event={"gate": str(stage.gate)})
        stage.pass_time(300)
        stage.wait_for_events(1)
        began = time.monotonic()
        stage.schedules.close()
        assert time.monotonic() - began < 60

    def test_it_runs_by_the_machine_s_own_clock(
        self, stage: Stage, functions: Functions, monkeypatch: pytest.MonkeyPatch, wait_for: WaitFor
    ) -> None:
        monkeypatch.setitem(schedule_expressions.UNIT_SECONDS, "minute", 0.05)
        schedules = Schedules(functions)
        try:
            schedules.start(stage.registration(scheduleExpression="rate(1 minute)"))
            wait_for(lambda: len(stage.events()) >= 3)
        finally:
            schedules.close()


class TestRefusals:
    @pytest.mark.parametrize(
        ("problem", "changes"),
        [
            ("scheduleExpression: at(2030-01-01T00:00:00)", {"scheduleExpression": "at(2030-01-01T00:00:00)"}),
            ("scheduleExpression: ", {"scheduleExpression": "cron(0 3 * * * *)"}),
            ("scheduleExpressionTimezone: Europe/Vienna", {"scheduleExpressionTimezone": "Europe/Vienna"}),
            ("startDate: ", {"startDate": "2030-01-01T00:00:00Z"}),
            ("endDate: ", {"endDate": "2030-01-01T00:00:00Z"}),
            ("target.arn: none", {"target": {"arn": None}}),
            ("target.arn: arn:aws:sqs:", {"target": {"arn": "arn:aws:sqs:us-east-1:123456789012:queue"}}),
            ("target.arn: arn:aws:scheduler:", {"target": {"arn": "arn:aws:scheduler:::aws-sdk:lambda:invoke"}}),
            ("target.arn: no function is registered", {"target": {"arn": ARN.format("nobody")}}),
            ("target.input: AWS's notification", {"target": {"input": None}}),
            ("target.input: it is not JSON", {"target": {"input": "{job: relay}"}}),
            ("target.deadLetterConfig: ", {"target": {"deadLetterConfig": {"arn": "arn:aws:sqs:::dead"}}}),
        ],
    )
    def test_what_does_not_run_here_is_refused_by_input(
        self, stage: Stage, problem: str, changes: dict[str, Any]
    ) -> None:
        with pytest.raises(RegistrationError) as caught:
            stage.start(**changes)
        assert caught.value.problem.startswith(problem)


def program() -> None:
    code = pulumi.FileArchive(str(Path(__file__).parent / "handlers"))
    role = aws.iam.Role("role", assume_role_policy='{"Version": "2012-10-17", "Statement": []}')
    notes = pulumi.Config("test").require("notes")
    function = aws.lambda_.Function(
        "function",
        role=role.arn,
        runtime="python3.13",
        handler="scheduled.run",
        code=code,
        environment={"variables": {"NOTES": notes}},
    )
    aws.scheduler.Schedule(
        "relay",
        schedule_expression="rate(1 minute)",
        flexible_time_window={"mode": "OFF"},
        target={"arn": function.arn, "role_arn": role.arn, "input": '{"job": "relay"}'},
    )


def test_platform_runs_the_schedules_of_its_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_for: WaitFor
) -> None:
    monkeypatch.setitem(schedule_expressions.UNIT_SECONDS, "minute", 0.2)
    (notes := tmp_path / "notes").mkdir()
    cloud = LocalCloud(tmp_path / "cloud", region="us-east-1", port=0, listener=lambda _: None)
    try:
        cloud.deploy(program, project="test", stack="dev", config={"aws:region": "us-east-1", "test:notes": str(notes)})
        file = wait_for(lambda: next(notes.glob("*.json"), None), seconds=60)
        assert json.loads(file.read_text()) == {"job": "relay"}
    finally:
        cloud.close()
    # The platform ended its schedules: their thread is gone.
    assert not [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]
