"""The alarm and dashboard components, read back from the emulator."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from components import alarm_rules, dashboard
from components.alarms import AlarmRule, Alarms, AlarmsArgs
from components.dashboard import Dashboard, DashboardArgs, Section
from components.naming import Naming
from local.account import LocalAccount
from local.engines.in_process import Deployment, deploy
from local.errors import RegistrationError
from local.provider.provider import Created, LocalProvider

ALARM, BOARD = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/dashboard:Dashboard"
TOPIC, POLICY, SUBSCRIPTION = (
    f"aws:sns/{name[0].lower()}{name[1:]}:{name}" for name in ("Topic", "TopicPolicy", "TopicSubscription")
)
QUEUE = "arn:aws:sqs:us-east-1:123456789012:watched-jobs-queue-dev"
TAGS = {"Project": "watched"}
Create = Callable[..., Created]


def rules() -> list[AlarmRule]:
    return [
        *alarm_rules.queue_rules("jobs", QUEUE),
        *alarm_rules.load_balancer_rules("api", "app/api/1"),
        *alarm_rules.distribution_rules("cdn", "E1"),
    ]


@pytest.fixture(scope="module")
def deployment(account: LocalAccount) -> Deployment:
    naming = Naming("watched", "dev")

    def program() -> None:
        Alarms(
            "alarms",
            AlarmsArgs(naming=naming, recipients=["operations@example.org"], rules=rules(), region="eu-west-1"),
        )
        charts = dashboard.alarm_charts(rules())
        Dashboard(
            "board",
            DashboardArgs(naming=naming, region="eu-west-1", sections=[Section(title="Alarms", charts=charts)]),
        )

    return deploy(
        program,
        project="watched",
        stack="dev",
        config={"aws:region": "eu-west-1", "aws:defaultTags": json.dumps({"tags": TAGS})},
        provider=LocalProvider(account, {}),
    )


def outputs_of(deployment: Deployment, name: str) -> dict[str, Any]:
    (found,) = [each for each in deployment.resources if each.name == name]
    assert found.state == "applied"
    return dict(found.outputs)


class TestAlarms:
    def test_all_resources_are_applied(self, deployment: Deployment) -> None:
        assert {each.state for each in deployment.resources} == {"applied"}
        assert len(deployment.resources) == 2 * 4 + len(rules()) + 1

    def test_metric_alarm_is_stored_as_registered(self, deployment: Deployment, other_region: LocalAccount) -> None:
        (read,) = other_region.client("cloudwatch").describe_alarms(AlarmNames=["watched-jobs-queue-age-dev"])[
            "MetricAlarms"
        ]
        expected = {
            "AlarmArn": outputs_of(deployment, "alarms-jobs-queue-age")["arn"],
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateAgeOfOldestMessage",
            "Dimensions": [{"Name": "QueueName", "Value": "watched-jobs-queue-dev"}],
            "Statistic": "Maximum",
            "Period": 60,
            "EvaluationPeriods": 2,
            "Threshold": 300.0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "ActionsEnabled": True,
            "AlarmActions": [outputs_of(deployment, "alarms-topic")["arn"]],
            "OKActions": [outputs_of(deployment, "alarms-topic")["arn"]],
        }
        assert {name: read[name] for name in expected} == expected
        assert "docs/runbooks/queue-age.md" in read["AlarmDescription"]

    def test_metric_math_alarm_is_stored_with_its_queries(
        self, deployment: Deployment, other_region: LocalAccount
    ) -> None:
        (read,) = other_region.client("cloudwatch").describe_alarms(AlarmNames=["watched-api-5xx-count-dev"])[
            "MetricAlarms"
        ]
        by_id = {each["Id"]: each for each in read["Metrics"]}
        assert by_id["result"]["Expression"] == "SUM([target, balancer])"
        assert by_id["target"]["MetricStat"]["Metric"]["MetricName"] == "HTTPCode_Target_5XX_Count"
        assert by_id["target"]["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "LoadBalancer", "Value": "app/api/1"}]
        assert by_id["target"]["ReturnData"] is False

    def test_cloudfront_alarm_is_in_us_east_1(self, deployment: Deployment, account: LocalAccount) -> None:
        (read,) = account.client("cloudwatch").describe_alarms(AlarmNames=["watched-cdn-5xx-rate-dev"])["MetricAlarms"]
        (topic,) = read["AlarmActions"]
        assert topic == outputs_of(deployment, "alarms-us-east-1-topic")["arn"]
        assert topic.startswith("arn:aws:sns:us-east-1:")


class TestTopic:
    def test_topic_has_key_and_policy(self, deployment: Deployment, other_region: LocalAccount) -> None:
        arn = outputs_of(deployment, "alarms-topic")["arn"]
        read = other_region.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
        assert read["KmsMasterKeyId"] == outputs_of(deployment, "alarms-key")["arn"]
        by_sid = {each["Sid"]: each for each in json.loads(read["Policy"])["Statement"]}
        assert by_sid.keys() == {"RefusePlainTransport", "AcceptCloudwatch", "AcceptBudgets", "AcceptCostalerts"}
        assert by_sid["AcceptCloudwatch"]["Condition"]["ArnLike"] == {
            "aws:SourceArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:*"
        }
        policy = outputs_of(deployment, "alarms-topic-policy")
        assert (policy["arn"], policy["owner"]) == (arn, "123456789012")

    def test_email_subscription_is_pending_confirmation(
        self, deployment: Deployment, other_region: LocalAccount
    ) -> None:
        made = outputs_of(deployment, "alarms-mail-operations@example.org")
        arn = outputs_of(deployment, "alarms-topic")["arn"]
        (read,) = other_region.client("sns").list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
        assert (read["Protocol"], read["Endpoint"]) == ("email", "operations@example.org")
        assert made["arn"].startswith(f"{arn}:")
        assert (made["pendingConfirmation"], made["ownerId"]) == (True, "123456789012")

    def test_queue_subscription_needs_no_confirmation(self, create: Create, account: LocalAccount) -> None:
        topic = create(TOPIC, "events").outputs["arn"]
        made = create(
            SUBSCRIPTION,
            "queue",
            topic=topic,
            protocol="sqs",
            endpoint=QUEUE,
            rawMessageDelivery=True,
            filterPolicy='{"kind": ["made"]}',
        )
        assert (made.outputs["pendingConfirmation"], made.outputs["confirmationWasAuthenticated"]) == (False, False)
        read = account.client("sns").get_subscription_attributes(SubscriptionArn=made.id)["Attributes"]
        assert (read["RawMessageDelivery"], read["FilterPolicy"]) == ("true", '{"kind": ["made"]}')

    def test_key_policy_allows_publishers(self, deployment: Deployment, other_region: LocalAccount) -> None:
        key = outputs_of(deployment, "alarms-key")["keyId"]
        read = json.loads(other_region.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"])
        by_sid = {each["Sid"]: each for each in read["Statement"]}
        assert by_sid.keys() == {"AccountDecides", "AlarmPublishersUseKey"}

    @pytest.mark.parametrize(
        ("type_", "inputs", "problem"),
        [
            (POLICY, {"policy": "{}"}, "TopicArn is required"),
            (SUBSCRIPTION, {"topic": QUEUE}, "Protocol is required"),
            (SUBSCRIPTION, {"topic": QUEUE, "protocol": "email", "colour": "blue"}, "no call accepts colour"),
            (ALARM, {"evaluationPeriods": 1, "comparisonOperator": "Beyond"}, "'Beyond' must be one of"),
        ],
    )
    def test_invalid_inputs_are_rejected(
        self, create: Create, type_: str, inputs: dict[str, object], problem: str
    ) -> None:
        if inputs.get("topic"):
            inputs = {**inputs, "topic": create(TOPIC, "any").outputs["arn"]}
        with pytest.raises(RegistrationError, match=problem):
            create(type_, "bad", **inputs)


class TestDashboard:
    def test_resource_is_stored_as_registered(self, deployment: Deployment, other_region: LocalAccount) -> None:
        made = outputs_of(deployment, "board-dashboard")
        assert made["dashboardArn"] == "arn:aws:cloudwatch::123456789012:dashboard/watched-dev"
        read = json.loads(other_region.client("cloudwatch").get_dashboard(DashboardName="watched-dev")["DashboardBody"])
        titles = [each["properties"].get("title") for each in read["widgets"]]
        assert titles == [None, *(rule.name for rule in rules())]

    def test_invalid_dashboard_body_is_rejected(self, create: Create) -> None:
        with pytest.raises(RegistrationError, match=r"put_dashboard"):
            create(BOARD, "bad", dashboardName="bad", dashboardBody="{not json")
