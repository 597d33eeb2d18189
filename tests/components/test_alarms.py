import re

import pulumi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import alarm_rules
from components.alarms import AlarmRule, Alarms, AlarmsArgs, Metric, topic_key_users
from components.arguments import ArgumentError
from components.naming import Naming

NAMING = Naming("episode-metadata", "production")
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:episode-metadata-thumbnail-queue-production"
DEAD = "arn:aws:sqs:eu-west-1:123456789012:episode-metadata-thumbnail-dlq-production"
CPU = Metric(namespace="AWS/ECS", name="CPUUtilization", statistic="Average", dimensions={"ClusterName": "main"})
PUBLISHERS = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com", "costalerts.amazonaws.com"]


def rule(**changes):
    return AlarmRule(
        **{
            "name": "api-cpu",
            "description": "The service is out of breath.",
            "runbook": "service-cpu",
            "metrics": {"value": CPU},
            "threshold": 80,
        }
        | changes
    )


def args(*rules, **changes):
    return AlarmsArgs(
        **{
            "naming": NAMING,
            "recipients": ["operations@example.org"],
            "rules": rules or [rule()],
            "region": "us-east-1",
        }
        | changes
    )


def every_rule():
    """One set of each of the ready rules."""
    return [
        *alarm_rules.queue_rules("thumbnail", QUEUE),
        *alarm_rules.dead_letter_rules("thumbnail", DEAD),
        *alarm_rules.function_rules("worker", "episode-metadata-thumbnails-production", timeout_seconds=60),
        *alarm_rules.http_api_rules("gateway", "api-1"),
        *alarm_rules.load_balancer_rules("api", "app/api/1", target_group_arn_suffix="targetgroup/api/1"),
        *alarm_rules.service_rules("api", "main", "api"),
        *alarm_rules.database_rules("db", "episode-metadata-db-production", max_connections=200),
        *alarm_rules.search_rules("search", "search", "123456789012"),
        *alarm_rules.distribution_rules("cdn", "E1"),
        *alarm_rules.firewall_rules("edge", "edge-acl"),
        *alarm_rules.bucket_rules("storage", "episode-metadata-storage-production", quota_gb=500),
        *alarm_rules.backup_rules("vault", "episode-metadata-backups-production"),
    ]


def alarm(register, name, *rules, **changes):
    """What is registered for one rule."""
    return dict(register(lambda: Alarms("alarms", args(*rules, **changes))).named(f"alarms-{name}").inputs)


class TestTopic:
    def test_it_is_encrypted_by_a_key_of_its_own_that_the_publishers_may_use(self, register):
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

    def test_a_given_key_is_used_instead(self, register):
        graph = register(lambda: Alarms("alarms", args(key_arn="arn:aws:kms:us-east-1:123456789012:key/1")))
        assert "Key" not in graph.counts
        assert graph.one("Topic").inputs["kmsMasterKeyId"] == "arn:aws:kms:us-east-1:123456789012:key/1"

    def test_only_the_account_s_own_alarms_and_budgets_publish_and_only_over_tls(self, register):
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
    def test_every_recipient_is_asked(self, register):
        graph = register(lambda: Alarms("alarms", args(recipients=["a@example.org", "b@example.org"])))
        asked = {(each.inputs["protocol"], each.inputs["endpoint"]) for each in graph.of("TopicSubscription")}
        assert asked == {("email", "a@example.org"), ("email", "b@example.org")}

    def test_its_arn_is_known_once_it_accepts_what_it_is_told(self, register):
        def make():
            made = Alarms("alarms", args())
            pulumi.CustomResource("aws:sqs/queue:Queue", "later", {"name": made.topic_arn})

        assert register(make).depends("later", "alarms-topic-policy")


class TestElsewhere:
    def test_what_is_only_told_in_another_region_is_watched_and_told_there(self, register):
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

    def test_a_key_of_the_own_region_is_of_no_use_there(self, register):
        rules = alarm_rules.distribution_rules("cdn", "E1")
        graph = register(lambda: Alarms("alarms", args(*rules, region="eu-west-1", key_arn="arn:aws:kms:1")))
        assert [each.name for each in graph.of("Key")] == ["alarms-us-east-1-key"]
        assert graph.named("alarms-topic").inputs["kmsMasterKeyId"] == "arn:aws:kms:1"

    def test_the_own_region_needs_no_second_topic(self, register):
        graph = register(lambda: Alarms("alarms", args(*alarm_rules.distribution_rules("cdn", "E1"))))
        assert graph.counts["Topic"] == 1
        assert "region" not in graph.one("MetricAlarm").inputs


class TestAlarm:
    def test_one_series_is_compared_as_it_is(self, register):
        made = alarm(register, "api-cpu", rule(period_seconds=300, periods=2, missing="breaching"))
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

    def test_percentile_of_few_values_says_nothing(self, register):
        latency = Metric(namespace="AWS/ApiGateway", name="Latency", statistic="p95")
        made = alarm(register, "slow", rule(name="slow", metrics={"value": latency}))
        assert (made["extendedStatistic"], made["evaluateLowSampleCountPercentiles"]) == ("p95", "ignore")
        assert "statistic" not in made

    def test_several_series_are_compared_through_their_expression(self, register):
        ratio = rule(metrics={"used": CPU, "all": CPU}, expression="100 * used / all")
        made = alarm(register, "api-cpu", ratio)
        assert not {"namespace", "metricName", "dimensions", "statistic", "period"} & made.keys()
        *read, result = made["metricQueries"]
        assert [(each["id"], each["returnData"], each["metric"]["period"]) for each in read] == [
            ("used", False, 60),
            ("all", False, 60),
        ]
        assert result == {"id": "result", "expression": "100 * used / all", "label": "api-cpu", "returnData": True}

    def test_pages_may_stand_anywhere(self, register):
        made = alarm(register, "api-cpu", runbooks="https://example.org/pages")
        assert made["alarmDescription"].endswith("https://example.org/pages/service-cpu.md")

    def test_unknown_outputs_are_no_obstacle(self, register):
        graph = register(lambda: Alarms("alarms", args(*every_rule())), preview=True)
        assert graph.counts["MetricAlarm"] == len(every_rule())


class TestReadyRules:
    def of(self, register, name, **changes):
        return alarm(register, name, *every_rule(), **changes)

    def test_every_alarm_tells_when_it_goes_off_and_when_it_is_over(self, register):
        graph = register(lambda: Alarms("alarms", args(*every_rule())))
        alarms = graph.of("MetricAlarm")
        assert len(alarms) == len(every_rule()) == 25
        for each in alarms:
            assert each.inputs["actionsEnabled"] is True
            assert each.inputs["alarmActions"] == each.inputs["okActions"]
            assert len(each.inputs["alarmActions"]) == 1
            assert re.fullmatch(r"episode-metadata-[a-z0-9-]+-production", each.inputs["name"])

    def test_every_meaning_is_used_and_says_what_of(self):
        rules = every_rule()
        assert {each.runbook for each in rules} == set(alarm_rules.MEANINGS)
        assert [each.name for each in rules if each.name.partition("-")[0] not in each.description] == []

    def test_name_of_a_queue_is_read_off_its_arn(self, register):
        def make():
            arns = [pulumi.Output.from_input(arn) for arn in (QUEUE, DEAD)]
            rules = alarm_rules.queue_rules("q", arns[0]) + alarm_rules.dead_letter_rules("q", arns[1])
            Alarms("alarms", args(*rules))

        graph = register(make)
        for name, arn in (("q-queue-age", QUEUE), ("q-queue-depth", QUEUE), ("q-dead-letters", DEAD)):
            assert graph.named(f"alarms-{name}").inputs["dimensions"] == {"QueueName": arn.rpartition(":")[2]}

    @pytest.mark.requirement("C-31")
    def test_queue_and_its_dead_letters(self, register):
        age = self.of(register, "thumbnail-queue-age")
        assert (age["metricName"], age["statistic"], age["threshold"]) == (
            "ApproximateAgeOfOldestMessage",
            "Maximum",
            300,
        )
        assert age["dimensions"] == {"QueueName": "episode-metadata-thumbnail-queue-production"}
        depth = self.of(register, "thumbnail-queue-depth")
        assert (depth["metricName"], depth["threshold"]) == ("ApproximateNumberOfMessagesVisible", 50)
        dead = self.of(register, "thumbnail-dead-letters")
        assert (dead["metricName"], dead["threshold"], dead["evaluationPeriods"]) == (
            "ApproximateNumberOfMessagesVisible",
            0,
            1,
        )
        assert dead["dimensions"] == {"QueueName": "episode-metadata-thumbnail-dlq-production"}

    def test_function_is_watched_up_to_nine_tenths_of_its_timeout(self, register):
        duration = self.of(register, "worker-duration")
        assert (duration["metricName"], duration["statistic"], duration["threshold"]) == ("Duration", "Maximum", 54_000)
        assert {self.of(register, f"worker-{kind}")["threshold"] for kind in ("errors", "throttles")} == {0}

    @pytest.mark.requirement("C-44", "A-05", "ROAD-129")
    def test_errors_of_a_balancer_count_by_share_and_by_number(self, register):
        count = self.of(register, "api-5xx-count")
        series = {each["id"]: each.get("metric", each.get("expression")) for each in count["metricQueries"]}
        assert {name: metric["metricName"] for name, metric in series.items() if name != "result"} == {
            "target": "HTTPCode_Target_5XX_Count",
            "balancer": "HTTPCode_ELB_5XX_Count",
        }
        assert {metric["namespace"] for name, metric in series.items() if name != "result"} == {"AWS/ApplicationELB"}
        assert series["result"] == "SUM([target, balancer])"
        expected = {"threshold": 5, "evaluationPeriods": 2, "comparisonOperator": "GreaterThanThreshold"}
        assert {name: count[name] for name in expected} == expected
        assert {(each["metric"]["period"], each["metric"]["stat"]) for each in count["metricQueries"][:-1]} == {
            (60, "Sum")
        }
        rate = self.of(register, "api-5xx-rate")
        assert {name: rate[name] for name in expected} == expected
        assert rate["metricQueries"][-1]["expression"] == (
            "IF(SUM([requests, balancer]) >= 20, 100 * SUM([target, balancer]) / SUM([requests, balancer]), 0)"
        )

    def test_errors_of_an_http_api_count_by_share_and_by_number(self, register):
        count, rate = self.of(register, "gateway-5xx-count"), self.of(register, "gateway-5xx-rate")
        metrics = {each["metric"]["metricName"] for each in rate["metricQueries"][:-1]}
        assert metrics == {"5xx", "Count"}
        assert [each["metric"]["metricName"] for each in count["metricQueries"][:-1]] == ["5xx"]
        latency = self.of(register, "gateway-latency")
        assert (latency["metricName"], latency["extendedStatistic"], latency["threshold"]) == ("Latency", "p95", 1000)

    @pytest.mark.requirement("ROAD-128")
    def test_processors_of_a_service(self, register):
        made = self.of(register, "api-cpu")
        expected = {
            "namespace": "AWS/ECS",
            "metricName": "CPUUtilization",
            "statistic": "Average",
            "period": 300,
            "threshold": 80,
            "evaluationPeriods": 2,
            "comparisonOperator": "GreaterThanThreshold",
            "dimensions": {"ClusterName": "main", "ServiceName": "api"},
        }
        assert {name: made[name] for name in expected} == expected

    def test_database(self, register):
        storage = self.of(register, "db-free-storage")
        assert (storage["comparisonOperator"], storage["threshold"]) == ("LessThanThreshold", 5 * 1024**3)
        assert self.of(register, "db-connections")["threshold"] == 160
        assert self.of(register, "db-cpu")["metricName"] == "CPUUtilization"

    def test_search_domain(self, register):
        for colour in ("red", "yellow"):
            made = self.of(register, f"search-{colour}")
            assert made["metricName"] == f"ClusterStatus.{colour}"
            assert (made["comparisonOperator"], made["threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
        assert self.of(register, "search-free-storage")["threshold"] == 20 * 1024

    def test_search_domain_of_one_node_may_be_yellow(self):
        names = [each.name for each in alarm_rules.search_rules("search", "search", "1", replicas=False)]
        assert names == ["search-red", "search-free-storage"]

    def test_firewall_of_a_region_is_watched_there_and_that_of_a_cdn_at_the_edge(self):
        (edge,) = alarm_rules.firewall_rules("edge", "acl")
        (regional,) = alarm_rules.firewall_rules("api", "acl", region="eu-west-1")
        assert (edge.region, regional.region) == ("us-east-1", None)
        assert "Region" not in edge.metrics["value"].dimensions
        assert regional.metrics["value"].dimensions["Region"] == "eu-west-1"

    @pytest.mark.requirement("LX-87")
    def test_storage_quota(self, register):
        made = self.of(register, "storage-quota")
        assert (made["metricName"], made["period"], made["threshold"]) == ("BucketSizeBytes", 86_400, 500 * 1024**3)
        assert made["dimensions"]["StorageType"] == "StandardStorage"

    def test_silence_means_what_it_means_for_each(self):
        silent = {each.name: each.missing for each in every_rule() if each.missing != "notBreaching"}
        assert silent == {
            "api-health": "breaching",
            "api-cpu": "missing",
            "api-memory": "missing",
            "db-free-storage": "breaching",
            "search-red": "breaching",
            "storage-quota": "ignore",
        }


class TestArgs:
    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("recipients", {"recipients": []}),
            ("recipients", {"recipients": ["nobody"]}),
            ("recipients", {"recipients": ["a@example.org", "a@example.org"]}),
            ("rules", {"rules": [rule(), rule()]}),
            ("region", {"region": "europe"}),
            ("runbooks", {"runbooks": ""}),
        ],
    )
    def test_impossible_value_is_refused_by_field(self, field, changes):
        with pytest.raises(ArgumentError, match=rf"AlarmsArgs\.{field}: must"):
            args(**changes)

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("name", {"name": "API cpu"}),
            ("name", {"name": ""}),
            ("runbook", {"runbook": "../secret"}),
            ("description", {"description": ""}),
            ("description", {"description": "x" * 801}),
            ("metrics", {"metrics": {}}),
            ("metrics", {"metrics": {"Value": CPU}}),
            ("metrics", {"metrics": {"result": CPU}}),
            ("metrics", {"metrics": {f"m{number}": CPU for number in range(10)}}),
            ("expression", {"metrics": {"a": CPU, "b": CPU}}),
            ("expression", {"metrics": {"a": CPU, "b": CPU}, "expression": "100 * a"}),
            ("comparison", {"comparison": ">"}),
            ("missing", {"missing": "whatever"}),
            ("period_seconds", {"period_seconds": 45}),
            ("period_seconds", {"period_seconds": 0}),
            ("period_seconds", {"period_seconds": 86_460}),
            ("periods", {"periods": 0}),
            ("periods", {"periods": 25, "period_seconds": 3_540}),
            ("periods", {"periods": 8, "period_seconds": 86_400}),
            ("region", {"region": "everywhere"}),
        ],
    )
    def test_impossible_rule_is_refused_by_field(self, field, changes):
        with pytest.raises(ArgumentError, match=rf"AlarmRule\.{field}: must"):
            rule(**changes)

    @pytest.mark.parametrize(
        ("field", "changes"),
        [("statistic", {"statistic": "Median"}), ("statistic", {"statistic": "p100"}), ("name", {"name": ""})],
    )
    def test_impossible_metric_is_refused_by_field(self, field, changes):
        with pytest.raises(ArgumentError, match=rf"Metric\.{field}: must"):
            Metric(**{"namespace": "AWS/SQS", "name": "Age"} | changes)

    @settings(max_examples=30, deadline=None)
    @given(
        minutes=st.integers(1, 60),
        periods=st.integers(1, 20),
        threshold=st.floats(0, 1e9),
        statistic=st.sampled_from(["Sum", "Maximum", "p99", "p99.9"]),
    )
    def test_possible_rules_register(self, register, minutes, periods, threshold, statistic):
        metric = Metric(namespace="AWS/SQS", name="Age", statistic=statistic)
        chosen = rule(metrics={"value": metric}, period_seconds=60 * minutes, periods=periods, threshold=threshold)
        made = alarm(register, "api-cpu", chosen)
        assert made["threshold"] == threshold
        assert {made.get("statistic"), made.get("extendedStatistic")} == {statistic, None}


def test_key_that_others_make_may_admit_the_publishers():
    assert topic_key_users("1")["Principal"] == {"Service": PUBLISHERS}
