"""Schedules that run real functions, by a clock that the test moves."""

import logging
from collections.abc import Callable
from typing import Any

from local.compute.scheduler.schedules import MAX_POLL_SECONDS
from tests.local.compute.scheduler.schedule_fixtures import Stage, stage, told

__all__ = ["stage", "told"]

WaitFor = Callable[..., Any]
DAILY = {"scheduleExpression": "cron(0 3 * * ? *)", "event": {"at": "<aws.scheduler.scheduled-time>"}}


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
        assert stage.clock.longest_wait <= MAX_POLL_SECONDS

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
        assert stage.clock.longest_wait == MAX_POLL_SECONDS
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
            {"level": logging.WARNING, "schedule": "relay", "function": stage.function, "in_progress": 2}
        ]
        stage.wait_for_events(2)
        stage.gate.touch()
        assert len(stage.settled()) == 2
        stage.pass_time(300)
        assert len(stage.settled()) == 3
        assert len(told("schedule_run_completed")) == 3
