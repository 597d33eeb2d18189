"""Failed runs, replaced and closed schedules, and unsupported inputs."""

import json
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from local.cloud import LocalCloud
from local.compute.lambda_.functions import Functions
from local.compute.scheduler import expressions
from local.compute.scheduler.schedules import THREAD_NAME, Schedules
from local.errors import RegistrationError
from tests.local.compute.scheduler.schedule_fixtures import ScheduleHarness, harness, logged

__all__ = ["harness", "logged"]

WaitFor = Callable[..., Any]
ARN = "arn:aws:lambda:us-east-1:123456789012:function:{}"


class TestFailure:
    def test_failure_is_logged_and_not_retried_with_zero_retries(
        self, harness: ScheduleHarness, logged: Callable[..., Any], wait_for: WaitFor
    ) -> None:
        harness.start(event={"failures": 9})
        harness.advance(300)
        assert wait_for(lambda: logged("schedule_run_failed")) == [
            {
                "level": logging.WARNING,
                "schedule": "relay",
                "function": harness.function,
                "error_type": "Unhandled",
                "error": "ValueError: not yet",
                "attempt": 1,
                "will_retry": False,
            }
        ]
        harness.advance(200)
        assert len(harness.settled_events()) == 1
        assert logged("schedule_run_completed") == []

    def test_failed_run_is_retried_with_exponential_backoff(
        self, harness: ScheduleHarness, logged: Callable[..., Any], wait_for: WaitFor
    ) -> None:
        self.start_failing(harness, 2, maximumRetryAttempts=5.0)
        harness.advance(300)
        harness.wait_for_events(1)
        for count, pause in ((2, 1), (3, 2)):
            wait_for(lambda count=count: len(logged("schedule_run_failed")) == count - 1)
            harness.advance(pause - 0.1)
            harness.wait_for_events(count - 1)
            harness.advance(0.1)
            harness.wait_for_events(count)
        assert [event["attempt"] for event in harness.events()] == ["1", "2", "3"]
        assert wait_for(lambda: logged("schedule_run_completed"))[0]["attempt"] == 3
        assert [each["will_retry"] for each in logged("schedule_run_failed")] == [True, True]

    def test_run_ends_after_the_last_retry(
        self, harness: ScheduleHarness, logged: Callable[..., Any], wait_for: WaitFor
    ) -> None:
        self.start_failing(harness, 9, maximumRetryAttempts=1.0)
        harness.advance(300)
        wait_for(lambda: logged("schedule_run_failed"))
        harness.advance(1)
        wait_for(lambda: len(logged("schedule_run_failed")) == 2)
        assert [each["will_retry"] for each in logged("schedule_run_failed")] == [True, False]

    def test_run_ends_at_the_maximum_event_age(
        self, harness: ScheduleHarness, logged: Callable[..., Any], wait_for: WaitFor
    ) -> None:
        self.start_failing(harness, 9, maximumRetryAttempts=9.0, maximumEventAgeInSeconds=3.0)
        harness.advance(300)
        for count, pause in ((1, 1), (2, 2), (3, 0)):
            wait_for(lambda count=count: len(logged("schedule_run_failed")) == count)
            harness.advance(pause)
        assert [each["will_retry"] for each in logged("schedule_run_failed")] == [True, True, False]

    def test_default_retry_policy_retries(
        self, harness: ScheduleHarness, logged: Callable[..., Any], wait_for: WaitFor
    ) -> None:
        harness.start(event={"failures": 9}, target={})
        harness.advance(300)
        assert wait_for(lambda: logged("schedule_run_failed"))[0]["will_retry"] is True

    def test_throttled_function_is_logged(
        self, harness: ScheduleHarness, logged: Callable[..., Any], wait_for: WaitFor
    ) -> None:
        harness.function = harness.make_function(reservedConcurrentExecutions=0.0)
        harness.start()
        harness.advance(300)
        assert wait_for(lambda: logged("schedule_run_failed"))[0]["error_type"] == "Throttled"

    def test_unexpected_exception_is_logged_and_later_runs_continue(
        self,
        harness: ScheduleHarness,
        functions: Functions,
        logged: Callable[..., Any],
        wait_for: WaitFor,
        monkeypatch: Any,
    ) -> None:
        def fail(*_: Any) -> None:
            raise OSError("no more processes")

        harness.start()
        with monkeypatch.context() as patch:
            patch.setattr(functions, "invoke", fail)
            harness.advance(300)
            assert wait_for(lambda: logged("schedule_run_failed"))[0]["error_type"] == "OSError"
        harness.advance(300)
        harness.wait_for_events(1)

    def start_failing(self, harness: ScheduleHarness, failures: int, **policy: float) -> None:
        event = {"failures": failures, "attempt": "<aws.scheduler.attempt-number>"}
        target = {"input": json.dumps(event), "retryPolicy": policy}
        harness.start(scheduleExpression="rate(1 hour)", target=target)
        harness.advance(3_300)


class TestLifecycle:
    def test_disabled_schedule_never_runs(self, harness: ScheduleHarness) -> None:
        harness.start("off", state="DISABLED", event={"off": True})
        harness.start("on", event={"on": True})
        harness.advance(300)
        harness.advance(300)
        assert harness.settled_events() == [{"on": True}] * 2

    def test_second_registration_replaces_the_schedule(self, harness: ScheduleHarness) -> None:
        harness.start(event={"old": True})
        harness.start(event={"new": True})
        harness.advance(300)
        assert harness.settled_events() == [{"new": True}]

    def test_schedule_that_becomes_disabled_stops(self, harness: ScheduleHarness) -> None:
        harness.start("relay")
        harness.start("relay", state="DISABLED")
        harness.start("other", event={"other": True})
        harness.advance(300)
        assert harness.settled_events() == [{"other": True}]

    def test_nothing_runs_after_close(self, harness: ScheduleHarness, wait_for: WaitFor) -> None:
        before = set(threading.enumerate())
        harness.start("quick")
        harness.start("failing", target={"input": '{"failures": 9}'})
        harness.advance(300)
        harness.wait_for_events(2)
        harness.schedules.close()
        harness.clock.advance(86_400)
        started = [thread for thread in threading.enumerate() if "schedule" in thread.name and thread not in before]
        # The run that waits for its retry ends too.
        wait_for(lambda: not any(thread.is_alive() for thread in started))
        harness.wait_for_events(2)
        harness.schedules.close()

    def test_close_does_not_wait_for_slow_runs(self, harness: ScheduleHarness) -> None:
        harness.function = harness.make_function(timeout=600.0)
        harness.start(event={"gate": str(harness.gate)})
        harness.advance(300)
        harness.wait_for_events(1)
        began = time.monotonic()
        harness.schedules.close()
        assert time.monotonic() - began < 60

    def test_real_clock_starts_runs(
        self, harness: ScheduleHarness, functions: Functions, monkeypatch: pytest.MonkeyPatch, wait_for: WaitFor
    ) -> None:
        monkeypatch.setitem(expressions.UNIT_SECONDS, "minute", 0.05)
        schedules = Schedules(functions)
        try:
            schedules.start(harness.registration(scheduleExpression="rate(1 minute)"))
            wait_for(lambda: len(harness.events()) >= 3)
        finally:
            schedules.close()


class TestUnsupportedInputs:
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
            ("target.input: required", {"target": {"input": None}}),
            ("target.input: not valid JSON", {"target": {"input": "{job: relay}"}}),
            ("target.deadLetterConfig: ", {"target": {"deadLetterConfig": {"arn": "arn:aws:sqs:::dead"}}}),
        ],
    )
    def test_unsupported_input_raises_registration_error(
        self, harness: ScheduleHarness, problem: str, changes: dict[str, Any]
    ) -> None:
        with pytest.raises(RegistrationError) as caught:
            harness.start(**changes)
        assert caught.value.problem.startswith(problem)


def program() -> None:
    code = pulumi.FileArchive(str(Path(__file__).parents[1] / "handlers"))
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
    monkeypatch.setitem(expressions.UNIT_SECONDS, "minute", 0.2)
    (notes := tmp_path / "notes").mkdir()
    cloud = LocalCloud(tmp_path / "cloud", region="us-east-1", port=0, listener=lambda _: None)
    try:
        cloud.deploy(program, project="test", stack="dev", config={"aws:region": "us-east-1", "test:notes": str(notes)})
        file = wait_for(lambda: next(notes.glob("*.json"), None), seconds=60)
        assert json.loads(file.read_text()) == {"job": "relay"}
    finally:
        cloud.close()
    # The platform closed its schedules, so their thread has ended.
    assert not [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]
