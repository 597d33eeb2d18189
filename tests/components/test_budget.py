import json
from typing import Any

import pytest

from components.budget import Budget, BudgetArgs
from components.naming import Naming

NAMING = Naming("episode-metadata", "dev")
TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"
MAIL = "owner@example.org"


def args(**changes: Any) -> Any:
    return BudgetArgs(**dict[str, Any]({"naming": NAMING, "monthly_usd": 250, "recipients": [MAIL]}) | changes)


def notice(kind: Any, percent: Any) -> Any:
    return {
        "notificationType": kind,
        "comparisonOperator": "GREATER_THAN",
        "threshold": percent,
        "thresholdType": "PERCENTAGE",
        "subscriberEmailAddresses": [MAIL],
        "subscriberSnsTopicArns": [TOPIC],
    }


class TestRegister:
    @pytest.mark.requirement("ROAD-49", "C-25")
    def test_environment_s_own_cost_is_told_at_half_at_four_fifths_and_at_all_of_it(self, register: Any) -> None:
        graph = register(lambda: Budget("cost", args(topic_arn=TOPIC)))
        assert graph.counts == {"Budget": 1}
        assert graph.one("Budget").inputs == {
            "name": "episode-metadata-monthly-cost-dev",
            "budgetType": "COST",
            "limitAmount": "250",
            "limitUnit": "USD",
            "timeUnit": "MONTHLY",
            # The tag's value, which spells out the environment.
            "costFilters": [{"name": "TagKeyValue", "values": ["user:Environment$development"]}],
            "notifications": [
                notice("ACTUAL", 50),
                notice("ACTUAL", 80),
                notice("ACTUAL", 100),
                notice("FORECASTED", 100),
            ],
        }

    @pytest.mark.requirement("LX-87")
    def test_anomalies_are_told_to_the_topic_at_once(self, register: Any) -> None:
        graph = register(lambda: Budget("cost", args(topic_arn=TOPIC, anomaly_usd=20)))
        assert graph.counts == {"Budget": 1, "AnomalyMonitor": 1, "AnomalySubscription": 1}
        monitor = graph.one("AnomalyMonitor").inputs
        assert (monitor["name"], monitor["monitorType"]) == ("episode-metadata-cost-anomalies-dev", "CUSTOM")
        assert json.loads(monitor["monitorSpecification"])["Tags"] == {
            "Key": "user:Environment",
            "MatchOptions": None,
            "Values": ["development"],
        }
        told = dict(graph.one("AnomalySubscription").inputs)
        assert len(told.pop("monitorArnLists")) == 1
        assert told == {
            "name": "episode-metadata-cost-anomalies-dev",
            "frequency": "IMMEDIATE",
            "subscribers": [{"type": "SNS", "address": TOPIC}],
            "thresholdExpression": {
                "dimension": {
                    "key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
                    "matchOptions": ["GREATER_THAN_OR_EQUAL"],
                    "values": ["20"],
                }
            },
        }

    def test_anomalies_are_told_by_mail_once_a_day_where_there_is_no_topic(self, register: Any) -> None:
        told = register(lambda: Budget("cost", args(anomaly_usd=20))).one("AnomalySubscription").inputs
        assert (told["frequency"], told["subscribers"]) == ("DAILY", [{"type": "EMAIL", "address": MAIL}])


class TestArgs:
    def test_a_topic_is_somebody_too(self) -> None:
        assert args(recipients=[], topic_arn=TOPIC).topic_arn == TOPIC
