"""AWS Budgets, and Cost Explorer's anomaly detection."""

from local.account import ACCOUNT_ID
from local.provider.resource_types.table import Inputs, ResourceType

_NO_COST_EXPLORER = "the emulator has no Cost Explorer: no cost anomalies are detected or reported"
_SUBSCRIBERS = {"EMAIL": "subscriberEmailAddresses", "SNS": "subscriberSnsTopicArns"}


def _budget(inputs: Inputs) -> Inputs:
    """Convert to the request's structure: cost filters are a map, subscribers are separate from their notification."""
    prepared = dict(inputs)
    if inputs.get("costFilters"):
        prepared["costFilters"] = {each["name"]: each["values"] for each in inputs["costFilters"]}
    if inputs.get("notifications"):
        prepared["notifications"] = [_notification_with_subscribers(each) for each in inputs["notifications"]]
    return prepared


def _notification_with_subscribers(notification: Inputs) -> Inputs:
    return {
        "notification": {name: value for name, value in notification.items() if name not in _SUBSCRIBERS.values()},
        "subscribers": [
            {"subscriptionType": type_, "address": address}
            for type_, name in _SUBSCRIBERS.items()
            for address in notification.get(name) or ()
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
        prepare=_budget,
        prepared=("costFilters", "notifications"),
        # Times in Terraform's own format, and budgets whose limit changes every month.
        unsupported=("autoAdjustData", "filterExpression", "plannedLimits", "timePeriodEnd", "timePeriodStart"),
        outputs={"arn": lambda inputs, _: f"arn:aws:budgets::{inputs['accountId']}:budget/{inputs['name']}"},
    ),
    ResourceType("aws:costexplorer/anomalyMonitor:AnomalyMonitor", None, recorded_only=_NO_COST_EXPLORER),
    ResourceType("aws:costexplorer/anomalySubscription:AnomalySubscription", None, recorded_only=_NO_COST_EXPLORER),
)
