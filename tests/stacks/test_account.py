"""What an account has once, registered without any AWS."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.engines.recording import record
from stacks.account import CONFIG, AccountSettings, account
from stacks.environment import read
from stacks.sections import SettingsError
from tests.stacks.conftest import Graph

ROOT = Path(__file__).parents[2]
STACK = ROOT / "account" / "Pulumi.shared.yaml"


def registered(values: Any, *, preview: Any = False, main: Any = None) -> Any:
    program: Callable[[], Any] = (lambda: runpy.run_path(str(main), run_name="__main__")) if main else account
    config = {f"{CONFIG}:settings": json.dumps(values)}
    return Graph(record(program, project=CONFIG, stack="shared", config=config, preview=preview))


@pytest.fixture
def values() -> Any:
    return yaml.safe_load(STACK.read_text())["config"][f"{CONFIG}:settings"]


@pytest.fixture
def graph(values: Any) -> Any:
    return registered(values)


class TestAccount:
    @pytest.mark.requirement("ROAD-69")
    def test_one_repository_serves_all_environments(self, graph: Graph) -> None:
        (repository,) = graph.of("Repository")
        assert repository.inputs["name"] == "episode-metadata-api"
        assert repository.protect

    def test_containers_look_for_their_image_there(self, values: Any) -> None:
        for environment in ("dev", "staging", "production"):
            wanted = read(ROOT / f"Pulumi.{environment}.yaml").api.container.repository
            assert wanted == values["image_repository"]

    @pytest.mark.requirement("C-41", "P2-09")
    def test_each_environment_is_deployed_by_its_own_jobs_alone(self, graph: Graph, values: Any) -> None:
        for environment in values["environments"]:
            role = graph.named(f"github-{environment}-deploy")
            (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
            assert statement["Condition"]["StringEquals"] == {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": f"repo:example/episode-metadata:environment:{environment}",
            }

    def test_the_identity_provider_is_made_once_or_taken(self, graph: Graph, values: Any) -> None:
        assert len(graph.of("OpenIdConnectProvider")) == 1
        arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
        assert registered(values | {"identity_provider_arn": arn}).of("OpenIdConnectProvider") == []

    def test_unknown_outputs_are_no_obstacle(self, graph: Graph, values: Any) -> None:
        previewed = registered(values, preview=True)
        assert {each.urn for each in previewed.resources} == {each.urn for each in graph.resources}

    def test_main_runs_it(self, graph: Graph, values: Any) -> None:
        run = registered(values, main=ROOT / "account" / "__main__.py")
        assert {each.urn for each in run.resources} == {each.urn for each in graph.resources}


class TestSettings:
    def test_wrong_key_is_named(self, values: Any) -> None:
        with pytest.raises(SettingsError, match=r"settings\.colour: unknown key"):
            AccountSettings.parse(values | {"colour": "red"})
        with pytest.raises(SettingsError, match=r"settings\.environments: "):
            AccountSettings.parse(values | {"environments": []})
        with pytest.raises(SettingsError, match="must be an object, not list"):
            AccountSettings.parse([])


class TestProvider:
    def test_another_aws_is_a_config_value(self, values: Any) -> None:
        config = {
            f"{CONFIG}:settings": json.dumps(values),
            f"{CONFIG}:endpoints": json.dumps({"s3": "http://127.0.0.1:4566", "iam": "http://127.0.0.1:4566"}),
        }
        resources = record(account, project=CONFIG, stack="shared", config=config)
        (provider,) = [each for each in resources if each.type == "pulumi:providers:aws"]
        assert json.loads(provider.inputs["endpoints"]) == [
            {"iam": "http://127.0.0.1:4566", "s3": "http://127.0.0.1:4566"}
        ]
        assert provider.inputs["s3UsePathStyle"] == "true"

        assert provider.inputs["skipCredentialsValidation"] == "true"

    def test_without_it_it_is_amazons(self, graph: Graph) -> None:
        (provider,) = graph.of("aws")
        assert not {"endpoints", "s3UsePathStyle"} & provider.inputs.keys()
        assert provider.inputs["skipCredentialsValidation"] == "false"
