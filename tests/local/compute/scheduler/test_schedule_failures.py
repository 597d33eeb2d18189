"""Schedules whose runs fail, that end, and that are refused."""

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
from tests.local.compute.scheduler.schedule_fixtures import Stage, stage, told

__all__ = ["stage", "told"]

WaitFor = Callable[..., Any]
ARN = "arn:aws:lambda:us-east-1:123456789012:function:{}"


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
        monkeypatch.setitem(expressions.UNIT_SECONDS, "minute", 0.05)
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
            ("target.input: required", {"target": {"input": None}}),
            ("target.input: not valid JSON", {"target": {"input": "{job: relay}"}}),
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
    # The platform ended its schedules: their thread is gone.
    assert not [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]
