"""The whole program in each environment: what it registers, what it tells others, and that nothing in it is left to chance."""

import json
import re
import runpy
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from local.provider.resource_types.pulumi_classes import resource_class
from stacks.environment import PROJECT
from stacks.sources import schema
from tests.stacks.conftest import Graph, evaluate, stack_settings

ROOT = Path(__file__).parents[2]

EXPORTS = {
    "api_url",
    "cdn_url",
    "cognito_secret_arn",
    "database_endpoint",
    "database_secret_arn",
    "environment",
    "region",
    "release",
    "schema_digest",
    "schema_head",
    "storage_bucket",
    "system_secret_arn",
    "temp_bucket",
    "thumbnail_dead_letter_queue_url",
    "thumbnail_function_arn",
    "thumbnail_queue_url",
    "thumbnails_bucket",
    "user_pool_client_id",
    "user_pool_endpoint",
    "user_pool_id",
    "vpc_id",
}
# What only an environment with a zone and a search domain can tell.
EXPORTS_BEYOND_DEV = {"name_servers", "search_endpoint"}

# What staging has not: production survives the loss of a zone, scales, scans, measures, refuses and archives.
PRODUCTION_ALONE = {
    "alarms-archives-failed",
    "archives",
    "archives-may-backup",
    "archives-may-restores",
    "archives-plan",
    "archives-role",
    "archives-selection",
    "archives-vault",
    "api-scale-by-cpu",
    "api-scaling",
    "database-monitoring-policy",
    "database-monitoring-role",
    "network-nat-1b",
    "network-nat-address-1b",
    "upload-scan",
    "upload-scan-plan",
    "upload-scan-policy",
    "upload-scan-role",
    "users-risks",
}


def normalised(graph: Graph) -> Any:
    """Everything that was registered, as text in one order; bundles by their names."""

    def plain(value: Any) -> Any:
        return Path(value.path).name if isinstance(value, pulumi.FileArchive) else repr(value)

    listed = [
        [each.urn, each.parent, each.provider, each.protect, dict(each.inputs), sorted(each.dependencies)]
        for each in graph.resources
    ]
    return json.dumps(sorted(listed, key=lambda each: each[0]), sort_keys=True, default=plain)


def deprecated_inputs(token: Any) -> Any:
    """The names of a type's inputs that the SDK deprecates. Its constructors take them without a warning."""
    properties = [value for value in vars(resource_class(token)).values() if isinstance(value, property)]
    getters = [value.fget.__dict__ for value in properties]
    return {getter["_pulumi_name"] for getter in getters if "_pulumi_deprecated_callable" in getter}


@dataclass(frozen=True)
class Run:
    """What an evaluation registered, what it exported, and of which deprecations and doubts it was told."""

    graph: Graph
    exported: dict[str, Any]
    warnings: list[str]


@cache
def second_run(environment: str) -> Any:
    """Another evaluation of an environment, beside the one that `graph_of` keeps."""
    exported, told = {}, []
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        patch.setattr(pulumi, "export", lambda name, value: exported.update({name: value}))
        # Of a deprecated class its constructor tells the engine alone.
        patch.setattr(pulumi.log, "warn", lambda text, *_, **__: told.append(text))
        graph = evaluate(stack_settings(environment))
    told += [str(each.message) for each in caught if issubclass(each.category, DeprecationWarning)]
    return Run(graph, exported, told)


class TestPlatform:
    def test_resources_by_environment(self, graph_of: Callable[[str], Graph]) -> None:
        counted = {name: len(graph_of(name).custom) for name in ("dev", "staging", "production")}
        assert counted == {"dev": 154, "staging": 250, "production": 266}

    def test_components_by_environment(self, graph_of: Callable[[str], Graph]) -> None:
        counted = {}
        for name in ("dev", "staging", "production"):
            kinds = [each.type.rpartition(":")[2] for each in graph_of(name).resources if not each.custom]
            counted[name] = dict(Counter(kinds))
        everywhere = {
            "ContentDelivery": 1,
            "MachineClient": 1,
            "Network": 1,
            "Parameters": 1,
            "PostgresDatabase": 1,
            "PrivateBucket": 3,
            "PythonFunction": 3,
            "QueueConsumer": 1,
            "Schedule": 1,
            "UserDirectory": 1,
            "WorkQueue": 1,
        }
        beyond_dev = everywhere | {
            "Alarms": 1,
            "Budget": 1,
            "Certificate": 2,
            "ContainerService": 1,
            "ContainerTask": 1,
            "Dashboard": 1,
            "DnsZone": 1,
            "EncryptionKey": 2,
            "LoadBalancer": 1,
            "PrivateBucket": 4,
            "SearchDomain": 1,
            "WebFirewall": 1,
        }
        assert counted == {
            "dev": everywhere | {"HttpApi": 1, "PythonFunction": 4},
            "staging": beyond_dev,
            "production": beyond_dev | {"BackupPlan": 1, "MalwareProtection": 1},
        }

    @pytest.mark.requirement("ROAD-16")
    def test_staging_has_productions_shape(self, graph_of: Callable[[str], Graph]) -> None:
        staging, production = (
            {each.urn: each.name for each in graph_of(name).resources} for name in ("staging", "production")
        )
        assert {name for urn, name in production.items() if urn not in staging} == PRODUCTION_ALONE
        # An account has this role once: staging makes it, and production finds it.
        assert {name for urn, name in staging.items() if urn not in production} == {"search-service-role"}

    def test_unknown_outputs_are_no_obstacle(
        self,
        evaluated: Callable[..., Graph],
        graph_of: Callable[[str], Graph],
        settings_of: Callable[..., dict[str, Any]],
        environment: str,
    ) -> None:
        previewed = evaluated(settings_of(environment), preview=True)
        assert {each.urn for each in previewed.resources} == {each.urn for each in graph_of(environment).resources}

    def test_two_runs_are_the_same(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        assert normalised(second_run(environment).graph) == normalised(graph_of(environment))

    def test_nothing_deprecated_is_used(self, environment: str) -> None:
        assert second_run(environment).warnings == []

    def test_no_deprecated_input_is_given(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        assert "acl" in deprecated_inputs("aws:s3/bucket:Bucket")
        resources = [each for each in graph_of(environment).custom if each.type.startswith("aws:")]
        given = {each.urn: deprecated_inputs(each.type) & set(each.inputs) for each in resources}
        assert {urn: names for urn, names in given.items() if names} == {}

    def test_main_runs_the_platform(
        self,
        evaluated: Callable[..., Graph],
        graph_of: Callable[[str], Graph],
        settings_of: Callable[..., dict[str, Any]],
    ) -> None:
        main = str(ROOT / "stacks" / "__main__.py")
        graph = evaluated(settings_of("dev"), program=lambda: runpy.run_path(main, run_name="__main__"))
        assert normalised(graph) == normalised(graph_of("dev"))

    def test_refused_settings_stop_it_with_the_key(
        self, evaluated: Callable[..., Graph], settings_of: Callable[..., dict[str, Any]]
    ) -> None:
        with pytest.raises(Exception, match=r"settings\.queue\.visibility_seconds: must be at least 300"):
            evaluated(settings_of("dev", queue__visibility_seconds=10))


@pytest.fixture
def exported(environment: str) -> Any:
    return second_run(environment).exported


class TestExports:
    @pytest.mark.requirement("ROAD-36", "P2-10")
    def test_they_are_flat_and_complete(self, exported: Any, environment: str) -> None:
        assert exported.keys() == EXPORTS | (EXPORTS_BEYOND_DEV if environment != "dev" else set())
        plain = {name: value for name, value in exported.items() if isinstance(value, str)}
        found = schema()
        assert plain == {
            "environment": environment,
            "region": "us-east-1",
            "release": plain["release"],
            "schema_head": found.head,
            "schema_digest": found.digest,
        }
        assert re.fullmatch(r"\d+\.\d+\.\d+.*", plain["release"])

    def test_each_is_a_parameter_too(self, exported: Any, graph_of: Callable[[str], Graph], environment: str) -> None:
        parameters = {each.inputs["name"]: each.inputs for each in graph_of(environment).of("Parameter")}
        assert parameters.keys() == {f"/{PROJECT}/{environment}/{name}" for name in exported}
        assert {each["type"] for each in parameters.values()} == {"String"}
        for name, value in exported.items():
            if isinstance(value, str):
                assert parameters[f"/{PROJECT}/{environment}/{name}"]["value"] == value

    def test_api_is_found_under_the_environments_name(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        (host,) = json.loads(graph.variables("api")["PLATFORM_ALLOWED_HOSTS"])[:1]
        url = graph.named("outputs-api-url").inputs["value"]
        # Only AWS's own name leads to the gateway, which has none of ours.
        assert url == (graph.output("http-api-api", "apiEndpoint") if environment == "dev" else f"https://{host}")


class TestProject:
    def test_project_file_starts_the_program(self) -> None:
        project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
        assert project["name"] == PROJECT
        assert project["runtime"] == {"name": "python", "options": {"toolchain": "uv", "virtualenv": ".venv"}}
        assert (ROOT / project["main"] / "__main__.py").is_file()
