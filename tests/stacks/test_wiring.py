"""The bridge at both ends: what a function is given is what its settings class reads."""

import asyncio

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

LOADED_BY = {
    "api": ApiSettings,
    "thumbnail-generator": ThumbnailSettings,
    "maintenance": MaintenanceSettings,
    "migrate": MigrateSettings,
}
# Lambda sets the region, and the SDK reads its endpoint itself; neither is ours to set.
STANDARD = {"region", "aws_endpoint_url"}


@pytest.fixture(params=sorted(LOADED_BY))
def function(request):
    return request.param


def load(kind, variables, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return kind()


class TestFunctions:
    def test_every_function_is_compared(self, graph_of, environment):
        assert {each.name for each in graph_of(environment).of("Function")} == {
            f"{name}-function" for name in LOADED_BY
        }

    def test_set_is_what_is_read_and_nothing_else(self, graph_of, environment, function):
        read = {f"{PREFIX}{name.upper()}" for name in LOADED_BY[function].model_fields if name not in STANDARD}
        assert set(graph_of(environment).variables(function)) == read

    def test_settings_load_from_it(self, graph_of, environment, function, monkeypatch):
        loaded = load(LOADED_BY[function], graph_of(environment).variables(function), monkeypatch)
        assert loaded.environment == {"dev": "development"}.get(environment, environment)
        assert loaded.region == "us-east-1"

    def test_no_variable_holds_a_secret(self, graph_of, environment, function):
        variables = graph_of(environment).variables(function)
        assert not [name for name in variables if "PASSWORD" in name or ("TOKEN" in name and "SECONDS" not in name)]
        assert all(variables[name].startswith("arn:") for name in variables if "SECRET" in name)

    @pytest.mark.requirement("A-10")
    def test_values_arrive_as_they_were_meant(self, graph_of, settings_of, monkeypatch):
        graph, settings = graph_of("production"), settings_of("production")
        api = load(ApiSettings, graph.variables("api"), monkeypatch)
        assert api.jwks_url == f"{api.issuer}/.well-known/jwks.json"
        assert api.allowed_hosts == ("api.example.com", "*.execute-api.us-east-1.amazonaws.com")
        assert api.allowed_origins == tuple(settings["cors_origins"])
        assert len(api.user_pool_client_ids) == 1
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

    def test_unknown_outputs_are_no_obstacle(self, evaluated, settings_of, function):
        graph = evaluated(settings_of("dev"), preview=True)
        assert graph.named(f"{function}-function").inputs["environment"]


RUNTIME_VALUES = {"environment": "development", "release": "1", "log_level": "INFO"}


class TestVariables:
    def test_missing_value_is_refused_by_field(self):
        with pytest.raises(WiringError, match="RuntimeSettings reads log_level, release, which nobody sets"):
            wiring.variables(RuntimeSettings, {"environment": "development"})

    def test_value_that_nobody_reads_is_refused(self):
        with pytest.raises(WiringError, match="RuntimeSettings does not read colour"):
            wiring.variables(RuntimeSettings, RUNTIME_VALUES | {"colour": "red"})

    def test_lists_become_json_and_numbers_text(self):
        values = dict.fromkeys(wiring.fields(ApiSettings), "x") | {
            "allowed_hosts": ["a", "b"],
            "upload_expiry_seconds": 5,
        }
        found = wiring.variables(ApiSettings, values)
        assert found["PLATFORM_ALLOWED_HOSTS"] == '["a", "b"]'
        assert found["PLATFORM_UPLOAD_EXPIRY_SECONDS"] == "5"

    def test_outputs_stay_outputs(self):
        async def wired():  # an Output needs the event loop that it will be resolved in
            values = dict.fromkeys(wiring.fields(RuntimeSettings), "x") | {"release": pulumi.Output.from_input("1")}
            return wiring.variables(RuntimeSettings, values)["PLATFORM_RELEASE"]

        assert isinstance(asyncio.run(wired()), pulumi.Output)
