"""Task definitions: the environment of containers, and unsupported inputs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.account import LocalAccount
from local.compute.ecs.containers import Containers
from local.compute.ecs.task_definition import repository_of
from local.compute.elbv2.load_balancers import LoadBalancers
from local.errors import RegistrationError
from local.supervisor import Supervisor
from tests.local.compute.ecs.container_fixtures import (
    HANDLERS,
    NUMBERS,
    Platform,
    balancers,
    platform,
    serve,
    service,
    target_group,
    task_definition,
)

__all__ = ["balancers", "platform", "serve"]


@pytest.fixture
def secret(account: LocalAccount) -> Callable[[str], str]:
    """Create a secret and return its ARN."""

    def keep(text: str) -> str:
        made = account.client("secretsmanager").create_secret(Name=f"test-{next(NUMBERS)}", SecretString=text)
        return str(made["ARN"])

    return keep


class TestTask:
    def test_environment_has_only_registered_and_ecs_variables(
        self, platform: Platform, account: LocalAccount, secret: Callable[[str], str]
    ) -> None:
        whole, parts = secret("open sesame"), secret(json.dumps({"password": "p'w", "port": 5432}))
        references = {"WHOLE": whole, "PASSWORD": f"{parts}:password::", "DATABASE_PORT": f"{parts}:port:AWSCURRENT:"}
        listed = [{"name": name, "valueFrom": reference} for name, reference in references.items()]
        client = platform.start(container={"secrets": listed}, variables={"PLATFORM_LOG_LEVEL": "DEBUG"})
        about = client.get("/").json()
        environment = about["environment"]
        assert environment["PLATFORM_LOG_LEVEL"] == "DEBUG"
        assert (environment["WHOLE"], environment["PASSWORD"], environment["DATABASE_PORT"]) == (
            "open sesame",
            "p'w",
            "5432",
        )
        assert account.environment().items() <= environment.items()
        assert environment["AWS_EXECUTION_ENV"] == "AWS_ECS_FARGATE"
        # Neither variables of this process, nor others than those registered, HOST, PORT and ECS's.
        expected = {
            "HOST",
            "PORT",
            "NOTES",
            "WHOLE",
            "PASSWORD",
            "DATABASE_PORT",
            "PLATFORM_LOG_LEVEL",
            *account.environment(),
        }
        of_any_process = {"LANG", "PATH", "PYTHONPATH", "PYTHONUNBUFFERED", "AWS_EXECUTION_ENV", "LC_CTYPE"}
        assert set(environment) - expected <= of_any_process

    def test_port_variables_are_replaced_by_a_loopback_port(self, platform: Platform) -> None:
        about = platform.start(variables={"PORT": "3000", "APP_PORT": "3000", "HOST": "192.0.2.1"}).get("/").json()
        environment = about["environment"]
        assert environment["HOST"] == "127.0.0.1"
        assert environment["PORT"] == environment["APP_PORT"] == str(about["port"]) != "3000"

    def test_only_the_image_and_the_standard_library_can_be_imported(self, platform: Platform) -> None:
        about = platform.start().get("/").json()
        assert about["folder"] == str(HANDLERS)
        assert about["path"][0] == str(HANDLERS)
        # This process has the checkout as its working directory and packages in its environment.
        assert not [entry for entry in about["path"] if "site-packages" in entry]
        assert str(Path(__file__).parents[4]) not in about["path"]

    def test_tmp_volume_is_a_temporary_folder_per_task(self, platform: Platform) -> None:
        mount = {"sourceVolume": "tmp", "containerPath": "/tmp"}
        client = platform.start(container={"mountPoints": [mount]}, desiredCount=2)
        folders = {client.get("/").json()["environment"]["TMPDIR"] for _ in range(4)}
        assert len(folders) == 2 and all(Path(folder).is_dir() for folder in folders)
        platform.containers.close()
        assert not [folder for folder in folders if Path(folder).exists()]

    def test_output_is_in_the_log(self, platform: Platform) -> None:
        platform.start()
        assert platform.log() == "serving\n"

    def test_missing_secret_fails_the_service(self, platform: Platform) -> None:
        arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nobody-AbCdEf"
        with pytest.raises(
            RegistrationError,
            match=f"3 tasks failed in a row; the last: container-api-1 cannot be started: secret KEY: {arn} cannot be read",
        ):
            platform.start(
                container={"secrets": [{"name": "KEY", "valueFrom": arn}]}, deploymentCircuitBreaker={"enable": True}
            )

    def test_missing_key_of_a_secret_fails_the_service(self, platform: Platform, secret: Callable[[str], str]) -> None:
        arn = secret("{}")
        with pytest.raises(RegistrationError, match="is not JSON with the key password"):
            platform.start(
                container={"secrets": [{"name": "KEY", "valueFrom": f"{arn}:password::"}]},
                deploymentCircuitBreaker={"enable": True},
            )


class TestRegistration:
    @pytest.mark.parametrize(
        ("image", "repository"),
        [
            ("server", "server"),
            ("server:1.2", "server"),
            ("team/server@sha256:abc", "team/server"),
            ("localhost/server", "server"),
            ("localhost:5000/server:1.2", "server"),
            ("123456789012.dkr.ecr.us-east-1.amazonaws.com/team/server:1.2@sha256:abc", "team/server"),
        ],
    )
    def test_repository_is_between_registry_and_tag(self, image: str, repository: str) -> None:
        assert repository_of(image) == repository

    @pytest.mark.parametrize(
        ("container", "problem"),
        [
            ({"image": "other:1"}, "image: other:1: not on this machine; must be one of: server"),
            ({"image": ""}, "image: none: not on this machine"),
            ({"command": []}, "command: required"),
            ({"command": ["node", "server.js"]}, "command: 'node' is not supported on this machine, only Python programs"),
            ({"entryPoint": ["/bin/sh", "-c"]}, "command: '/bin/sh' is not supported"),
            ({"environmentFiles": [{"value": "x"}]}, "environmentFiles: not supported"),
            ({"environment": [{"name": "PORT", "value": "8000"}]}, "environment: PORT is 8000, but the mapped port is 3000"),
            ({"environment": [{"name": "APP_PORT", "value": "80"}]}, "environment: APP_PORT is 80"),
            ({"portMappings": [{"containerPort": 1}, {"containerPort": 2}]}, "portMappings: only one TCP port"),
            ({"portMappings": [{"containerPort": 1, "protocol": "udp"}]}, "portMappings: only one TCP port"),
            (
                {"secrets": [{"name": "KEY", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/x"}]},
                "secrets: KEY: must be an ARN of Secrets Manager, .* not arn:aws:ssm:",
            ),
            ({"mountPoints": [{"containerPath": "/data"}]}, "mountPoints: /data is not supported on this machine, only /tmp"),
            ({"healthCheck": {"command": ["curl", "x"]}}, "healthCheck.command: must begin with CMD or CMD-SHELL, not 'curl'"),
            ({"healthCheck": {"command": ["CMD", "curl", "x"]}}, "healthCheck.command: 'curl' is not supported"),
        ],
    )  # fmt: skip
    def test_unsupported_container_raises_registration_error(
        self, platform: Platform, container: dict[str, Any], problem: str
    ) -> None:
        with pytest.raises(RegistrationError, match=rf"containerDefinitions\[0\]\.{problem}"):
            platform.containers.register_task(task_definition(container=container))

    @pytest.mark.parametrize(
        ("text", "problem"),
        [("{", "not valid JSON"), ("[]", "exactly one container"), ("[{}, {}]", "exactly one container")],
    )
    def test_other_than_one_container_raises_registration_error(
        self, platform: Platform, text: str, problem: str
    ) -> None:
        with pytest.raises(RegistrationError, match=f"containerDefinitions: .*{problem}"):
            platform.containers.register_task(task_definition(containerDefinitions=text))

    def test_missing_image_folder_raises_registration_error(
        self, account: LocalAccount, supervisor: Supervisor, balancers: LoadBalancers, tmp_path: Path
    ) -> None:
        containers = Containers(account, supervisor, balancers, images={"server": tmp_path / "gone"})
        with pytest.raises(RegistrationError, match=r"image: .*server@sha256:0+: .*gone is not a folder"):
            containers.register_task(task_definition())

    @pytest.mark.parametrize(
        ("inputs", "problem"),
        [
            ({"schedulingStrategy": "DAEMON"}, "schedulingStrategy: DAEMON is not supported"),
            ({"deploymentController": {"type": "CODE_DEPLOY"}}, "deploymentController: CODE_DEPLOY is not supported"),
            ({"taskDefinition": "other:1"}, "taskDefinition: no task definition is registered as 'other:1'"),
            ({"loadBalancers": [{"targetGroupArn": "nobody"}]}, "loadBalancers.targetGroupArn: no listener forwards to nobody"),
            (
                {"loadBalancers": [{"targetGroupArn": target_group().id, "containerName": "web", "containerPort": 3000}]},
                "loadBalancers: the task definition has no container web with port 3000, but api with port 3000",
            ),
            (
                {"loadBalancers": [{"targetGroupArn": target_group().id, "containerName": "api", "containerPort": 80}]},
                "loadBalancers: the task definition has no container api with port 80",
            ),
        ],
    )  # fmt: skip
    def test_unsupported_service_raises_registration_error(
        self, platform: Platform, serve: Callable[..., httpx.Client], inputs: dict[str, Any], problem: str
    ) -> None:
        serve()
        platform.containers.register_task(task_definition())
        with pytest.raises(RegistrationError, match=problem):
            platform.containers.start_service(service(**inputs))

    @pytest.mark.parametrize("named", ["api", "api:1"])
    def test_task_definition_may_be_named_by_its_family(self, platform: Platform, named: str) -> None:
        assert platform.start(taskDefinition=named).get("/").status_code == 200

    def test_second_service_with_a_name_raises_registration_error(self, platform: Platform) -> None:
        platform.start()
        with pytest.raises(RegistrationError, match="name: a service api is already running"):
            platform.containers.start_service(service("api"))
