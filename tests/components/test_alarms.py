from typing import Any

import pulumi
import pytest

from components import alarm_rules
from components.alarms import Alarms, Metric
from tests.components.examples.alarms import CPU, alarm, args, rule

PUBLISHERS = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com", "costalerts.amazonaws.com"]


class TestTopic:
    def test_it_is_encrypted_by_a_key_of_its_own_that_the_publishers_may_use(self, register: Any) -> None:
        graph = register(lambda: Alarms("alarms", args()))
        assert graph.counts == {"Topic": 1, "TopicPolicy": 1, "TopicSubscription": 1, "Key": 1, "MetricAlarm": 1}
        topic = graph.one("Topic")
        assert topic.inputs["name"] == "episode-metadata-alarms-production"
        assert topic.property_dependencies["kmsMasterKeyId"] == (graph.one("Key").urn,)
        key = graph.one("Key").inputs
        assert key["enableKeyRotation"] is True
        statements = graph.statements("alarms-key")
        assert statements.keys() == {"AccountDecides", "AlarmPublishersUseKey"}
        assert statements["AccountDecides"]["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
        assert statements["AlarmPublishersUseKey"] == {
            "Sid": "AlarmPublishersUseKey",
            "Effect": "Allow",
            "Principal": {"Service": PUBLISHERS},
            "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
            "Resource": ["*"],
            "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
        }

    def test_only_the_account_s_own_alarms_and_budgets_publish_and_only_over_tls(self, register: Any) -> None:
        graph = register(lambda: Alarms("alarms", args()))
        statements = graph.statements("alarms-topic-policy")
        (topic_arn,) = {resource for each in statements.values() for resource in each["Resource"]}
        assert topic_arn.startswith("arn:aws:sns:us-east-1:123456789012:")
        assert {sid: (each["Effect"], each["Action"], each["Principal"]) for sid, each in statements.items()} == {
            "RefusePlainTransport": ("Deny", ["sns:Publish"], "*"),
            "AcceptCloudwatch": ("Allow", ["sns:Publish"], {"Service": "cloudwatch.amazonaws.com"}),
            "AcceptBudgets": ("Allow", ["sns:Publish"], {"Service": "budgets.amazonaws.com"}),
            "AcceptCostalerts": ("Allow", ["sns:Publish"], {"Service": "costalerts.amazonaws.com"}),
        }
        account = {"aws:SourceAccount": "123456789012"}
        assert statements["RefusePlainTransport"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert statements["AcceptCloudwatch"]["Condition"] == {
            "StringEquals": account,
            "ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:*"},
        }
        assert statements["AcceptBudgets"]["Condition"] == {
            "StringEquals": account,
            "ArnLike": {"aws:SourceArn": "arn:aws:budgets::123456789012:*"},
        }
        assert statements["AcceptCostalerts"]["Condition"] == {"StringEquals": account}

    @pytest.mark.requirement("LX-87")
    def test_every_recipient_is_asked(self, register: Any) -> None:
        graph = register(lambda: Alarms("alarms", args(recipients=["a@example.org", "b@example.org"])))
        asked = {(each.inputs["protocol"], each.inputs["endpoint"]) for each in graph.of("TopicSubscription")}
        assert asked == {("email", "a@example.org"), ("email", "b@example.org")}

    def test_its_arn_is_known_once_it_accepts_what_it_is_told(self, register: Any) -> None:
        def make() -> None:
            made = Alarms("alarms", args())
            pulumi.CustomResource("aws:sqs/queue:Queue", "later", {"name": made.topic_arn})

        assert register(make).depends("later", "alarms-topic-policy")


class TestElsewhere:
    def test_what_is_only_told_in_another_region_is_watched_and_told_there(self, register: Any) -> None:
        rules = [rule(), *alarm_rules.distribution_rules("cdn", "E1")]
        graph = register(lambda: Alarms("alarms", args(*rules, region="eu-west-1")))
        assert graph.counts == {"Topic": 2, "TopicPolicy": 2, "TopicSubscription": 2, "Key": 2, "MetricAlarm": 2}
        assert {each.name: each.inputs.get("region") for each in graph.custom} == {
            "alarms-topic": None,
            "alarms-topic-policy": None,
            "alarms-mail-operations@example.org": None,
            "alarms-key": None,
            "alarms-api-cpu": None,
            "alarms-us-east-1-topic": "us-east-1",
            "alarms-us-east-1-topic-policy": "us-east-1",
            "alarms-us-east-1-mail-operations@example.org": "us-east-1",
            "alarms-us-east-1-key": "us-east-1",
            "alarms-cdn-5xx-rate": "us-east-1",
        }
        for name, topic in (("alarms-api-cpu", "alarms-topic"), ("alarms-cdn-5xx-rate", "alarms-us-east-1-topic")):
            assert graph.named(topic).urn in graph.named(name).property_dependencies["alarmActions"]

    def test_the_own_region_needs_no_second_topic(self, register: Any) -> None:
        graph = register(lambda: Alarms("alarms", args(*alarm_rules.distribution_rules("cdn", "E1"))))
        assert graph.counts["Topic"] == 1
        assert "region" not in graph.one("MetricAlarm").inputs


class TestAlarm:
    def test_one_series_is_compared_as_it_is(self, register: Any) -> None:
        made = alarm(register, "api-cpu", rule(period_seconds=300, periods=2, missing_data="breaching"))
        actions = made.pop("alarmActions"), made.pop("okActions")
        assert actions[0] == actions[1]
        assert len(actions[0]) == 1
        assert made == {
            "name": "episode-metadata-api-cpu-production",
            "alarmDescription": "The service is out of breath. What to do: docs/runbooks/service-cpu.md",
            "namespace": "AWS/ECS",
            "metricName": "CPUUtilization",
            "dimensions": {"ClusterName": "main"},
            "statistic": "Average",
            "period": 300,
            "comparisonOperator": "GreaterThanThreshold",
            "threshold": 80,
            "evaluationPeriods": 2,
            "treatMissingData": "breaching",
            "actionsEnabled": True,
        }

    def test_percentile_of_few_values_says_nothing(self, register: Any) -> None:
        latency = Metric(namespace="AWS/ApiGateway", name="Latency", statistic="p95")
        made = alarm(register, "slow", rule(name="slow", metrics={"value": latency}))
        assert (made["extendedStatistic"], made["evaluateLowSampleCountPercentiles"]) == ("p95", "ignore")
        assert "statistic" not in made

    def test_several_series_are_compared_through_their_expression(self, register: Any) -> None:
        ratio = rule(metrics={"used": CPU, "all": CPU}, expression="100 * used / all")
        made = alarm(register, "api-cpu", ratio)
        assert not {"namespace", "metricName", "dimensions", "statistic", "period"} & made.keys()
        *read, result = made["metricQueries"]
        assert [(each["id"], each["returnData"], each["metric"]["period"]) for each in read] == [
            ("used", False, 60),
            ("all", False, 60),
        ]
        assert result == {"id": "result", "expression": "100 * used / all", "label": "api-cpu", "returnData": True}
