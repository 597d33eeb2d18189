"""What stands before what: a resource that AWS tries at once, or that runs code, comes after all that it needs."""

import json
from collections.abc import Callable

import pytest

from lambda_src.maintenance.handler import TASKS
from lambda_src.migrate.handler import ACTIONS
from stacks.sources import schema
from tests.stacks.conftest import Graph

# What takes requests or work, by environment.
ENTRANCES = {
    "dev": {"api-function", "api-alias", "http-api-stage"},
    "staging": {"api-service"},
    "production": {"api-service", "api-scaling"},
}
WORKERS = {
    "thumbnail-generator-function",
    "thumbnail-generator-alias",
    "thumbnail-consumer-mapping",
    "maintenance-function",
    "maintenance-alias",
    "maintenance-schedule-schedule",
}


class TestSchema:
    def test_it_stands_before_what_reads_it(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        for name in ENTRANCES[environment] | WORKERS:
            assert "migration" in graph.waits_for(name), name

    def test_migration_waits_for_its_ways_in(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        assert graph_of(environment).waits_for("migration") >= {
            "migrate-function",
            "migrate-alias",
            "migrate-policy",
            "migrate-to-database",
            "migrate-to-endpoints",
            "database-instance",
            "database-from-migrate",
            "network-endpoints-from-migrate",
            "network-endpoint-secretsmanager",
        }

    def test_migration_runs_again_when_the_schema_changes(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        migration = graph.named("migration")
        assert migration.inputs["triggers"].keys() == {"schema", "database", "secret"}
        assert migration.inputs["triggers"]["schema"] == schema().digest
        assert graph.source(migration, "triggers") == ["database-instance", "database-secret"]
        assert json.loads(migration.inputs["input"]) == {"action": "upgrade"}

    def test_migration_runs_the_version_that_is_deployed(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        migration = graph_of(environment).named("migration")
        assert graph_of(environment).source(migration, "qualifier") == ["migrate-alias"]


class TestWork:
    @pytest.mark.requirement("C-33", "P2-07")
    def test_only_verified_originals_become_work(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        (notification,) = graph.of("BucketNotification")
        assert notification.name == "storage-notification"
        (queue,) = notification.inputs["queues"]
        assert (queue["events"], queue["filterPrefix"]) == (["s3:ObjectCreated:*"], "raw/")
        assert graph.source(notification, "queues") == ["thumbnail-queue-queue"]

    def test_notification_waits_for_the_queues_policy(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        assert "thumbnail-queue-policy" in graph_of(environment).waits_for("storage-notification")

    def test_maintenance_comes_with_tasks_that_its_function_knows(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        (schedule,) = graph.of("Schedule")
        assert schedule.inputs["scheduleExpression"] == "rate(1 minute)"
        assert set(json.loads(schedule.inputs["target"]["input"])) == {"tasks"}
        tasks = json.loads(schedule.inputs["target"]["input"])["tasks"]
        # Rebuilding is for whoever asks for it.
        assert tasks == [task for task in TASKS if task != "rebuild_search_index"]

    def test_callers_use_the_version_that_is_live(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        assert {each.name for each in graph.of("Alias") if each.type == "aws:lambda/alias:Alias"} == {
            f"{each.name.removesuffix('-function')}-alias" for each in graph.functions
        }
        assert graph.source(graph.named("thumbnail-consumer-mapping"), "functionName") == ["thumbnail-generator-alias"]
        assert "maintenance-alias" in graph.source(graph.named("maintenance-schedule-schedule"), "target")
        assert graph.named("maintenance-schedule-schedule").inputs["target"]["arn"] == graph.output(
            "maintenance-alias", "arn"
        )
        if environment == "dev":
            assert graph.source(graph.named("http-api-integration"), "integrationUri") == ["api-alias"]
            assert graph.source(graph.named("http-api-permission"), "qualifier") == ["api-alias"]


class TestService:
    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_container_starts_once_it_may(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        assert graph_of(environment).waits_for("api-service") >= {
            "api-task-execution-policy",
            "api-task-task-policy",
            "api-task-log-group",
            "api-to-database",
            "api-to-endpoints",
            "api-to-internet",
            "api-to-s3",
            "api-from-load-balancer",
            "load-balancer-to-api",
            "load-balancer-https",
            "certificate-validation",
            "storage-policy",
            "temp-policy",
            "thumbnails-policy",
        }

    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_logs_are_received_before_they_are_sent(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        senders = {f"{thing}-access-log" for thing in ("storage", "temp", "thumbnails")}
        for name in senders | {"load-balancer-load-balancer", "media-log-delivery"}:
            assert "access-logs-policy" in graph_of(environment).waits_for(name), name

    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_firewall_logs_before_it_guards(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        assert "firewall-logging" in graph_of(environment).waits_for("firewall-on-load-balancer")


class TestSlowThings:
    @pytest.mark.requirement("P2-04")
    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_nothing_that_serves_waits_for_the_search_domain(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        waiting = {each.name for each in graph.custom if "search-domain" in graph.waits_for(each.name)}
        # Its address is told, it is watched, and once it stands it is opened and prepared.
        assert waiting == {
            "outputs-search-endpoint",
            "search-policy",
            "search-preparation",
            "alarms-search-red",
            "alarms-search-free-storage",
        }

    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_search_is_prepared_once_its_address_can_be_looked_up(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        preparation = graph.named("search-preparation")
        assert graph.source(preparation, "triggers") == ["outputs-search-endpoint"]
        assert graph.source(preparation, "qualifier") == ["migrate-alias"]
        told = json.loads(preparation.inputs["input"])
        assert told == {
            "action": "prepare_search",
            "writers": [graph.output("api-task-task-role", "arn")],
            "index_managers": [graph.output("maintenance-role", "arn")],
        }
        assert told["action"] in ACTIONS

    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_search_is_prepared_once_the_domain_lets_the_function_in(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        ways = {"search-policy", "search-from-migrate", "migrate-to-search", "network-endpoints-from-migrate"}
        assert graph_of(environment).waits_for("search-preparation") >= ways

    def test_archives_wait_for_their_rights(self, graph_of: Callable[[str], Graph]) -> None:
        assert graph_of("production").waits_for("archives-selection") >= {
            "archives-may-backup",
            "archives-may-restores",
        }

    def test_scans_wait_for_their_rights(self, graph_of: Callable[[str], Graph]) -> None:
        assert graph_of("production").waits_for("upload-scan-plan") >= {"upload-scan-policy"}
