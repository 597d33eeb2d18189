"""A network without NAT works: each AWS service that code calls from a private subnet has an endpoint there, or is refused."""

import ast
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from runtime.settings import ApiSettings
from stacks.environment import EnvironmentSettings
from stacks.sections import SettingsError

ROOT = Path(__file__).parents[2]
# S3 has a gateway endpoint in every network.
GATEWAY = {"s3"}
# Who is not told of a search domain looks none up.
SEARCH, OF_SEARCH = "runtime/adapters/search_index.py", "PLATFORM_SEARCH_ENDPOINT_PARAMETER"
BY_HOST = {"cognito-idp.us-east-1.amazonaws.com": "cognito-idp"}


def clients(folder):
    """The services that boto3 clients are made for below a folder: the first argument of `client`, `get_client`, `resource`."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
                "client",
                "get_client",
                "resource",
            ):
                service = node.args[0]
                # The one place that makes them is handed the name by all the others.
                if not isinstance(service, ast.Name) or path.name != "aws_clients.py":
                    assert isinstance(service, ast.Constant), f"{path}:{node.lineno}: no service is named there"
                    found.setdefault(service.value, set()).add(path.relative_to(ROOT).as_posix())
    return found


def called_by_code(graph, program=None):
    """The services that the code of an environment calls, or that of one program."""
    programs = [program] if program else graph.programs
    searches = any(graph.variables(each).get(OF_SEARCH) for each in programs)
    found = clients(ROOT / "runtime")
    return {service for service, files in found.items() if searches or files != {SEARCH}}


def called_to_start(graph):
    """What ECS calls out of the task's own subnet before the application runs, by what the task definition asks for."""
    container = graph.container
    if container is None:
        return set()
    services = {"ecr.api", "ecr.dkr"} if ".dkr.ecr." in container["image"] else set()
    services |= {"logs"} if container["logConfiguration"]["logDriver"] == "awslogs" else set()
    services |= {"secretsmanager"} if container["secrets"] else set()
    (service,) = graph.of("Service")
    return services | ({"ssmmessages"} if service.inputs["enableExecuteCommand"] else set())


def keys_from(graph, monkeypatch):
    """The service that publishes the keys of tokens, which the API fetches."""
    for name, value in graph.variables("api").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    host = urlsplit(ApiSettings().jwks_url).hostname
    return {BY_HOST[host]}


@pytest.fixture
def called(graph_of, monkeypatch):
    """The services that an environment's code calls, with what is called to start it; S3 left out."""

    def find(environment):
        graph = graph_of(environment)
        return (called_by_code(graph) | keys_from(graph, monkeypatch) | called_to_start(graph)) - GATEWAY

    return find


HOSTS = {"dev": "lambda", "staging": "container"}


class TestCode:
    def test_these_are_the_services_that_it_calls(self):
        assert clients(ROOT / "runtime") == {
            "s3": {"runtime/adapters/objects.py"},
            "secretsmanager": {"runtime/adapters/secret_store.py"},
            "ssm": {SEARCH},
        }
        assert clients(ROOT / "lambda_src") == {}

    def test_a_client_without_a_name_is_not_overlooked(self, tmp_path):
        (tmp_path / "door.py").write_text("aws_clients.get_client(service, region)")
        with pytest.raises(AssertionError, match="no service is named there"):
            clients(tmp_path)


class TestWithoutNat:
    @pytest.mark.parametrize("environment", HOSTS)
    def test_every_service_that_is_called_must_have_an_endpoint(self, called, settings_of, environment):
        assert settings_of(environment)["api"]["host"] == HOSTS[environment]
        needed = called(environment)
        accepted = settings_of(environment, network__nat="none", network__interface_endpoints=sorted(needed))
        assert EnvironmentSettings.parse(accepted)
        for service in needed:
            without = sorted(needed - {service})
            with pytest.raises(SettingsError) as refused:
                EnvironmentSettings.parse(
                    settings_of(environment, network__nat="none", network__interface_endpoints=without)
                )
            (problem,) = refused.value.problems
            assert problem.startswith(f"settings.network.interface_endpoints: must list {service}, ")

    @pytest.mark.parametrize("environment", HOSTS)
    def test_the_endpoints_stand_where_code_runs(self, called, evaluated, settings_of, environment):
        needed = called(environment)
        graph = evaluated(settings_of(environment, network__nat="none", network__interface_endpoints=sorted(needed)))
        reached = {
            each.inputs["serviceName"].removeprefix("com.amazonaws.us-east-1.") for each in graph.of("VpcEndpoint")
        }
        assert reached == needed | GATEWAY
        admitted = {name for name in graph.programs if f"{name}-to-endpoints" in {each.name for each in graph.custom}}
        assert admitted == graph.programs == {"api", "maintenance", "migrate", "thumbnail-generator"}


class TestWithNat:
    def test_what_has_no_way_to_the_internet_calls_what_has_an_endpoint(self, graph_of, environment):
        graph = graph_of(environment)
        endpoints = {each.inputs["serviceName"].rpartition(".")[2] for each in graph.of("VpcEndpoint")}
        # Only the API goes out, for the keys and for what starts it.
        assert called_by_code(graph) == endpoints
        assert {each.name for each in graph.custom if each.name.endswith("-to-internet")} == {
            "api-to-internet",
            "network-public-to-internet",
        }
