import re
from typing import Any

import pulumi
import pytest

from components import alarm_rules
from components.alarms import Alarms
from tests.components.examples.alarms import DEAD, QUEUE, alarm, args, every_rule


class TestReadyRules:
    def of(self, register: Any, name: Any, **changes: Any) -> Any:
        return alarm(register, name, *every_rule(), **changes)

    def test_every_alarm_tells_when_it_goes_off_and_when_it_is_over(self, register: Any) -> None:
        graph = register(lambda: Alarms("alarms", args(*every_rule())))
        alarms = graph.of("MetricAlarm")
        assert len(alarms) == len(every_rule()) == 25
        for each in alarms:
            assert each.inputs["actionsEnabled"] is True
            assert each.inputs["alarmActions"] == each.inputs["okActions"]
            assert len(each.inputs["alarmActions"]) == 1
            assert re.fullmatch(r"episode-metadata-[a-z0-9-]+-production", each.inputs["name"])

    def test_every_meaning_is_used_and_says_what_of(self) -> None:
        rules = every_rule()
        assert {each.runbook for each in rules} == set(alarm_rules.DESCRIPTIONS)
        assert [each.name for each in rules if each.name.partition("-")[0] not in each.description] == []

    def test_name_of_a_queue_is_read_off_its_arn(self, register: Any) -> None:
        def make() -> None:
            arns = [pulumi.Output.from_input(arn) for arn in (QUEUE, DEAD)]
            rules = alarm_rules.queue_rules("q", arns[0]) + alarm_rules.dead_letter_rules("q", arns[1])
            Alarms("alarms", args(*rules))

        graph = register(make)
        for name, arn in (("q-queue-age", QUEUE), ("q-queue-depth", QUEUE), ("q-dead-letters", DEAD)):
            assert graph.named(f"alarms-{name}").inputs["dimensions"] == {"QueueName": arn.rpartition(":")[2]}

    @pytest.mark.requirement("C-31")
    def test_queue_and_its_dead_letters(self, register: Any) -> None:
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

    def test_function_is_watched_up_to_nine_tenths_of_its_timeout(self, register: Any) -> None:
        duration = self.of(register, "worker-duration")
        assert (duration["metricName"], duration["statistic"], duration["threshold"]) == ("Duration", "Maximum", 54_000)
        assert {self.of(register, f"worker-{kind}")["threshold"] for kind in ("errors", "throttles")} == {0}

    @pytest.mark.requirement("C-44", "A-05", "ROAD-129")
    def test_errors_of_a_balancer_count_by_share_and_by_number(self, register: Any) -> None:
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

    def test_errors_of_an_http_api_count_by_share_and_by_number(self, register: Any) -> None:
        count, rate = self.of(register, "gateway-5xx-count"), self.of(register, "gateway-5xx-rate")
        metrics = {each["metric"]["metricName"] for each in rate["metricQueries"][:-1]}
        assert metrics == {"5xx", "Count"}
        assert [each["metric"]["metricName"] for each in count["metricQueries"][:-1]] == ["5xx"]
        latency = self.of(register, "gateway-latency")
        assert (latency["metricName"], latency["extendedStatistic"], latency["threshold"]) == ("Latency", "p95", 1000)

    @pytest.mark.requirement("ROAD-128")
    def test_processors_of_a_service(self, register: Any) -> None:
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

    def test_database(self, register: Any) -> None:
        storage = self.of(register, "db-free-storage")
        assert (storage["comparisonOperator"], storage["threshold"]) == ("LessThanThreshold", 5 * 1024**3)
        assert self.of(register, "db-connections")["threshold"] == 160
        assert self.of(register, "db-cpu")["metricName"] == "CPUUtilization"

    def test_search_domain(self, register: Any) -> None:
        for colour in ("red", "yellow"):
            made = self.of(register, f"search-{colour}")
            assert made["metricName"] == f"ClusterStatus.{colour}"
            assert (made["comparisonOperator"], made["threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
        assert self.of(register, "search-free-storage")["threshold"] == 20 * 1024

    def test_search_domain_of_one_node_may_be_yellow(self) -> None:
        names = [each.name for each in alarm_rules.search_rules("search", "search", "1", replicas=False)]
        assert names == ["search-red", "search-free-storage"]

    def test_firewall_of_a_region_is_watched_there_and_that_of_a_cdn_at_the_edge(self) -> None:
        (edge,) = alarm_rules.firewall_rules("edge", "acl")
        (regional,) = alarm_rules.firewall_rules("api", "acl", region="eu-west-1")
        assert (edge.region, regional.region) == ("us-east-1", None)
        assert "Region" not in edge.metrics["value"].dimensions
        assert regional.metrics["value"].dimensions["Region"] == "eu-west-1"

    @pytest.mark.requirement("LX-87")
    def test_storage_quota(self, register: Any) -> None:
        made = self.of(register, "storage-quota")
        assert (made["metricName"], made["period"], made["threshold"]) == ("BucketSizeBytes", 86_400, 500 * 1024**3)
        assert made["dimensions"]["StorageType"] == "StandardStorage"

    def test_silence_means_what_it_means_for_each(self) -> None:
        silent = {each.name: each.missing_data for each in every_rule() if each.missing_data != "notBreaching"}
        assert silent == {
            "api-health": "breaching",
            "api-cpu": "missing",
            "api-memory": "missing",
            "db-free-storage": "breaching",
            "search-red": "breaching",
            "storage-quota": "ignore",
        }
