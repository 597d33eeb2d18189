"""What one environment may cost in a month, who is told when it nears that, and who when a cost is out of the ordinary."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import MAIL_ADDRESS, check, check_range, check_unique
from components.naming import Naming

# Notices when so much of the budget has been spent, and when that much will have been by the end of the month, as it looks.
ACTUAL_PERCENT, FORECAST_PERCENT = (50, 80, 100), (100,)
# What AWS takes of mail addresses for a notice.
MOST_ADDRESSES = 10


@dataclass(frozen=True, kw_only=True)
class BudgetArgs:
    """A budget of what carries the tag Environment of this environment.

    AWS only knows the tag once it has been activated as a cost allocation tag, in the account that pays.
    """

    naming: Naming
    monthly_usd: int
    recipients: Sequence[str] = ()
    """Mail addresses."""
    topic_arn: pulumi.Input[str] | None = None
    """A topic that accepts `budgets.amazonaws.com` and `costalerts.amazonaws.com`, as that of `Alarms` does."""
    anomaly_usd: int | None = None
    """A deviation from the usual of at least this much is told: at once to the topic, or else daily by mail. None for no
    look-out."""

    def __post_init__(self) -> None:
        check_range(self, "monthly_usd", 1, 10_000_000)
        check_range(self, "anomaly_usd", 1, 10_000_000)
        told = bool(self.recipients) or self.topic_arn is not None
        check(self, "recipients", told, "must name somebody, unless there is a topic_arn: nobody would be told")
        count = len(self.recipients)
        check(self, "recipients", count <= MOST_ADDRESSES, f"must be at most {MOST_ADDRESSES} addresses, not {count}")
        for recipient in self.recipients:
            check(self, "recipients", bool(MAIL_ADDRESS.fullmatch(recipient)), f"must be addresses, not {recipient!r}")
        check_unique(self, "recipients", self.recipients)


class Budget(pulumi.ComponentResource):
    """The budget, and the look-out for anomalies where there is one."""

    def __init__(self, name: str, args: BudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:Budget", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_budget()
        self._create_look_out()

        self.register_outputs({})

    def _create_budget(self) -> None:
        args = self._args
        notices = [
            *(("ACTUAL", percent) for percent in ACTUAL_PERCENT),
            *(("FORECASTED", percent) for percent in FORECAST_PERCENT),
        ]
        aws.budgets.Budget(
            f"{self._name}-budget",
            name=args.naming.physical("monthly-cost"),
            budget_type="COST",
            limit_amount=str(args.monthly_usd),
            limit_unit="USD",
            time_unit="MONTHLY",
            cost_filters=[
                aws.budgets.BudgetCostFilterArgs(
                    name="TagKeyValue", values=[f"user:Environment${args.naming.environment_tag}"]
                )
            ],
            notifications=[
                aws.budgets.BudgetNotificationArgs(
                    notification_type=kind,
                    comparison_operator="GREATER_THAN",
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                    subscriber_email_addresses=list(args.recipients),
                    subscriber_sns_topic_arns=[] if args.topic_arn is None else [args.topic_arn],
                )
                for kind, percent in notices
            ],
            opts=self._child,
        )

    def _create_look_out(self) -> None:
        args = self._args
        if args.anomaly_usd is None:
            return
        # An account may have one monitor of all its services; of those of a tag, many.
        monitor = aws.costexplorer.AnomalyMonitor(
            f"{self._name}-anomalies",
            name=args.naming.physical("cost-anomalies"),
            monitor_type="CUSTOM",
            # AWS answers with the empty members too, and would find a difference without them.
            monitor_specification=json.dumps(
                {
                    "And": None,
                    "CostCategories": None,
                    "Dimensions": None,
                    "Not": None,
                    "Or": None,
                    "Tags": {
                        "Key": "user:Environment",
                        "MatchOptions": None,
                        "Values": [args.naming.environment_tag],
                    },
                }
            ),
            opts=self._child,
        )
        # Mail is only sent as a summary, and a topic is only told at once.
        told = [("EMAIL", recipient) for recipient in args.recipients]
        way, subscribers = ("DAILY", told) if args.topic_arn is None else ("IMMEDIATE", [("SNS", args.topic_arn)])
        aws.costexplorer.AnomalySubscription(
            f"{self._name}-anomaly-notices",
            name=args.naming.physical("cost-anomalies"),
            frequency=way,
            monitor_arn_lists=[monitor.arn],
            subscribers=[
                aws.costexplorer.AnomalySubscriptionSubscriberArgs(type=kind, address=address)
                for kind, address in subscribers
            ],
            threshold_expression=aws.costexplorer.AnomalySubscriptionThresholdExpressionArgs(
                dimension=aws.costexplorer.AnomalySubscriptionThresholdExpressionDimensionArgs(
                    key="ANOMALY_TOTAL_IMPACT_ABSOLUTE",
                    match_options=["GREATER_THAN_OR_EQUAL"],
                    values=[str(args.anomaly_usd)],
                )
            ),
            opts=self._child,
        )
