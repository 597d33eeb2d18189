"""The whole program in each environment: what it registers, how it hangs together, and what it never depends on."""

import json
import re
import runpy
import warnings
from pathlib import Path

import pulumi
import pytest
import yaml

from lambda_src.maintenance.handler import TASKS
from local.provider.pulumi_classes import resource_class
from stacks.environment import PROJECT, EnvironmentSettings
from stacks.sources import schema

ROOT = Path(__file__).parents[2]

EXPORTS = {
    "api_url",
    "cognito_secret_arn",
    "database_endpoint",
    "database_secret_arn",
    "environment",
    "region",
    "release",
    "schema_digest",
    "schema_head",
    "storage_bucket",
    "temp_bucket",
    "thumbnail_dead_letter_queue_url",
    "thumbnail_queue_url",
    "thumbnails_bucket",
    "user_pool_client_id",
    "user_pool_endpoint",
    "user_pool_id",
    "vpc_id",
}


def normalised(graph):
    """Everything that was registered, as text in one order; archives by the files in them."""

    def plain(value):
        if isinstance(value, pulumi.AssetArchive):
            return {name: plain(asset) for name, asset in value.assets.items()}
        if isinstance(value, pulumi.FileAsset):
            return str(Path(value.path).relative_to(ROOT))
        return repr(value)

    listed = [
        [each.urn, each.parent, each.provider, each.protect, dict(each.inputs), sorted(each.dependencies)]
        for each in graph.resources
    ]
    return json.dumps(sorted(listed, key=lambda each: each[0]), sort_keys=True, default=plain)


def deprecated_inputs(token):
    """The names of a type's inputs that the SDK deprecates. Its constructors take them without a warning."""
    properties = [value for value in vars(resource_class(token)).values() if isinstance(value, property)]
    getters = [value.fget.__dict__ for value in properties]
    return {getter["_pulumi_name"] for getter in getters if "_pulumi_deprecated_callable" in getter}


class TestPlatform:
    def test_resources_by_environment(self, graph_of):
        counted = {name: len(graph_of(name).custom) for name in ("dev", "staging", "production")}
        # Beside the provider. Staging adds a flow log with group, role and policy, and the database's log; production a
        # second NAT gateway with its address.
        assert counted == {"dev": 117, "staging": 122, "production": 124}

    def test_unknown_outputs_are_no_obstacle(self, evaluated, graph_of, settings_of, environment):
        previewed = evaluated(settings_of(environment), preview=True)
        assert {each.urn for each in previewed.resources} == {each.urn for each in graph_of(environment).resources}

    def test_two_runs_are_the_same(self, evaluated, graph_of, settings_of, environment):
        assert normalised(evaluated(settings_of(environment))) == normalised(graph_of(environment))

    def test_nothing_deprecated_is_used(self, evaluated, settings_of):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            evaluated(settings_of("production"))
        assert [str(each.message) for each in caught if issubclass(each.category, DeprecationWarning)] == []

    def test_no_deprecated_input_is_given(self, graph_of, environment):
        assert "acl" in deprecated_inputs("aws:s3/bucket:Bucket")
        resources = [each for each in graph_of(environment).custom if each.type.startswith("aws:")]
        given = {each.urn: deprecated_inputs(each.type) & set(each.inputs) for each in resources}
        assert {urn: names for urn, names in given.items() if names} == {}

    def test_exports_are_flat_and_complete(self, evaluated, settings_of, monkeypatch):
        exported = {}
        monkeypatch.setattr(pulumi, "export", lambda name, value: exported.update({name: value}))
        evaluated(settings_of("dev"))
        assert exported.keys() == EXPORTS
        plain = {name: value for name, value in exported.items() if isinstance(value, str)}
        found = schema()
        assert plain == {
            "environment": "dev",
            "region": "us-east-1",
            "release": plain["release"],
            "schema_head": found.head,
            "schema_digest": found.digest,
        }
        assert re.fullmatch(r"\d+\.\d+\.\d+.*", plain["release"])

    def test_main_runs_the_platform(self, evaluated, graph_of, settings_of):
        main = str(ROOT / "stacks" / "__main__.py")
        graph = evaluated(settings_of("dev"), program=lambda: runpy.run_path(main, run_name="__main__"))
        assert normalised(graph) == normalised(graph_of("dev"))

    def test_refused_settings_stop_it_with_the_key(self, evaluated, settings_of):
        with pytest.raises(Exception, match=r"settings\.queue\.visibility_seconds: must be at least 300"):
            evaluated(settings_of("dev", queue__visibility_seconds=10))


class TestProject:
    def test_project_file_starts_the_program(self):
        project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
        assert project["name"] == PROJECT
        assert project["runtime"] == {"name": "python", "options": {"toolchain": "uv", "virtualenv": ".venv"}}
        assert (ROOT / project["main"] / "__main__.py").is_file()


class TestTags:
    @pytest.mark.requirement("ROAD-24")
    def test_everything_is_the_tagging_providers(self, graph_of, environment):
        graph = graph_of(environment)
        (provider,) = [each for each in graph.custom if each.type == "pulumi:providers:aws"]
        tag = {"dev": "development"}.get(environment, environment)
        assert json.loads(provider.inputs["defaultTags"]) == {"tags": {"Environment": tag, "Project": PROJECT}}
        strangers = [each.urn for each in graph.custom if each is not provider and each.provider != provider.urn]
        assert strangers == []

    def test_no_resource_overrules_the_defaults(self, graph_of, environment):
        own = [each.inputs.get("tags") or {} for each in graph_of(environment).custom]
        assert not [tags for tags in own if {"Environment", "Project"} & set(tags)]

    @pytest.mark.requirement("ROAD-24", "ROAD-35")
    def test_only_the_production_database_is_critical(self, graph_of, environment):
        tags = graph_of(environment).named("database-instance").inputs.get("tags")
        assert tags == ({"Backup": "critical"} if environment == "production" else None)


class TestOrder:
    def test_schema_stands_before_what_reads_it(self, graph_of, environment):
        graph = graph_of(environment)
        for name in ("api-function", "http-api-stage", "thumbnail-generator-function", "thumbnail-consumer-mapping"):
            assert "migration" in graph.waits_for(name), name

    def test_migration_waits_for_its_ways_in(self, graph_of, environment):
        assert graph_of(environment).waits_for("migration") >= {
            "migrate-function",
            "migrate-policy",
            "migrate-to-database",
            "migrate-to-endpoints",
            "database-instance",
            "database-from-migrate",
            "network-endpoints-from-migrate",
            "network-endpoint-secretsmanager",
        }

    def test_migration_runs_again_when_the_schema_changes(self, graph_of):
        triggers = graph_of("dev").named("migration").inputs["triggers"]
        assert triggers.keys() == {"schema", "database", "secret"}
        assert triggers["schema"] == schema().digest

    def test_notification_waits_for_the_queues_policy(self, graph_of):
        assert "thumbnail-queue-policy" in graph_of("dev").waits_for("storage-notification")

    def test_maintenance_comes_with_tasks_that_its_function_knows(self, graph_of, environment):
        (schedule,) = graph_of(environment).of("Schedule")
        assert schedule.inputs["scheduleExpression"] == "rate(1 minute)"
        target = schedule.inputs["target"]
        assert target["arn"].endswith(":maintenance-function-arn")
        assert json.loads(target["input"]) == {"tasks": list(TASKS)}
        assert graph_of(environment).waits_for("maintenance-function") >= {"migration"}

    @pytest.mark.requirement("C-33", "P2-07")
    def test_only_verified_originals_become_work(self, graph_of, environment):
        notification = graph_of(environment).of("BucketNotification")
        assert [each.name for each in notification] == ["storage-notification"]
        (queue,) = notification[0].inputs["queues"]
        assert (queue["events"], queue["filterPrefix"]) == (["s3:ObjectCreated:*"], "raw/")


class TestReachability:
    def test_ways_in_are_by_reference(self, graph_of, environment):
        graph = graph_of(environment)
        assert {each.name for each in graph.of("SecurityGroupIngressRule")} == {
            f"{room}-from-{caller}"
            for room in ("database", "network-endpoints")
            for caller in ("api", "maintenance", "migrate", "thumbnail-generator")
        }
        for rule in graph.of("SecurityGroupIngressRule"):
            assert rule.inputs["referencedSecurityGroupId"]
            assert not {"cidrIpv4", "cidrIpv6", "prefixListId"} & set(rule.inputs)

    def test_the_api_alone_reaches_the_internet(self, graph_of, environment):
        rules = graph_of(environment).of("SecurityGroupEgressRule")
        assert [(each.name, each.inputs["cidrIpv4"]) for each in rules if "cidrIpv4" in each.inputs] == [
            ("api-to-internet", "0.0.0.0/0")
        ]

    def test_without_nat_nothing_does(self, evaluated, settings_of):
        endpoints = ["secretsmanager", "cognito-idp"]
        graph = evaluated(settings_of("dev", network__nat="none", network__interface_endpoints=endpoints))
        assert not [each.name for each in graph.of("SecurityGroupEgressRule") if "cidrIpv4" in each.inputs]
        assert "network-endpoint-cognito-idp" in {each.name for each in graph.of("VpcEndpoint")}

    def test_database_and_functions_stand_in_private_subnets(self, graph_of, environment):
        graph = graph_of(environment)
        private = {graph.named(f"network-private-{zone}").urn for zone in ("1a", "1b")}
        assert set(graph.named("database-subnets").property_dependencies["subnetIds"]) == private
        for function in graph.of("Function"):
            assert private <= set(function.property_dependencies["vpcConfig"])


class TestSettingsReachResources:
    def test_sizes_and_timings_are_the_files(self, evaluated, settings_of):
        values = settings_of(
            "dev",
            queue__visibility_seconds=12,
            queue__retention_seconds=600,
            queue__max_receive_count=5,
            thumbnails__timeout_seconds=2,
            thumbnails__job_lease_seconds=3,
            thumbnails__batch_size=4,
            thumbnails__concurrency=3,
            api__memory_mb=333,
            api__timeout_seconds=7,
            api__concurrency=6,
            migrate__timeout_seconds=99,
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
        assert {each.inputs["retentionInDays"] for each in graph.of("LogGroup")} == {3}
        assert {tuple(each.inputs["architectures"]) for each in graph.of("Function")} == {("x86_64",)}
        assert graph.named("users-client").inputs["accessTokenValidity"] == 2
        assert graph.variables("api")["PLATFORM_TOKEN_MAX_LIFETIME_SECONDS"] == "7200"
        assert graph.variables("thumbnail-generator")["PLATFORM_JOB_LEASE_SECONDS"] == "3"
