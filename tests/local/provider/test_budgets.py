"""The budget component, read back from the emulator."""

from collections.abc import Callable

import pytest

from components.budget import Budget, BudgetArgs
from components.naming import Naming
from local.account import LocalAccount
from local.engines.in_process import deploy
from local.errors import RegistrationError
from local.provider.provider import Created, LocalProvider

BUDGET = "aws:budgets/budget:Budget"
ACCOUNT = "123456789012"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:alarms"
MAIL = "owner@example.org"
INPUTS = {"name": "plain", "budgetType": "COST", "limitAmount": "5", "limitUnit": "USD", "timeUnit": "MONTHLY"}
Create = Callable[..., Created]


class TestBudget:
    def test_component_is_stored_as_registered(self, provider: LocalProvider, account: LocalAccount) -> None:
        def program() -> None:
            Budget(
                "cost",
                BudgetArgs(
                    naming=Naming("spent", "dev"), monthly_usd=250, recipients=[MAIL], topic_arn=TOPIC, anomaly_usd=9
                ),
            )

        deployment = deploy(program, project="spent", stack="dev", config={}, provider=provider)
        states = {each.type.rpartition(":")[2]: each.state for each in deployment.resources}
        assert states == {
            "Budget": "applied",
            "AnomalyMonitor": "recorded-only",
            "AnomalySubscription": "recorded-only",
        }
        name = "spent-monthly-cost-dev"
        budgets = account.client("budgets")
        read = budgets.describe_budget(AccountId=ACCOUNT, BudgetName=name)["Budget"]
        assert (read["BudgetType"], read["TimeUnit"]) == ("COST", "MONTHLY")
        assert read["BudgetLimit"] == {"Amount": "250", "Unit": "USD"}
        assert read["CostFilters"] == {"TagKeyValue": ["user:Environment$development"]}
        notifications = budgets.describe_notifications_for_budget(AccountId=ACCOUNT, BudgetName=name)["Notifications"]
        assert [(each["NotificationType"], each["Threshold"]) for each in notifications] == [
            ("ACTUAL", 50),
            ("ACTUAL", 80),
            ("ACTUAL", 100),
            ("FORECASTED", 100),
        ]
        (made,) = [each for each in deployment.resources if each.type == BUDGET]
        assert made.id == f"{ACCOUNT}:{name}"
        assert made.outputs["arn"] == f"arn:aws:budgets::{ACCOUNT}:budget/{name}"

    def test_subscribers_are_converted_to_aws_structure(self, monkeypatch: pytest.MonkeyPatch, create: Create) -> None:
        sent: list[dict[str, object]] = []

        def call(
            self: object, service: str, operation: str, parameters: dict[str, object], *_: object
        ) -> dict[str, object]:
            sent.append(parameters)
            return {}

        monkeypatch.setattr("local.provider.requests.api.Api.call", call)
        notice = {
            "notificationType": "ACTUAL",
            "comparisonOperator": "GREATER_THAN",
            "threshold": 80,
            "thresholdType": "PERCENTAGE",
            "subscriberEmailAddresses": [MAIL],
            "subscriberSnsTopicArns": [TOPIC],
        }
        create(BUDGET, "notified", **{**INPUTS, "name": "notified", "notifications": [notice]})
        (request,) = sent
        assert request["NotificationsWithSubscribers"] == [
            {
                "Notification": {
                    "NotificationType": "ACTUAL",
                    "ComparisonOperator": "GREATER_THAN",
                    "Threshold": 80.0,
                    "ThresholdType": "PERCENTAGE",
                },
                "Subscribers": [
                    {"SubscriptionType": "EMAIL", "Address": MAIL},
                    {"SubscriptionType": "SNS", "Address": TOPIC},
                ],
            }
        ]

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"timeUnit": "WEEKLY"}, "'WEEKLY' must be one of"),
            ({"limitAmount": "much"}, "'much' does not match"),
            ({"colour": "blue"}, "no call accepts colour"),
            ({"timePeriodStart": "2026-01-01_00:00"}, "timePeriodStart: not supported by the local account"),
            ({"costTypes": {"includeJokes": True}}, "has no such member"),
        ],
    )
    def test_invalid_inputs_are_rejected(self, create: Create, changes: dict[str, object], problem: str) -> None:
        with pytest.raises(RegistrationError, match=problem):
            create(BUDGET, "bad", **{**INPUTS, **changes})


class TestAnomalies:
    @pytest.mark.parametrize("kind", ["AnomalyMonitor", "AnomalySubscription"])
    def test_anomaly_detection_is_recorded_with_reason(self, create: Create, kind: str) -> None:
        made = create(f"aws:costexplorer/{kind[0].lower()}{kind[1:]}:{kind}", "look-out", name="any")
        assert (made.state, made.outputs) == ("recorded-only", {"name": "any"})
        assert "no Cost Explorer" in made.reason
