"""Budgets, and the anomalies of cost that are found beside them."""

from local.account import ACCOUNT_ID
from local.provider.resource_types.table import Inputs, ResourceType

_NO_COST_EXPLORER = (
    "the emulator has no Cost Explorer and nothing here costs anything: no anomaly is looked for, and none is told"
)


def _as_told(inputs: Inputs) -> Inputs:
    """Filters are a map in AWS, and a notification stands beside its subscribers, each with the way that leads there."""
    prepared = dict(inputs)
    if inputs.get("costFilters"):
        prepared["costFilters"] = {each["name"]: each["values"] for each in inputs["costFilters"]}
    if inputs.get("notifications"):
        prepared["notifications"] = [_with_subscribers(each) for each in inputs["notifications"]]
    return prepared


def _with_subscribers(told: Inputs) -> Inputs:
    ways = {"EMAIL": "subscriberEmailAddresses", "SNS": "subscriberSnsTopicArns"}
    return {
        "notification": {name: value for name, value in told.items() if name not in ways.values()},
        "subscribers": [
            {"subscriptionType": way, "address": address}
            for way, name in ways.items()
            for address in told.get(name) or ()
        ],
    }


TYPES = (
    ResourceType(
        "aws:budgets/budget:Budget",
        "budgets.create_budget",
        {
            "name": "Budget.BudgetName",
            "limitAmount": "Budget.BudgetLimit.Amount",
            "limitUnit": "Budget.BudgetLimit.Unit",
            "notifications": "NotificationsWithSubscribers",
            "tags": "ResourceTags",
        },
        id=lambda inputs, _: f"{inputs['accountId']}:{inputs['name']}",
        defaults={"accountId": ACCOUNT_ID},
        prepare=_as_told,
        prepared=("costFilters", "notifications"),
        # Times in a form of Terraform's own, and budgets that differ from month to month.
        unsupported=("autoAdjustData", "filterExpression", "plannedLimits", "timePeriodEnd", "timePeriodStart"),
        outputs={"arn": lambda inputs, _: f"arn:aws:budgets::{inputs['accountId']}:budget/{inputs['name']}"},
    ),
    ResourceType("aws:costexplorer/anomalyMonitor:AnomalyMonitor", None, recorded_only=_NO_COST_EXPLORER),
    ResourceType("aws:costexplorer/anomalySubscription:AnomalySubscription", None, recorded_only=_NO_COST_EXPLORER),
)
