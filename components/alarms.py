"""CloudWatch alarms with one encrypted topic per region, its e-mail subscriptions, and an alarm for each rule."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import pulumi
import pulumi_aws as aws

from components import alarm_policies, policies
from components.arguments import MAIL_ADDRESS, check, check_choice, check_range, check_unique
from components.naming import Naming

# The comparison operators by the names that rules use.
COMPARISONS = {
    "above": "GreaterThanThreshold",
    "at_least": "GreaterThanOrEqualToThreshold",
    "below": "LessThanThreshold",
}
MissingData = Literal["notBreaching", "breaching", "ignore", "missing"]
STATISTIC = re.compile(r"Sum|Average|Minimum|Maximum|SampleCount|p\d{1,2}(\.\d{1,2})?")
KEBAB_CASE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
METRIC_ID = re.compile(r"[a-z][A-Za-z0-9_]*")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
ONE_DAY_SECONDS, SEVEN_DAYS_SECONDS = 86_400, 604_800
# The folder of the runbooks, which every alarm description links to.
RUNBOOKS = "docs/runbooks"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A CloudWatch metric, and the statistic that aggregates a period: `Sum`, `Average`, `p95`."""

    namespace: str
    name: str
    dimensions: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    statistic: str = "Sum"

    def __post_init__(self) -> None:
        for part in ("namespace", "name"):
            check(self, part, bool(getattr(self, part)), "must not be empty")
        known = bool(STATISTIC.fullmatch(self.statistic))
        check(self, "statistic", known, f"must be a statistic such as Sum, Average or p95, not {self.statistic!r}")


@dataclass(frozen=True, kw_only=True)
class AlarmRule:
    """When an alarm fires: its metric, or the expression over several, is beyond `threshold` for `periods` in a row."""

    name: str
    """`thumbnail-queue-age` names the alarm `{project}-thumbnail-queue-age-{environment}`."""
    description: str
    """What the alarm means for the person on call, in one sentence."""
    runbook: str
    """The name of the runbook, without folder and extension."""
    metrics: Mapping[str, Metric]
    """By the ids that the expression uses."""
    expression: str = ""
    """Metric math; empty for a single metric, which is then compared directly."""
    comparison: str = "above"
    threshold: float
    period_seconds: int = 60
    periods: int = 1
    missing_data: MissingData = "notBreaching"
    """How a period without data is treated."""
    region: str | None = None
    """The region of the metric, if it is not the stack's own: an alarm can only watch metrics of its own region."""

    def __post_init__(self) -> None:
        for part in ("name", "runbook"):
            value = getattr(self, part)
            check(
                self, part, bool(KEBAB_CASE.fullmatch(value)), f"must be lower-case words with hyphens, not {value!r}"
            )
        check(self, "description", 0 < len(self.description) <= 800, "must have 1 to 800 characters")
        self._check_metrics()
        check_choice(self, "comparison", COMPARISONS)
        check_choice(self, "missing_data", get_args(MissingData))
        check_range(self, "period_seconds", 10, ONE_DAY_SECONDS)
        step = self.period_seconds in (10, 30) or self.period_seconds % 60 == 0
        check(self, "period_seconds", step, f"must be 10, 30 or whole minutes, not {self.period_seconds}")
        check_range(self, "periods", 1, 100)
        longest = SEVEN_DAYS_SECONDS if self.period_seconds >= 3600 else ONE_DAY_SECONDS
        span = self.periods * self.period_seconds
        check(self, "periods", span <= longest, f"must span at most {longest} seconds, not {span}")
        region = self.region is None or bool(REGION.fullmatch(self.region))
        check(self, "region", region, f"must be a region such as us-east-1, not {self.region!r}")

    def _check_metrics(self) -> None:
        count = len(self.metrics)
        check(self, "metrics", 1 <= count <= 9, f"must be 1 to 9 metrics, not {count}")
        for name in self.metrics:
            check(
                self, "metrics", bool(METRIC_ID.fullmatch(name)), f"must begin with a lower-case letter, not {name!r}"
            )
        check(
            self, "metrics", "result" not in self.metrics, "must not be named result, which is the id of the expression"
        )
        check(self, "expression", bool(self.expression) or count == 1, "must be given for several metrics")
        unused = sorted(set(self.metrics) - set(re.findall(r"\w+", self.expression))) if self.expression else []
        check(self, "expression", not unused, f"must use every metric; {', '.join(unused)} is not in it")


@dataclass(frozen=True, kw_only=True)
class AlarmsArgs:
    """Alarm rules and their recipients."""

    naming: Naming
    recipients: Sequence[str]
    """E-mail addresses. Each receives a message to confirm its subscription, once per region with alarms."""
    rules: Sequence[AlarmRule]
    region: str
    """The stack's own region. Rules of another region get a topic there."""

    def __post_init__(self) -> None:
        check(self, "recipients", bool(self.recipients), "must name at least one e-mail address")
        for recipient in self.recipients:
            check(
                self,
                "recipients",
                bool(MAIL_ADDRESS.fullmatch(recipient)),
                f"must be e-mail addresses, not {recipient!r}",
            )
        check_unique(self, "recipients", self.recipients)
        check_unique(self, "rules", [rule.name for rule in self.rules])
        check(self, "region", bool(REGION.fullmatch(self.region)), f"must be a region, not {self.region!r}")


class Alarms(pulumi.ComponentResource):
    """The topics and the alarms. Each alarm notifies the topic of its region when it fires and when it recovers."""

    topic_arn: pulumi.Output[str]
    """The topic of the stack's own region, known once its policy is in place."""

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
        """Create a topic with its subscriptions and return its ARN."""
        is_own_region = region == self._args.region
        name, topic_region = (self._name, None) if is_own_region else (f"{self._name}-{region}", region)
        topic = aws.sns.Topic(
            f"{name}-topic",
            name=self._args.naming.physical("alarms"),
            kms_master_key_id=self._create_key(name, topic_region).arn,
            region=topic_region,
            opts=self._child,
        )
        policy = aws.sns.TopicPolicy(
            f"{name}-topic-policy",
            arn=topic.arn,
            policy=pulumi.Output.json_dumps(policies.document(*alarm_policies.topic_statements(topic.arn))),
            region=topic_region,
            opts=self._child,
        )
        for recipient in self._args.recipients:
            aws.sns.TopicSubscription(
                f"{name}-mail-{recipient}",
                topic=topic.arn,
                protocol="email",
                endpoint=recipient,
                region=topic_region,
                opts=self._child,
            )
        return pulumi.Output.all(topic.arn, policy.id).apply(lambda known: str(known[0]))

    def _create_key(self, name: str, region: str | None) -> aws.kms.Key:
        """Create the key of a topic. AWS's own SNS key admits no service, so an alarm's message would be lost silently."""
        account = aws.get_caller_identity_output(opts=pulumi.InvokeOptions(parent=self)).account_id
        # Without this statement nobody could administer the key.
        owner = {"AWS": pulumi.Output.concat("arn:aws:iam::", account, ":root")}
        account_decides = policies.allow("AccountDecides", ["kms:*"], ["*"], principal=owner)
        return aws.kms.Key(
            f"{name}-key",
            description=f"Messages of {self._args.naming.physical('alarms')}",
            enable_key_rotation=True,
            policy=pulumi.Output.json_dumps(policies.document(account_decides, alarm_policies.key_statement(account))),
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
            treat_missing_data=rule.missing_data,
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
