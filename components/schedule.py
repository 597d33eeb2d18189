"""An EventBridge schedule that invokes a function, with a role that only this schedule can assume and that permits nothing else."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import check
from components.naming import Naming

MAX_EXPRESSION_LENGTH = 256
# A failed delivery is not retried: the default of 185 retries within a day would repeat a task that runs every minute. A
# delivery only queues the event: Lambda itself retries a function that fails (twice by default).
RETRIES, MAXIMUM_EVENT_AGE_SECONDS = 0, 3_600
RATE = re.compile(r"rate\(([1-9][0-9]{0,8}) (minute|hour|day)(s?)\)")
CRON = re.compile(r"cron\((.*)\)")
STEPPED = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[0-9]{1,4}))?")
NUMBER = re.compile(r"[0-9]{1,4}")

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, kw_only=True)
class CronField:
    """One of the six cron fields: its range, the names of its values from `low` on, and its special forms."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    special_forms: re.Pattern[str] | None = None

    def accepts(self, text: str) -> bool:
        """Return whether AWS accepts the text: values, ranges, steps and lists of them, or a special form."""
        if self.special_forms is not None and self.special_forms.fullmatch(text):
            return True
        return all(self._accepts_item(item) for item in text.split(","))

    def _accepts_item(self, item: str) -> bool:
        match = STEPPED.fullmatch(item)
        if match is None:
            return False
        values = [self._value(match[end]) for end in ("first", "last") if match[end]]
        # Ranges may wrap around (hours 20-2), except for years.
        backwards = self.name == "year" and values != sorted(values)
        step = int(match["step"] or 1)
        return all(self.low <= value <= self.high for value in values) and not backwards and 1 <= step < self.span

    @property
    def span(self) -> int:
        """The number of values."""
        return self.high - self.low + 1

    def _value(self, text: str) -> int:
        """Return the number of a text; -1, which no field accepts, for any other text."""
        if text in self.names:
            return self.low + self.names.index(text)
        return int(text) if NUMBER.fullmatch(text) else -1


CRON_FIELDS = (
    CronField(name="minute", low=0, high=59),
    CronField(name="hour", low=0, high=23),
    CronField(name="day of month", low=1, high=31, special_forms=re.compile(r"\?|L|([1-9]|[12][0-9]|3[01])W")),
    CronField(name="month", low=1, high=12, names=MONTHS),
    CronField(
        name="day of week",
        low=1,
        high=7,
        names=DAYS,
        special_forms=re.compile(rf"\?|L|([1-7]|{'|'.join(DAYS)})(L|#[1-5])"),
    ),
    CronField(name="year", low=1970, high=2199),
)


def expression_problem(expression: str) -> str:
    """Return the problem of a recurring schedule expression, which begins with "must"; empty if AWS accepts it."""
    if len(expression) > MAX_EXPRESSION_LENGTH:
        return f"must have at most {MAX_EXPRESSION_LENGTH} characters, not {len(expression)}"
    if rate := RATE.fullmatch(expression):
        plural = rate[1] != "1"
        wanted = f"{rate[2]}s" if plural else rate[2]
        return "" if bool(rate[3]) is plural else f"must say {wanted} for {rate[1]}, not {expression!r}"
    if cron := CRON.fullmatch(expression):
        return _cron_problem(cron[1].split())
    return f"must be `rate(5 minutes)` or `cron(0 3 * * ? *)` in format, not {expression!r}"


@dataclass(frozen=True, kw_only=True)
class ScheduleArgs:
    """The schedule of a function and its event."""

    naming: Naming
    resource_name: str
    """`maintenance` names the schedule `{project}-maintenance-{environment}`."""
    description: str
    expression: str
    """A schedule expression in UTC: `rate(5 minutes)`, `cron(0 3 * * ? *)`."""
    function_arn: pulumi.Input[str]
    event: Mapping[str, Any]
    """The event, as JSON; values may be outputs."""

    def __post_init__(self) -> None:
        check(self, "resource_name", bool(self.resource_name), "must not be empty")
        check(self, "description", 0 < len(self.description) <= 512, "must have 1 to 512 characters")
        problem = expression_problem(self.expression)
        check(self, "expression", not problem, problem)
        check(self, "event", _is_json(self.event), "must be a JSON object")


class Schedule(pulumi.ComponentResource):
    """The schedule in a group of its own: a trust policy can name a group but no schedule, and only groups have tags."""

    def __init__(self, name: str, args: ScheduleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:Schedule", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self._physical = args.naming.physical(args.resource_name)

        self._group = aws.scheduler.ScheduleGroup(f"{name}-group", name=self._physical, opts=self._child)
        self._create_role()
        self._create_schedule()

        self.register_outputs({})

    def _create_role(self) -> None:
        args, group_arn = self._args, self._group.arn
        # EventBridge Scheduler acts for whoever created a schedule: the condition limits the role to schedules of this group.
        own_schedules = {
            "ArnEquals": {"aws:SourceArn": group_arn},
            "StringEquals": {"aws:SourceAccount": policies.account_id_of(group_arn)},
        }
        self._role = aws.iam.Role(
            f"{self._name}-role",
            name=args.naming.physical(f"{args.resource_name}-schedule-role"),
            description=f"What the schedule {self._physical} may do",
            assume_role_policy=pulumi.Output.json_dumps(
                policies.trust_policy("scheduler.amazonaws.com", condition=own_schedules)
            ),
            opts=self._child,
        )
        invoke = policies.allow("InvokeOneFunction", ["lambda:InvokeFunction"], [args.function_arn])
        self._policy = aws.iam.RolePolicy(
            f"{self._name}-policy",
            name="own-rights",
            role=self._role.id,
            policy=pulumi.Output.json_dumps(policies.document(invoke)),
            opts=self._child,
        )

    def _create_schedule(self) -> None:
        args = self._args
        aws.scheduler.Schedule(
            f"{self._name}-schedule",
            name=self._physical,
            group_name=self._group.name,
            description=args.description,
            schedule_expression=args.expression,
            schedule_expression_timezone="UTC",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            state="ENABLED",
            target=aws.scheduler.ScheduleTargetArgs(
                arn=args.function_arn,
                role_arn=self._role.arn,
                input=pulumi.Output.json_dumps(dict(args.event)),
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_retry_attempts=RETRIES, maximum_event_age_in_seconds=MAXIMUM_EVENT_AGE_SECONDS
                ),
            ),
            # Without its permission the first run would fail.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._policy]),
        )


def _cron_problem(texts: Sequence[str]) -> str:
    if len(texts) != len(CRON_FIELDS):
        return f"must have {len(CRON_FIELDS)} fields in cron(...), not {len(texts)}"
    for field, text in zip(CRON_FIELDS, texts, strict=True):
        if not field.accepts(text):
            return f"must have a {field.name} that AWS accepts, not {text!r}"
    if (texts[2] == "?") is (texts[4] == "?"):
        return "must have ? as either the day of month or the day of week, and only as one of them"
    return ""


def _is_json(event: object) -> bool:
    """Return whether the value is an object that JSON can represent, once its outputs are known."""

    def replace_output(value: object) -> None:
        if not isinstance(value, pulumi.Output):
            raise TypeError(f"{type(value).__name__} is not JSON")

    try:
        json.dumps(event, default=replace_output, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return isinstance(event, dict)
