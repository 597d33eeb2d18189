"""What an environment's file says is what AWS is asked for."""

import json
from collections.abc import Callable
from typing import Any

from stacks.environment import EnvironmentSettings
from tests.stacks.conftest import Graph

SIGNING_KEY = """-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvnxnB0fEoYzt2WQhHZ9Q
-----END PUBLIC KEY-----
"""


class TestFunctions:
    def test_sizes_and_timings_are_the_files(
        self, evaluated: Callable[..., Graph], settings_of: Callable[..., dict[str, Any]]
    ) -> None:
        values = settings_of(
            "dev",
            queue__visibility_seconds=12,
            queue__retention_seconds=600,
            queue__max_receive_count=5,
            queue__depth_limit=12,
            thumbnails__timeout_seconds=2,
            thumbnails__job_lease_seconds=3,
            thumbnails__batch_size=4,
            thumbnails__concurrency=3,
            api__memory_mb=333,
            api__timeout_seconds=7,
            api__concurrency=6,
            api__caller_requests_per_minute=77,
            api__caller_burst_requests=8,
            api__editors_create_episodes=True,
            migrate__timeout_seconds=99,
            maintenance__every="rate(2 minutes)",
            log_retention_days=3,
            identity__access_token_hours=2,
            architecture="x86_64",
        )
        assert EnvironmentSettings.parse(values)
        graph = evaluated(values)
        queue = graph.named("thumbnail-queue-queue").inputs
        assert (queue["visibilityTimeoutSeconds"], queue["messageRetentionSeconds"]) == (12, 600)
        assert json.loads(queue["redrivePolicy"])["maxReceiveCount"] == 5
        mapping = graph.named("thumbnail-consumer-mapping").inputs
        assert (mapping["batchSize"], mapping["scalingConfig"]) == (4, {"maximumConcurrency": 3})
        api, worker = graph.named("api-function").inputs, graph.named("thumbnail-generator-function").inputs
        assert (api["memorySize"], api["timeout"], api["reservedConcurrentExecutions"]) == (333, 7, 6)
        assert (worker["timeout"], worker["reservedConcurrentExecutions"]) == (2, 3)
        assert graph.named("migrate-function").inputs["timeout"] == 99
        assert graph.named("maintenance-schedule-schedule").inputs["scheduleExpression"] == "rate(2 minutes)"
        assert {each.inputs["retentionInDays"] for each in graph.of("LogGroup")} == {3}
        assert {tuple(each.inputs["architectures"]) for each in graph.functions} == {("x86_64",)}
        assert graph.named("users-client").inputs["accessTokenValidity"] == 2
        assert graph.variables("api")["PLATFORM_TOKEN_MAX_LIFETIME_SECONDS"] == "7200"
        limits = [
            graph.variables("api")[f"PLATFORM_CALLER_{name}"] for name in ("REQUESTS_PER_MINUTE", "BURST_REQUESTS")
        ]
        assert limits == ["77", "8"]
        assert graph.variables("api")["PLATFORM_EDITORS_CREATE_EPISODES"] == "true"
        assert graph.variables("thumbnail-generator")["PLATFORM_JOB_LEASE_SECONDS"] == "3"
        assert graph.variables("api")["PLATFORM_QUEUE_DEPTH_LIMIT"] == "12"


class TestServices:
    def test_sizes_and_timings_are_the_files(
        self, evaluated: Callable[..., Graph], settings_of: Callable[..., dict[str, Any]]
    ) -> None:
        values = settings_of(
            "staging",
            api__container__cpu_units=1024,
            api__container__memory_mb=4096,
            api__container__desired_count=2,
            api__container__maximum_count=3,
            api__container__deployment="canary",
            api__container__repository="other/api",
            search_domain__instance_type="r7g.large.search",
            search_domain__instance_count=2,
            search_domain__volume_gb=33,
            search_domain__dedicated_masters=True,
            search_domain__create_service_role=False,
            edge__requests_per_address=500,
            edge__delivery__price_class="PriceClass_All",
            edge__delivery__blocked_countries=["KP"],
            edge__delivery__signing_public_keys={"first": SIGNING_KEY},
            monitoring__monthly_budget_usd=77,
            monitoring__recipients=["first@example.com", "second@example.com"],
            database__max_connections=200,
            buckets__malware_protection=True,
            backup={"keep_days": 99},
        )
        assert EnvironmentSettings.parse(values)
        graph = evaluated(values)
        task, service = graph.named("api-task-definition").inputs, graph.named("api-service").inputs
        assert (task["cpu"], task["memory"]) == ("1024", "4096")
        assert graph.container
        assert "/other/api@sha256:" in graph.container["image"]
        assert (service["desiredCount"], service["deploymentConfiguration"]["strategy"]) == (2, "CANARY")
        assert len(graph.of("TargetGroup")) == 2
        scaling = graph.named("api-scaling").inputs
        assert (scaling["minCapacity"], scaling["maxCapacity"]) == (2, 3)
        domain = graph.named("search-domain").inputs
        cluster = domain["clusterConfig"]
        assert (cluster["instanceType"], cluster["instanceCount"]) == ("r7g.large.search", 2)
        assert (cluster["dedicatedMasterEnabled"], domain["ebsOptions"]["volumeSize"]) == (True, 33)
        assert graph.of("ServiceLinkedRole") == []
        # With two nodes there is room for replicas, so their absence is worth an alarm.
        assert graph.named("alarms-search-yellow")
        (rate,) = [each for each in graph.named("firewall-web-acl").inputs["rules"] if each["name"] == "rate"]
        assert rate["statement"]["rateBasedStatement"]["limit"] == 500
        media = graph.named("media-distribution").inputs
        assert media["priceClass"] == "PriceClass_All"
        assert media["restrictions"]["geoRestriction"] == {"restrictionType": "blacklist", "locations": ["KP"]}
        # Documents are delivered once there is a key to sign their addresses with, and to nobody without one.
        signed = [each["pathPattern"] for each in media["orderedCacheBehaviors"] if each.get("trustedKeyGroups")]
        assert signed == ["/documents/*"]
        assert graph.named("budget-budget").inputs["limitAmount"] == "77"
        assert sorted(each.inputs["endpoint"] for each in graph.of("TopicSubscription")) == [
            "first@example.com",
            "second@example.com",
        ]
        (rule,) = graph.named("archives-plan").inputs["rules"]
        assert rule["lifecycle"]["deleteAfter"] == 99
        assert graph.of("MalwareProtectionPlan")


class TestWithout:
    def test_what_is_null_is_not_there(
        self, evaluated: Callable[..., Graph], settings_of: Callable[..., dict[str, Any]]
    ) -> None:
        graph = evaluated(
            settings_of(
                "staging",
                search_domain=None,
                edge__manages_zone=False,
                edge__requests_per_address=None,
                edge__delivery=None,
                monitoring__alarms=False,
                monitoring__dashboard=False,
                monitoring__monthly_budget_usd=None,
                buckets__access_log_days=None,
                buckets__archive_unread_items_after_days=None,
                network__flow_log_retention_days=None,
                identity__first_administrator=None,
                identity__system_client=False,
                customer_managed_keys=False,
            )
        )
        kinds = {each.type.rpartition(":")[2] for each in graph.resources if not each.custom}
        assert kinds == {
            "ContainerService",
            "ContainerTask",
            "LoadBalancer",
            "Network",
            "Parameters",
            "PostgresDatabase",
            "PrivateBucket",
            "PythonFunction",
            "QueueConsumer",
            "Schedule",
            "UserDirectory",
            "WorkQueue",
        }
        assert [each.inputs["port"] for each in graph.of("Listener")] == [80]
        for kind in (
            "FlowLog",
            "User",
            "BucketIntelligentTieringConfiguration",
            "Key",
            "UserPoolDomain",
            "Distribution",
        ):
            assert graph.of(kind) == [], kind

    def test_certificate_of_somebody_elses_zone_is_used(
        self, evaluated: Callable[..., Graph], settings_of: Callable[..., dict[str, Any]]
    ) -> None:
        arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
        graph = evaluated(
            settings_of("staging", edge__manages_zone=False, edge__certificate_arn=arn, edge__delivery__host_name=None)
        )
        assert graph.named("load-balancer-https").inputs["certificateArn"] == arn
        assert graph.of("Certificate") == graph.of("Zone") == graph.of("Record") == []
        assert graph.named("outputs-api-url").inputs["value"] == "https://api-staging.example.com"


PROXY = {"connections_percent": 80, "borrow_timeout_seconds": 7, "idle_client_timeout_seconds": 600}
CACHE = {"node_type": "cache.t4g.small", "nodes": 2, "maintenance_window": "mon:05:00-mon:06:00"}


class TestOptionalSections:
    """What is null in every environment's file today."""

    def test_proxy_stands_between_the_application_and_the_database(
        self, evaluated: Callable[..., Graph], settings_of: Callable[..., dict[str, Any]], environment: str
    ) -> None:
        values = settings_of(environment, database__proxy=PROXY)
        assert EnvironmentSettings.parse(values)
        graph = evaluated(values)
        pool = graph.named("database-proxy-target-group").inputs["connectionPoolConfig"]
        assert (pool["maxConnectionsPercent"], pool["connectionBorrowTimeout"]) == (80, 7)
        assert graph.named("database-proxy-proxy").inputs["idleClientTimeout"] == 600
        # The migrate function signs in at the database itself and writes the proxy into the application's secret.
        variables = graph.variables("migrate")
        assert variables["PLATFORM_DATABASE_APPLICATION_HOST"] != variables["PLATFORM_DATABASE_HOST"]
        entries = {
            each.name for each in graph.of("SecurityGroupIngressRule") if each.name.startswith("database-proxy-from")
        }
        assert entries == {
            f"database-proxy-from-{who}" for who in ("api", "maintenance", "migrate", "thumbnail-generator")
        }

    def test_cache_is_open_to_the_api_alone(
        self, evaluated: Callable[..., Graph], settings_of: Callable[..., dict[str, Any]], environment: str
    ) -> None:
        values = settings_of(environment, cache=CACHE)
        assert EnvironmentSettings.parse(values)
        graph = evaluated(values)
        group = graph.named("cache-group").inputs
        assert (group["nodeType"], group["numCacheClusters"]) == ("cache.t4g.small", 2)
        assert group["maintenanceWindow"] == "mon:05:00-mon:06:00"
        assert graph.variables("api")["PLATFORM_CACHE_ENDPOINT"].endswith(":6379")
        entries = [each.name for each in graph.of("SecurityGroupIngressRule") if each.name.startswith("cache-from")]
        assert entries == ["cache-from-api"]
