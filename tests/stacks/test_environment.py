from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stacks.environment import EnvironmentSettings, read
from stacks.sections import SettingsError

ROOT = Path(__file__).parents[2]


# What an environment may do without: null there.
OPTIONAL = {"search_domain", "backup", "delivery", "proxy", "cache"}


def shape(values: Any) -> Any:
    return {
        key: shape(value) if isinstance(value, dict) and key not in OPTIONAL else None for key, value in values.items()
    }


def refusal(values: Any) -> Any:
    with pytest.raises(SettingsError) as refused:
        EnvironmentSettings.parse(values)
    return refused.value.problems


class TestFiles:
    def test_every_environment_reads(self, environment: str) -> None:
        found = read(ROOT / f"Pulumi.{environment}.yaml")
        assert found.environment == environment

    def test_all_have_one_shape(self, settings_of: Callable[..., dict[str, Any]]) -> None:
        assert shape(settings_of("dev")) == shape(settings_of("staging")) == shape(settings_of("production"))

    def test_only_production_makes_its_promises(self, settings_of: Callable[..., dict[str, Any]]) -> None:
        promises = {name: settings_of(name)["production_promises"] for name in ("dev", "staging", "production")}
        assert promises == {"dev": False, "staging": False, "production": True}

    def test_file_without_settings_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "Pulumi.empty.yaml"
        file.write_text("config:\n  other:key: 1\n")
        with pytest.raises(SettingsError, match=r"Pulumi\.empty\.yaml has no config value episode-metadata:settings"):
            read(file)


class TestApi:
    @pytest.mark.requirement("C-10")
    def test_only_administrators_create_episodes_in_every_environment(
        self, settings_of: Callable[..., dict[str, Any]], environment: str
    ) -> None:
        assert settings_of(environment)["api"]["editors_create_episodes"] is False

    @pytest.mark.requirement("G-08")
    def test_every_environment_limits_each_caller_below_what_all_share(
        self, settings_of: Callable[..., dict[str, Any]], environment: str
    ) -> None:
        api = settings_of(environment)["api"]
        assert 0 < api["caller_requests_per_minute"] <= api["requests_per_second"] * 60

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("caller_requests_per_minute", -1),
            ("caller_requests_per_minute", 1_000_001),
            ("caller_burst_requests", 0),
            ("caller_burst_requests", 1_000_001),
            ("editors_create_episodes", "sometimes"),
        ],
    )
    def test_limit_that_is_none_is_refused_by_key(
        self, settings_of: Callable[..., dict[str, Any]], name: str, value: Any
    ) -> None:
        (problem,) = refusal(settings_of("dev", **{f"api__{name}": value}))
        assert problem.startswith(f"settings.api.{name}: ")


class TestParse:
    def test_settings_cannot_be_changed(self, settings_of: Callable[..., dict[str, Any]]) -> None:
        found = EnvironmentSettings.parse(settings_of("dev"))
        with pytest.raises(ValidationError, match="frozen"):
            found.queue.visibility_seconds = 1  # type: ignore[misc]

    def test_something_else_is_refused(self) -> None:
        assert refusal("dev") == ["settings: must be an object, not str"]

    def test_unknown_key_is_named_by_its_path(self, settings_of: Callable[..., dict[str, Any]]) -> None:
        assert refusal(settings_of("dev", colour="red")) == ["settings.colour: unknown key"]
        misspelt = settings_of("dev", queue__visability_seconds=300)
        assert refusal(misspelt) == ["settings.queue.visability_seconds: unknown key"]

    def test_missing_key_is_named_by_its_path(self, settings_of: Callable[..., dict[str, Any]]) -> None:
        values = settings_of("dev")
        del values["thumbnails"]["job_lease_seconds"]
        assert refusal(values) == ["settings.thumbnails.job_lease_seconds: missing"]

    def test_wrong_value_is_named_with_what_it_was(self, settings_of: Callable[..., dict[str, Any]]) -> None:
        (problem,) = refusal(settings_of("dev", network__nat="many"))
        assert problem.startswith("settings.network.nat: ")
        assert problem.endswith(", not 'many'")

    def test_every_problem_is_told_at_once(self, settings_of: Callable[..., dict[str, Any]]) -> None:
        problems = refusal(settings_of("dev", colour="red", identity__mfa="REQUIRED"))
        assert len(problems) == 2


# A setting that turns a working file into an impossible one, and the key that the refusal must name.
IMPOSSIBLE = [
    ("network.interface_endpoints", {"network__interface_endpoints": []}),
    ("network.interface_endpoints", {"network__nat": "none"}),
    ("queue.visibility_seconds", {"queue__visibility_seconds": 299}),
    ("queue.visibility_seconds", {"thumbnails__timeout_seconds": 51}),
    ("queue.visibility_seconds", {"thumbnails__batching_window_seconds": 1}),
    ("thumbnails.job_lease_seconds", {"thumbnails__job_lease_seconds": 300}),
    ("thumbnails.job_lease_seconds", {"thumbnails__job_lease_seconds": 49}),
    ("api.timeout_seconds", {"api__timeout_seconds": 31}),
    ("thumbnails.image_max_pixels", {"thumbnails__memory_mb": 512}),
    ("thumbnails.concurrency", {"thumbnails__concurrency": 1}),
    ("api.database_pool_min", {"api__database_pool_min": 3}),
    ("thumbnails.database_pool_min", {"thumbnails__database_pool_min": 3}),
    ("maintenance.database_pool_min", {"maintenance__database_pool_min": 2}),
    ("database.max_connections", {"api__concurrency": 40}),
    ("database.max_connections", {"maintenance__concurrency": 69}),
    # Two generations of four tasks with twelve connections each.
    (
        "database.max_connections",
        {"api__host": "container", "api__container__desired_count": 4, "api__database_pool_max": 12},
    ),
    (
        "network.interface_endpoints",
        {
            "api__host": "container",
            "network__nat": "none",
            "network__interface_endpoints": ["secretsmanager", "cognito-idp"],
        },
    ),
    ("api.container.maximum_count", {"api__container__desired_count": 3, "api__container__maximum_count": 2}),
    (
        "edge.certificate_arn",
        {
            "api__host": "container",
            "edge__manages_zone": True,
            "edge__certificate_arn": "arn:aws:acm:us-east-1:1:certificate/1",
        },
    ),
    ("edge.delivery.host_name", {"edge__delivery__host_name": "media.localhost"}),
    ("edge.manages_zone", {"edge__manages_zone": True}),
    ("edge.requests_per_address", {"edge__requests_per_address": 2000}),
    ("monitoring.recipients", {"monitoring__alarms": True}),
]
UNPROMISED = [
    ("protected", {"protected": False}),
    ("migrate.seeding", {"migrate__seeding": True}),
    ("database.multi_az", {"database__multi_az": False}),
    ("database.backup_retention_days", {"database__backup_retention_days": 6}),
    ("identity.mfa", {"identity__mfa": "OPTIONAL"}),
    ("edge.manages_zone", {"edge__manages_zone": False, "edge__delivery__host_name": None}),
    ("edge.requests_per_address", {"edge__requests_per_address": None}),
    ("monitoring.alarms", {"monitoring__alarms": False}),
    ("customer_managed_keys", {"customer_managed_keys": False}),
    ("cors_origins", {"cors_origins": ["https://api.example.com", "http://localhost:3000"]}),
]


class TestCombinations:
    @pytest.mark.requirement("A-04", "C-39")
    @pytest.mark.parametrize("count", [0, -3, 1001])
    def test_receive_count_that_sqs_refuses_is_refused_by_key(
        self, settings_of: Callable[..., dict[str, Any]], count: Any
    ) -> None:
        (problem,) = refusal(settings_of("dev", queue__max_receive_count=count))
        assert problem.startswith("settings.queue.max_receive_count: ")

    @pytest.mark.parametrize(("key", "changes"), IMPOSSIBLE)
    def test_impossible_combination_is_refused_by_key(
        self, settings_of: Callable[..., dict[str, Any]], key: Any, changes: Any
    ) -> None:
        problems = refusal(settings_of("dev", **changes))
        assert [problem.partition(": ")[0] for problem in problems] == [f"settings.{key}"]
        assert problems[0].partition(": ")[2].startswith("must ")

    @pytest.mark.requirement("C-19", "ROAD-35", "ROAD-139")
    @pytest.mark.parametrize(("key", "changes"), UNPROMISED)
    def test_production_keeps_its_promises(
        self, settings_of: Callable[..., dict[str, Any]], key: Any, changes: Any
    ) -> None:
        problems = refusal(settings_of("production", **changes))
        assert [problem.partition(": ")[0] for problem in problems] == [f"settings.{key}"]
        assert EnvironmentSettings.parse(settings_of("production", production_promises=False, **changes))

    def test_no_nat_is_possible_with_the_endpoints_that_code_calls(
        self, settings_of: Callable[..., dict[str, Any]]
    ) -> None:
        endpoints = ["secretsmanager", "cognito-idp"]
        values = settings_of("dev", network__nat="none", network__interface_endpoints=endpoints)
        assert EnvironmentSettings.parse(values).network.nat == "none"

    def test_no_nat_is_possible_for_containers_with_what_starting_one_calls(
        self, settings_of: Callable[..., dict[str, Any]]
    ) -> None:
        endpoints = ["secretsmanager", "cognito-idp", "ecr.api", "ecr.dkr", "logs"]
        changes = {"network__nat": "none", "network__interface_endpoints": endpoints, "api__host": "container"}
        assert EnvironmentSettings.parse(settings_of("dev", **changes)).api.host == "container"

    def test_seconds_will_do_for_every_timing(self, settings_of: Callable[..., dict[str, Any]]) -> None:
        quick = settings_of(
            "dev",
            queue__visibility_seconds=6,
            queue__retention_seconds=60,
            thumbnails__timeout_seconds=1,
            thumbnails__job_lease_seconds=2,
            api__timeout_seconds=1,
            uploads__upload_expiry_seconds=1,
            uploads__download_expiry_seconds=1,
        )
        assert EnvironmentSettings.parse(quick).thumbnails.job_lease_seconds == 2

    @given(
        timeout=st.integers(1, 900),
        window=st.integers(0, 300),
        spare=st.integers(0, 100),
        lease=st.integers(0, 10_000),
    )
    def test_a_lease_between_timeout_and_visibility_is_possible(
        self, settings_of: Callable[..., dict[str, Any]], *, timeout: Any, window: Any, spare: Any, lease: Any
    ) -> None:
        visibility = 6 * timeout + window + spare
        within = timeout + lease % (visibility - timeout)
        values = settings_of(
            "dev",
            queue__visibility_seconds=visibility,
            thumbnails__timeout_seconds=timeout,
            thumbnails__batching_window_seconds=window,
            thumbnails__job_lease_seconds=within,
        )
        assert EnvironmentSettings.parse(values).thumbnails.job_lease_seconds == within

    @given(timeout=st.integers(1, 900), short=st.integers(1, 5), beyond=st.integers(0, 1000))
    def test_any_other_timing_is_not(
        self, settings_of: Callable[..., dict[str, Any]], *, timeout: Any, short: Any, beyond: Any
    ) -> None:
        least = 6 * timeout
        too_short = settings_of("dev", thumbnails__timeout_seconds=timeout, queue__visibility_seconds=least - short)
        assert any("queue.visibility_seconds" in problem for problem in refusal(too_short))
        too_long = settings_of(
            "dev",
            thumbnails__timeout_seconds=timeout,
            queue__visibility_seconds=least,
            thumbnails__job_lease_seconds=least + beyond,
        )
        assert any("thumbnails.job_lease_seconds" in problem for problem in refusal(too_long))

    @given(api=st.integers(1, 60), worker=st.integers(2, 60), pool=st.integers(2, 5))
    def test_functions_never_open_more_connections_than_are_theirs(
        self, settings_of: Callable[..., dict[str, Any]], *, api: Any, worker: Any, pool: Any
    ) -> None:
        changes = {
            "api__concurrency": api,
            "thumbnails__concurrency": worker,
            "api__database_pool_max": pool,
            "thumbnails__database_pool_max": pool,
        }
        needed = (api + worker) * pool + 1  # maintenance, with a concurrency and a pool of one
        values = settings_of("dev", database__max_connections=-(-needed * 10 // 8), **changes)
        assert EnvironmentSettings.parse(values)
        one_less = settings_of("dev", database__max_connections=-(-needed * 10 // 8) - 1, **changes)
        assert [problem.split(":")[0] for problem in refusal(one_less)] == ["settings.database.max_connections"]
