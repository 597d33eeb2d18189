"""Alarms that reach somebody: one encrypted topic in each region, its mail recipients, and an alarm for every rule."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import MAIL_ADDRESS, check, check_choice, check_range, check_unique
from components.naming import Naming

# What a rule says of a series, in CloudWatch's words.
COMPARISONS = {
    "above": "GreaterThanThreshold",
    "at_least": "GreaterThanOrEqualToThreshold",
    "below": "LessThanThreshold",
}
Missing = Literal["notBreaching", "breaching", "ignore", "missing"]
STATISTIC = re.compile(r"Sum|Average|Minimum|Maximum|SampleCount|p\d{1,2}(\.\d{1,2})?")
WORDS = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
METRIC_ID = re.compile(r"[a-z][A-Za-z0-9_]*")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
A_DAY, SEVEN_DAYS = 86_400, 604_800
# Where the pages are that say what to do about an alarm.
RUNBOOKS = "docs/runbooks"


def _own_alarms(topic_arn: str) -> str:
    _, partition, _, region, account, _ = topic_arn.split(":", 5)
    return f"arn:{partition}:cloudwatch:{region}:{account}:alarm:*"


def _own_budgets(topic_arn: str) -> str:
    _, partition, _, _, account, _ = topic_arn.split(":", 5)
    return f"arn:{partition}:budgets::{account}:*"


# Who tells a topic something, and for which of its own things it may: alarms, budgets, and anomalies of cost, which
# document a condition on the account alone.
PUBLISHERS: Mapping[str, Callable[[str], str] | None] = {
    "cloudwatch.amazonaws.com": _own_alarms,
    "budgets.amazonaws.com": _own_budgets,
    "costalerts.amazonaws.com": None,
}


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A series in CloudWatch, and how the values of one period become one: `Sum`, `Average`, `p95`."""

    namespace: str
    name: str
    dimensions: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    statistic: str = "Sum"

    def __post_init__(self) -> None:
        for part in ("namespace", "name"):
            check(self, part, bool(getattr(self, part)), "must not be empty")
        known = bool(STATISTIC.fullmatch(self.statistic))
        check(self, "statistic", known, f"must be Sum, Average, p95 or the like, not {self.statistic!r}")


@dataclass(frozen=True, kw_only=True)
class AlarmRule:
    """When an alarm goes off: its series, or the expression over several, is beyond `threshold` for `periods` in a row."""

    name: str
    """What goes wrong: `thumbnail-queue-age` makes the alarm `{project}-thumbnail-queue-age-{environment}`."""
    description: str
    """What it means for whoever is woken, in one sentence."""
    runbook: str
    """The page that says what to do, without its folder and ending."""
    metrics: Mapping[str, Metric]
    """By the names that the expression uses."""
    expression: str = ""
    """Metric math; left out where there is one series, which is then compared as it is."""
    comparison: str = "above"
    threshold: float
    period_seconds: int = 60
    periods: int = 1
    missing: Missing = "notBreaching"
    """What a period without a value counts as."""
    region: str | None = None
    """Where the series is, if not in the stack's own region: an alarm can only watch what is in its own."""

    def __post_init__(self) -> None:
        for part in ("name", "runbook"):
            value = getattr(self, part)
            check(self, part, bool(WORDS.fullmatch(value)), f"must be lower-case words with hyphens, not {value!r}")
        check(self, "description", 0 < len(self.description) <= 800, "must have 1 to 800 characters")
        self._check_metrics()
        check_choice(self, "comparison", COMPARISONS)
        check_choice(self, "missing", get_args(Missing))
        check_range(self, "period_seconds", 10, A_DAY)
        step = self.period_seconds in (10, 30) or self.period_seconds % 60 == 0
        check(self, "period_seconds", step, f"must be 10, 30 or whole minutes, not {self.period_seconds}")
        check_range(self, "periods", 1, 100)
        longest = SEVEN_DAYS if self.period_seconds >= 3600 else A_DAY
        span = self.periods * self.period_seconds
        check(self, "periods", span <= longest, f"must span at most {longest} seconds, not {span}")
        region = self.region is None or bool(REGION.fullmatch(self.region))
        check(self, "region", region, f"must be a region such as us-east-1, not {self.region!r}")

    def _check_metrics(self) -> None:
        count = len(self.metrics)
        check(self, "metrics", 1 <= count <= 9, f"must be 1 to 9 series, not {count}")
        for name in self.metrics:
            check(self, "metrics", bool(METRIC_ID.fullmatch(name)), f"must begin with a small letter, not {name!r}")
        check(self, "metrics", "result" not in self.metrics, "must not be called result, as the expression is")
        check(self, "expression", bool(self.expression) or count == 1, "must be given for several series")
        unused = sorted(set(self.metrics) - set(re.findall(r"\w+", self.expression))) if self.expression else []
        check(self, "expression", not unused, f"must use every series; {', '.join(unused)} is not in it")


@dataclass(frozen=True, kw_only=True)
class AlarmsArgs:
    """Who is told, and of what."""

    naming: Naming
    recipients: Sequence[str]
    """Mail addresses. Each gets a message and must confirm it, once in every region that has alarms."""
    rules: Sequence[AlarmRule]
    region: str
    """The stack's own. Rules of another region get a topic there."""

    def __post_init__(self) -> None:
        check(self, "recipients", bool(self.recipients), "must name at least one mail address")
        for recipient in self.recipients:
            check(self, "recipients", bool(MAIL_ADDRESS.fullmatch(recipient)), f"must be addresses, not {recipient!r}")
        check_unique(self, "recipients", self.recipients)
        check_unique(self, "rules", [rule.name for rule in self.rules])
        check(self, "region", bool(REGION.fullmatch(self.region)), f"must be a region, not {self.region!r}")


class Alarms(pulumi.ComponentResource):
    """The topics and the alarms. Whoever goes off or comes back says so on the topic of its region."""

    topic_arn: pulumi.Output[str]
    """The topic of the stack's own region, known once it accepts what it is told."""

    def __init__(self, name: str, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:Alarms", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._topics = {
            region: self._create_topic(region)
            for region in dict.fromkeys([args.region, *(rule.region or args.region for rule in args.rules)])
        }
        for rule in args.rules:
            self._create_alarm(rule)

        self.topic_arn = self._topics[args.region]
        self.register_outputs({"topic_arn": self.topic_arn})

    def _create_topic(self, region: str) -> pulumi.Output[str]:
        """A topic with its recipients; its ARN."""
        home = region == self._args.region
        name, elsewhere = (self._name, None) if home else (f"{self._name}-{region}", region)
        topic = aws.sns.Topic(
            f"{name}-topic",
            name=self._args.naming.physical("alarms"),
            kms_master_key_id=self._create_key(name, elsewhere).arn,
            region=elsewhere,
            opts=self._child,
        )
        policy = aws.sns.TopicPolicy(
            f"{name}-topic-policy",
            arn=topic.arn,
            policy=pulumi.Output.json_dumps(policies.document(*topic_publishers(topic.arn))),
            region=elsewhere,
            opts=self._child,
        )
        for recipient in self._args.recipients:
            aws.sns.TopicSubscription(
                f"{name}-mail-{recipient}",
                topic=topic.arn,
                protocol="email",
                endpoint=recipient,
                region=elsewhere,
                opts=self._child,
            )
        return pulumi.Output.all(topic.arn, policy.id).apply(lambda known: str(known[0]))

    def _create_key(self, name: str, region: str | None) -> aws.kms.Key:
        """The key of a topic. AWS's own for SNS admits no service: an alarm's message would be lost without a word."""
        account = aws.get_caller_identity_output(opts=pulumi.InvokeOptions(parent=self)).account_id
        # Without this statement nobody could mend the key.
        owner = {"AWS": pulumi.Output.concat("arn:aws:iam::", account, ":root")}
        account_decides = policies.allow("AccountDecides", ["kms:*"], ["*"], principal=owner)
        return aws.kms.Key(
            f"{name}-key",
            description=f"Messages of {self._args.naming.physical('alarms')}",
            enable_key_rotation=True,
            policy=pulumi.Output.json_dumps(policies.document(account_decides, topic_key_users(account))),
            region=region,
            opts=self._child,
        )

    def _create_alarm(self, rule: AlarmRule) -> None:
        args = self._args
        topic = self._topics[rule.region or args.region]
        only = next(iter(rule.metrics.values()))
        plain = not rule.expression
        percentile = plain and only.statistic.startswith("p")
        aws.cloudwatch.MetricAlarm(
            f"{self._name}-{rule.name}",
            name=args.naming.physical(rule.name),
            alarm_description=f"{rule.description} What to do: {RUNBOOKS}/{rule.runbook}.md",
            namespace=only.namespace if plain else None,
            metric_name=only.name if plain else None,
            dimensions=dict(only.dimensions) if plain else None,
            statistic=only.statistic if plain and not percentile else None,
            extended_statistic=only.statistic if percentile else None,
            # A percentile of a handful of values says nothing.
            evaluate_low_sample_count_percentiles="ignore" if percentile else None,
            period=rule.period_seconds if plain else None,
            metric_queries=None if plain else _queries(rule),
            comparison_operator=COMPARISONS[rule.comparison],
            threshold=rule.threshold,
            evaluation_periods=rule.periods,
            treat_missing_data=rule.missing,
            actions_enabled=True,
            alarm_actions=[topic],
            ok_actions=[topic],
            region=None if rule.region == args.region else rule.region,
            opts=self._child,
        )


def _queries(rule: AlarmRule) -> list[aws.cloudwatch.MetricAlarmMetricQueryArgs]:
    series = [
        aws.cloudwatch.MetricAlarmMetricQueryArgs(
            id=name,
            metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                namespace=metric.namespace,
                metric_name=metric.name,
                dimensions=dict(metric.dimensions),
                stat=metric.statistic,
                period=rule.period_seconds,
            ),
            return_data=False,
        )
        for name, metric in rule.metrics.items()
    ]
    result = aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id="result", expression=rule.expression, label=rule.name, return_data=True
    )
    return [*series, result]


def topic_publishers(topic_arn: pulumi.Input[str]) -> list[policies.Statement]:
    """The policy of a topic for alarms: the publishers may, for its own account alone, and nobody over plain HTTP."""
    statements = [
        policies.deny(
            "RefusePlainTransport",
            ["sns:Publish"],
            [topic_arn],
            principal="*",
            condition={"Bool": {"aws:SecureTransport": "false"}},
        )
    ]
    for service, source in PUBLISHERS.items():
        condition: dict[str, Any] = {"StringEquals": {"aws:SourceAccount": policies.account_of(topic_arn)}}
        if source is not None:
            condition["ArnLike"] = {"aws:SourceArn": pulumi.Output.from_input(topic_arn).apply(source)}
        statements.append(
            policies.allow(
                f"Accept{service.partition('.')[0].capitalize()}",
                ["sns:Publish"],
                [topic_arn],
                principal={"Service": service},
                condition=condition,
            )
        )
    return statements


def topic_key_users(account_id: pulumi.Input[str]) -> policies.Statement:
    """A statement of the policy of a key that encrypts such a topic: the publishers may use it, for their account alone."""
    return policies.allow(
        "AlarmPublishersUseKey",
        ["kms:GenerateDataKey*", "kms:Decrypt"],
        ["*"],
        principal={"Service": list(PUBLISHERS)},
        condition={"StringEquals": {"aws:SourceAccount": account_id}},
    )
