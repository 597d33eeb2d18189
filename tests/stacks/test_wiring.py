"""The bridge at both ends: what a function or the container is given is what its settings class reads."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from runtime.settings import (
    PREFIX,
    ApiSettings,
    MaintenanceSettings,
    MigrateSettings,
    RuntimeSettings,
    ThumbnailSettings,
)
from stacks import wiring
from stacks.wiring import WiringError
from tests.stacks.conftest import Graph

LOADED_BY: dict[str, type[RuntimeSettings]] = {
    "api": ApiSettings,
    "thumbnail-generator": ThumbnailSettings,
    "maintenance": MaintenanceSettings,
    "migrate": MigrateSettings,
}
# Lambda and ECS set the region, and the SDK reads its endpoint itself; neither is ours to set.
STANDARD = {"region", "aws_endpoint_url"}
# What the server in the container reads itself: where it listens, and whose word on a client's address it takes.
OF_THE_SERVER = {"FORWARDED_ALLOW_IPS", "HOST", "PORT"}


@pytest.fixture(params=sorted(LOADED_BY))
def program(request: pytest.FixtureRequest) -> Any:
    return request.param


def load(kind: Any, variables: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return kind()


class TestPrograms:
    def test_every_one_is_compared(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        assert graph_of(environment).programs == set(LOADED_BY)
        # Wherever it runs, the API is there once.
        assert len(graph_of(environment).functions) == (4 if environment == "dev" else 3)

    def test_set_is_what_is_read_and_nothing_else(
        self, graph_of: Callable[[str], Graph], environment: str, program: Any
    ) -> None:
        graph = graph_of(environment)
        read = {f"{PREFIX}{name.upper()}" for name in LOADED_BY[program].model_fields if name not in STANDARD}
        server = OF_THE_SERVER if program == "api" and graph.container else set()
        assert set(graph.variables(program)) == read | server

    def test_no_setting_of_ours_has_a_default(self, program: Any) -> None:
        # A default would never apply: the stacks set every variable.
        fields = LOADED_BY[program].model_fields
        assert [name for name, field in fields.items() if name not in STANDARD and not field.is_required()] == []

    def test_settings_load_from_it(
        self, graph_of: Callable[[str], Graph], environment: str, program: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loaded = load(LOADED_BY[program], graph_of(environment).variables(program), monkeypatch)
        assert loaded.environment == {"dev": "development"}.get(environment, environment)
        assert loaded.region == "us-east-1"

    def test_no_variable_holds_a_secret(self, graph_of: Callable[[str], Graph], environment: str, program: Any) -> None:
        variables = graph_of(environment).variables(program)
        assert not [name for name in variables if "PASSWORD" in name or ("TOKEN" in name and "SECONDS" not in name)]
        assert all(variables[name].startswith("arn:") for name in variables if "SECRET" in name)

    @pytest.mark.requirement("A-10", "P1-39")
    def test_values_arrive_as_they_were_meant(
        self,
        graph_of: Callable[[str], Graph],
        settings_of: Callable[..., dict[str, Any]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        graph, settings = graph_of("production"), settings_of("production")
        api = load(ApiSettings, graph.variables("api"), monkeypatch)
        assert api.jwks_url == f"{api.issuer}/.well-known/jwks.json"
        assert api.allowed_hosts == ("api.example.com", "*.us-east-1.elb.amazonaws.com")
        assert api.allowed_origins == tuple(settings["cors_origins"])
        pool = json.loads(graph.named("cognito-secret-value").inputs["secretString"])
        assert (api.user_pool_id, api.user_pool_client_ids) == (pool["user_pool_id"], (pool["client_id"],))
        assert api.token_max_lifetime_seconds == 3600
        assert api.database_pool_max == settings["api"]["database_pool_max"]
        assert (api.storage_bucket, api.temp_bucket, api.thumbnails_bucket) == (
            "episode-metadata-storage-production",
            "episode-metadata-temp-production",
            "episode-metadata-thumbnails-production",
        )
        worker = load(ThumbnailSettings, graph.variables("thumbnail-generator"), monkeypatch)
        assert worker.job_lease_seconds == settings["thumbnails"]["job_lease_seconds"]
        migrate = load(MigrateSettings, graph.variables("migrate"), monkeypatch)
        assert (migrate.database_port, migrate.database_name) == (5432, "episode_metadata")
        assert migrate.database_master_secret_arn != migrate.database_secret_arn == worker.database_secret_arn

    @pytest.mark.requirement("C-10", "G-08")
    @pytest.mark.parametrize("lenient", [False, True])
    def test_what_a_deployment_allows_arrives(
        self,
        evaluated: Callable[..., Graph],
        settings_of: Callable[..., dict[str, Any]],
        monkeypatch: pytest.MonkeyPatch,
        lenient: Any,
    ) -> None:
        values = settings_of(
            "dev",
            api__editors_create_episodes=lenient,
            api__caller_requests_per_minute=90,
            api__caller_burst_requests=9,
        )
        loaded = load(ApiSettings, evaluated(values).variables("api"), monkeypatch)
        assert loaded.editors_create_episodes is lenient
        assert (loaded.caller_requests_per_minute, loaded.caller_burst_requests) == (90, 9)

    def test_unknown_outputs_are_no_obstacle(
        self, evaluated: Callable[..., Graph], settings_of: Callable[..., dict[str, Any]], program: Any
    ) -> None:
        graph = evaluated(settings_of("dev"), preview=True)
        assert graph.named(f"{program}-function").inputs["environment"]


class TestMachine:
    @pytest.mark.requirement("C-11")
    def test_api_knows_the_machine_client_apart_from_peoples(
        self, graph_of: Callable[[str], Graph], environment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        graph = graph_of(environment)
        api = load(ApiSettings, graph.variables("api"), monkeypatch)
        # What people and machines are told to sign in with.
        people, machine = (
            json.loads(graph.named(f"{name}-secret-value").inputs["secretString"]) for name in ("cognito", "system")
        )
        assert people["client_id"] != machine["client_id"]
        assert api.user_pool_client_ids == (people["client_id"],)
        assert api.machine_client_ids == (machine["client_id"],)
        assert machine["scope"] == api.machine_scope == "episode-metadata/system"
        assert graph.named("system-client").inputs["allowedOauthScopes"] == [api.machine_scope]

    def test_without_one_nobody_is_the_system(
        self,
        evaluated: Callable[..., Graph],
        settings_of: Callable[..., dict[str, Any]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        graph = evaluated(settings_of("dev", identity__system_client=False))
        api = load(ApiSettings, graph.variables("api"), monkeypatch)
        assert (api.machine_client_ids, api.machine_scope) == ((), "")


class TestHosts:
    def test_the_hosts_own_names_are_allowed(
        self, graph_of: Callable[[str], Graph], environment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings = load(ApiSettings, graph_of(environment).variables("api"), monkeypatch)
        assert (
            settings.allowed_hosts
            == {
                "dev": ("localhost", "*.execute-api.us-east-1.amazonaws.com"),
                "staging": ("api-staging.example.com", "*.us-east-1.elb.amazonaws.com"),
                "production": ("api.example.com", "*.us-east-1.elb.amazonaws.com"),
            }[environment]
        )

    @pytest.mark.requirement("C-26", "C-27")
    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_container_listens_where_requests_are_sent(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        variables, container = graph.variables("api"), graph.container
        assert container
        assert (variables["HOST"], variables["PORT"]) == ("0.0.0.0", "3000")  # noqa: S104
        assert variables["FORWARDED_ALLOW_IPS"] == graph.named("network-vpc").inputs["cidrBlock"]
        assert [each["containerPort"] for each in container["portMappings"]] == [3000]
        assert container["command"] == ["python", "-m", "runtime"]
        target, service = graph.named("load-balancer-target-group").inputs, graph.named("api-service").inputs
        assert (target["port"], target["healthCheck"]["path"]) == (3000, "/health")
        (behind,) = service["loadBalancers"]
        assert (behind["containerName"], behind["containerPort"]) == (container["name"], 3000)
        assert graph.source(graph.named("api-service"), "loadBalancers") == ["load-balancer-target-group"]

    @pytest.mark.requirement("C-26")
    def test_both_hosts_are_told_the_same(
        self,
        graph_of: Callable[[str], Graph],
        evaluated: Callable[..., Graph],
        settings_of: Callable[..., dict[str, Any]],
    ) -> None:
        function = graph_of("dev").variables("api")
        container = evaluated(settings_of("dev", api__host="container")).variables("api")
        differing = {name for name in container if container[name] != function.get(name)}
        assert differing == OF_THE_SERVER | {"PLATFORM_ALLOWED_HOSTS"}
        assert set(function) <= set(container)


RUNTIME_VALUES = {"environment": "development", "release": "1", "log_level": "INFO"}


class TestVariables:
    def test_missing_value_is_refused_by_field(self) -> None:
        with pytest.raises(WiringError, match="RuntimeSettings reads log_level, release, which nobody sets"):
            wiring.variables(RuntimeSettings, {"environment": "development"})

    def test_value_that_nobody_reads_is_refused(self) -> None:
        with pytest.raises(WiringError, match="RuntimeSettings does not read colour"):
            wiring.variables(RuntimeSettings, RUNTIME_VALUES | {"colour": "red"})

    def test_lists_become_json_and_numbers_text(self) -> None:
        values: dict[str, wiring.Value] = {
            **dict.fromkeys(wiring.fields(ApiSettings), "x"),
            "allowed_hosts": ["a", "b"],
            "upload_expiry_seconds": 5,
        }
        found = wiring.variables(ApiSettings, values)
        assert found["PLATFORM_ALLOWED_HOSTS"] == '["a", "b"]'
        assert found["PLATFORM_UPLOAD_EXPIRY_SECONDS"] == "5"

    def test_outputs_stay_outputs(self) -> None:
        async def wired() -> Any:  # an Output needs the event loop that it will be resolved in
            values = dict.fromkeys(wiring.fields(RuntimeSettings), "x") | {"release": pulumi.Output.from_input("1")}
            return wiring.variables(RuntimeSettings, values)["PLATFORM_RELEASE"]

        assert isinstance(asyncio.run(wired()), pulumi.Output)
