"""Schedules that invoke real functions, with a clock that the test sets."""

import logging
from collections.abc import Callable
from typing import Any

from local.compute.scheduler.schedules import MAX_POLL_SECONDS
from tests.local.compute.scheduler.schedule_fixtures import ScheduleHarness, harness, logged

__all__ = ["harness", "logged"]

WaitFor = Callable[..., Any]
DAILY: dict[str, Any] = {"scheduleExpression": "cron(0 3 * * ? *)", "event": {"at": "<aws.scheduler.scheduled-time>"}}


class TestRate:
    def test_runs_start_after_each_period(self, harness: ScheduleHarness) -> None:
        harness.start(event={"job": "relay"})
        harness.advance(299)
        assert harness.settled_events() == []
        harness.advance(1)
        assert harness.wait_for_events(1) == [{"job": "relay"}]
        harness.advance(299)
        assert len(harness.settled_events()) == 1
        harness.advance(1)
        harness.wait_for_events(2)

    def test_missed_periods_are_one_run_and_the_phase_is_kept(self, harness: ScheduleHarness) -> None:
        harness.start(event={"at": "<aws.scheduler.scheduled-time>"})
        harness.advance(5 * 300 + 10)
        assert harness.settled_events() == [{"at": "2026-11-21T02:05:00Z"}]
        harness.advance(289)
        assert len(harness.settled_events()) == 1
        harness.advance(1)
        assert harness.wait_for_events(2)[1] == {"at": "2026-11-21T02:30:00Z"}

    def test_setting_the_wall_clock_does_not_affect_rates(self, harness: ScheduleHarness) -> None:
        harness.start()
        harness.clock.set_wall(-86_400)
        harness.advance(300)
        harness.wait_for_events(1)
        harness.clock.set_wall(2 * 86_400)
        harness.wait_for_poll()
        assert len(harness.settled_events()) == 1


class TestCron:
    def test_run_starts_at_the_scheduled_minute(self, harness: ScheduleHarness) -> None:
        harness.start(**DAILY)
        harness.advance(3_599)
        assert harness.settled_events() == []
        harness.advance(2)
        assert harness.wait_for_events(1) == [{"at": "2026-11-21T03:00:00Z"}]
        harness.advance(86_399)
        assert harness.wait_for_events(2)[1] == {"at": "2026-11-22T03:00:00Z"}

    def test_runs_missed_during_sleep_are_one_run(self, harness: ScheduleHarness) -> None:
        harness.start(**DAILY)
        harness.clock.set_wall(3 * 86_400)
        harness.wait_for_poll()
        assert len(harness.settled_events()) == 1
        assert harness.clock.longest_wait <= MAX_POLL_SECONDS

    def test_setting_the_wall_clock_back_repeats_no_run(self, harness: ScheduleHarness) -> None:
        harness.start(**DAILY)
        harness.advance(3_600)
        harness.wait_for_events(1)
        harness.clock.set_wall(-120)
        harness.wait_for_poll()
        harness.advance(180)
        assert len(harness.settled_events()) == 1

    def test_expression_without_future_times_does_not_block_others(self, harness: ScheduleHarness) -> None:
        harness.start("over", scheduleExpression="cron(0 0 1 1 ? 2020)")
        harness.wait_for_poll()
        assert harness.clock.longest_wait == MAX_POLL_SECONDS
        harness.start("relay")
        harness.advance(300)
        harness.wait_for_events(1)


class TestRun:
    def test_completed_run_is_logged(
        self, harness: ScheduleHarness, logged: Callable[..., Any], wait_for: WaitFor
    ) -> None:
        harness.start()
        harness.advance(300)
        assert wait_for(lambda: logged("schedule_run_completed")) == [
            {"level": logging.INFO, "schedule": "relay", "function": harness.function, "attempt": 1}
        ]

    def test_event_has_context_attributes(self, harness: ScheduleHarness) -> None:
        names = ("schedule-arn", "scheduled-time", "execution-id", "attempt-number")
        harness.start(event={name: f"<aws.scheduler.{name}>" for name in names})
        harness.advance(300)
        harness.wait_for_events(1)
        harness.advance(300)
        first, second = harness.wait_for_events(2)
        assert first.pop("execution-id") != second.pop("execution-id")
        assert first == {
            "schedule-arn": "arn:aws:scheduler:us-east-1:123456789012:schedule/default/relay",
            "scheduled-time": "2026-11-21T02:05:00Z",
            "attempt-number": "1",
        }

    def test_slow_run_does_not_delay_other_schedules(self, harness: ScheduleHarness) -> None:
        harness.start("slow", event={"gate": str(harness.gate)})
        harness.start("quick", event={"quick": True})
        for count in (1, 2, 3):
            harness.advance(300)
            harness.wait_for_events(min(count, 2) + count)
        assert [event for event in harness.events() if "quick" in event] == [{"quick": True}] * 3

    def test_runs_over_the_concurrency_limit_are_skipped(
        self, harness: ScheduleHarness, logged: Callable[..., Any]
    ) -> None:
        harness.start(event={"gate": str(harness.gate)})
        for count in (1, 2):
            harness.advance(300)
            harness.wait_for_events(count)
        assert logged("schedule_run_skipped") == []
        harness.advance(300)
        assert logged("schedule_run_skipped") == [
            {"level": logging.WARNING, "schedule": "relay", "function": harness.function, "in_progress": 2}
        ]
        harness.wait_for_events(2)
        harness.gate.touch()
        assert len(harness.settled_events()) == 2
        harness.advance(300)
        assert len(harness.settled_events()) == 3
        assert len(logged("schedule_run_completed")) == 3
