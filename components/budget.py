"""A monthly cost budget of one environment with its notifications, and the detection of cost anomalies."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import MAIL_ADDRESS, check, check_range, check_unique
from components.naming import Naming

# Notifications at these percentages of the budget: of the actual cost, and of the forecast for the month.
ACTUAL_PERCENT, FORECAST_PERCENT = (50, 80, 100), (100,)
# The e-mail addresses that AWS allows for one notification.
MAX_ADDRESSES = 10


@dataclass(frozen=True, kw_only=True)
class BudgetArgs:
    """A budget of the resources with this environment's Environment tag.

    The tag has to be activated as a cost allocation tag in the account that pays.
    """

    naming: Naming
    monthly_usd: int
    recipients: Sequence[str] = ()
    """E-mail addresses."""
    topic_arn: pulumi.Input[str] | None = None
    """A topic that accepts `budgets.amazonaws.com` and `costalerts.amazonaws.com`, such as that of `Alarms`."""
    anomaly_usd: int | None = None
    """The cost anomaly to report, at least: immediately to the topic, or else daily by e-mail.

    None for no anomaly detection.
    """

    def __post_init__(self) -> None:
        check_range(self, "monthly_usd", 1, 10_000_000)
        check_range(self, "anomaly_usd", 1, 10_000_000)
        has_subscribers = bool(self.recipients) or self.topic_arn is not None
        check(self, "recipients", has_subscribers, "must not be empty without topic_arn")
        count = len(self.recipients)
        check(self, "recipients", count <= MAX_ADDRESSES, f"must be at most {MAX_ADDRESSES} addresses, not {count}")
        for recipient in self.recipients:
            check(
                self,
                "recipients",
                bool(MAIL_ADDRESS.fullmatch(recipient)),
                f"must be e-mail addresses, not {recipient!r}",
            )
        check_unique(self, "recipients", self.recipients)


class Budget(pulumi.ComponentResource):
    """The budget, and the anomaly monitor with its subscription."""

    def __init__(self, name: str, args: BudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:Budget", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_budget()
        self._create_anomaly_detection()

        self.register_outputs({})

    def _create_budget(self) -> None:
        args = self._args
        notifications = [
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
                for kind, percent in notifications
            ],
            opts=self._child,
        )

    def _create_anomaly_detection(self) -> None:
        args = self._args
        if args.anomaly_usd is None:
            return
        # An account may have only one monitor of all its services, but many of tags.
        monitor = aws.costexplorer.AnomalyMonitor(
            f"{self._name}-anomalies",
            name=args.naming.physical("cost-anomalies"),
            monitor_type="CUSTOM",
            # AWS returns the empty members too; without them every deployment would find a difference.
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
        # E-mail recipients only get summaries, and topics only get immediate notifications.
        recipients = [("EMAIL", recipient) for recipient in args.recipients]
        frequency, subscribers = (
            ("DAILY", recipients) if args.topic_arn is None else ("IMMEDIATE", [("SNS", args.topic_arn)])
        )
        aws.costexplorer.AnomalySubscription(
            f"{self._name}-anomaly-notices",
            name=args.naming.physical("cost-anomalies"),
            frequency=frequency,
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
