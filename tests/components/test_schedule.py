import json
from typing import Any

import pulumi
import pytest

from components.arguments import ArgumentError
from components.naming import Naming
from components.schedule import Schedule, ScheduleArgs

NAMING = Naming("episode-metadata", "dev")
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:episode-metadata-maintenance-dev"


def args(**changes: Any) -> Any:
    return ScheduleArgs(
        **dict[str, Any](
            {
                "naming": NAMING,
                "resource_name": "maintenance",
                "description": "Sends what waits in the outbox",
                "expression": "rate(1 minute)",
                "function_arn": FUNCTION,
                "event": {"job": "relay"},
            }
        )
        | changes
    )


COUNTS = {"ScheduleGroup": 1, "Role": 1, "RolePolicy": 1, "Schedule": 1}


class TestRegister:
    def test_schedule_is_as_asked(self, register: Any) -> None:
        graph = register(lambda: Schedule("relay", args()))
        assert graph.counts == COUNTS
        schedule = dict(graph.one("Schedule").inputs)
        target = dict(schedule.pop("target"))
        assert graph.named("relay-role").urn in graph.one("Schedule").property_dependencies["target"]
        assert target.pop("roleArn")
        assert json.loads(target.pop("input")) == {"job": "relay"}
        assert target == {
            "arn": FUNCTION,
            "retryPolicy": {"maximumRetryAttempts": 0, "maximumEventAgeInSeconds": 3_600},
        }
        assert schedule == {
            "name": "episode-metadata-maintenance-dev",
            "groupName": "episode-metadata-maintenance-dev",
            "description": "Sends what waits in the outbox",
            "scheduleExpression": "rate(1 minute)",
            "scheduleExpressionTimezone": "UTC",
            "flexibleTimeWindow": {"mode": "OFF"},
            "state": "ENABLED",
        }

    def test_only_the_schedules_of_its_own_group_take_the_role_on(self, register: Any) -> None:
        graph = register(lambda: Schedule("relay", args()))
        assert graph.one("Role").inputs["name"] == "episode-metadata-maintenance-schedule-role-dev"
        assert graph.depends("relay-schedule", "relay-group")
        trust = graph.statements("relay-role", "assumeRolePolicy")
        assert trust.keys() == {"ServiceAssumesRole"}
        statement = trust["ServiceAssumesRole"]
        assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRole")
        assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
        assert statement["Condition"] == {
            "ArnEquals": {"aws:SourceArn": graph.output("relay-group", "arn")},
            "StringEquals": {"aws:SourceAccount": "123456789012"},
        }

    def test_role_may_invoke_this_function_and_nothing_else(self, register: Any) -> None:
        graph = register(lambda: Schedule("relay", args()))
        assert graph.statements("relay-policy") == {
            "InvokeOneFunction": {
                "Sid": "InvokeOneFunction",
                "Effect": "Allow",
                "Action": ["lambda:InvokeFunction"],
                "Resource": [FUNCTION],
            }
        }
        assert graph.depends("relay-schedule", "relay-policy")

    def test_event_may_hold_outputs(self, register: Any) -> None:
        def make() -> None:
            Schedule("relay", args(event={"queue": pulumi.Output.from_input("https://queue"), "batch": 10}))

        target = register(make).one("Schedule").inputs["target"]
        assert json.loads(target["input"]) == {"queue": "https://queue", "batch": 10}


ACCEPTED_EXPRESSIONS = [
    "rate(1 minute)",
    "rate(1 hour)",
    "rate(1 day)",
    "rate(2 minutes)",
    "rate(11 minutes)",
    "rate(36 hours)",
    "rate(7 days)",
    "cron(0 3 * * ? *)",
    "cron(0 10 ? * MON-FRI *)",
    "cron(0/5 8-17 ? * 2-6 *)",
    "cron(0/30 20-2 ? * FRI-MON *)",
    "cron(*/15 * * * ? *)",
    "cron(5,10,15-20,40/5 0 1 * ? *)",
    "cron(0 0 L * ? *)",
    "cron(0 0 3W * ? *)",
    "cron(0 0 31W * ? *)",
    "cron(0 0 ? JAN,MAR-MAY * *)",
    "cron(0 0 ? * L *)",
    "cron(15 10 ? * 6L 2022-2023)",
    "cron(0 0 ? * FRIL *)",
    "cron(0 0 ? * 3#2 *)",
    "cron(0 0 ? * TUE#5 *)",
    "cron(59 23 31 12 ? 2199)",
    "cron(0 0 1 1 ? 2026/2)",
    "cron(0   3 * * ? *)",
]

REFUSED_EXPRESSIONS = [
    "",
    "rate(0 minutes)",
    "rate(1 minutes)",
    "rate(5 minute)",
    "rate(10 hour)",
    "rate(-1 minute)",
    "rate(01 minute)",
    "rate(1.5 hours)",
    "rate(30 seconds)",
    "rate(1 week)",
    "rate(5minutes)",
    "rate(5 minutes) ",
    "at(2030-01-01T00:00:00)",
    "0 3 * * ? *",
    "cron()",
    "cron(0 3 * * ?)",
    "cron(0 3 * * ? * *)",
    "cron(0 3 * * * *)",
    "cron(0 3 ? * ? *)",
    "cron(0 3 1 * MON *)",
    "cron(60 3 * * ? *)",
    "cron(0 24 * * ? *)",
    "cron(0 0 0 * ? *)",
    "cron(0 0 32 * ? *)",
    "cron(0 0 32W * ? *)",
    "cron(0 0 0W * ? *)",
    "cron(0 0 1W,15W * ? *)",
    "cron(0 0 * 13 ? *)",
    "cron(0 0 * 0 ? *)",
    "cron(0 0 * January ? *)",
    "cron(0 0 * MON ? *)",
    "cron(0 0 ? * 0 *)",
    "cron(0 0 ? * 8 *)",
    "cron(0 0 ? * 3#6 *)",
    "cron(0 0 ? * 3#0 *)",
    "cron(0 0 ? * 3#1,6#3 *)",
    "cron(0 0 * * ? 1969)",
    "cron(0 0 * * ? 2200)",
    "cron(0 0 * * ? 2030-2026)",
    "cron(*/0 * * * ? *)",
    "cron(*/60 * * * ? *)",
    "cron(1-2-3 * * * ? *)",
    "cron(1, * * * ? *)",
    "cron(L * * * ? *)",
    "cron(? * * * ? *)",
    "rate(1000000000 days)",
    "cron(00000 * * * ? *)",
    "cron(*/00001 * * * ? *)",
    "cron(\u0661 * * * ? *)",
    "cron(" + "0," * 124 + "0 0 * * ? *)",
]


class TestArgs:
    @pytest.mark.parametrize("expression", ACCEPTED_EXPRESSIONS)
    def test_documented_expression_is_taken(self, expression: Any) -> None:
        assert args(expression=expression).expression == expression

    @pytest.mark.parametrize("expression", REFUSED_EXPRESSIONS)
    def test_expression_that_aws_does_not_know_is_refused(self, expression: Any) -> None:
        with pytest.raises(ArgumentError, match=r"ScheduleArgs\.expression: must"):
            args(expression=expression)

    def test_longest_expression_is_taken(self) -> None:
        minutes = ",".join(["0"] * 120)
        expression = f"cron({minutes} 0 * * ? *)"
        spaces = " " * (256 - len(expression))
        assert args(expression=f"cron({minutes}{spaces} 0 * * ? *)").expression
        with pytest.raises(ArgumentError, match="at most 256 characters, not 257"):
            args(expression=f"cron({minutes}{spaces}  0 * * ? *)")

    def test_refusal_says_which_field_is_wrong(self) -> None:
        with pytest.raises(ArgumentError, match="must have a day of month that AWS accepts, not '32'"):
            args(expression="cron(0 0 32 * ? *)")
