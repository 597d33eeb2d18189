import json
from typing import Any

import pulumi
import pytest

from components import policies
from components.arguments import ArgumentError
from components.container_task import ContainerTask, ContainerTaskArgs
from components.naming import Naming

NAMING = Naming("episode-metadata", "dev")
DIGEST = f"sha256:{'0123456789abcdef' * 4}"
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/episode-metadata-api@{DIGEST}"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
COUNTS = {"LogGroup": 1, "Role": 2, "RolePolicy": 1, "TaskDefinition": 1}


def args(**changes: Any) -> Any:
    return ContainerTaskArgs(**dict[str, Any]({"naming": NAMING, "resource_name": "api", "image": IMAGE}) | changes)


def container(graph: Any) -> Any:
    (found,) = json.loads(graph.one("TaskDefinition").inputs["containerDefinitions"])
    return found


class TestRegister:
    @pytest.mark.requirement("ROAD-03", "ROAD-133")
    def test_definition_is_as_asked(self, register: Any) -> None:
        graph = register(lambda: ContainerTask("api", args(cpu_units=1024, memory_mb=4096, architecture="x86_64")))
        assert graph.counts == COUNTS
        definition = dict(graph.one("TaskDefinition").inputs)
        made_of = graph.one("TaskDefinition").property_dependencies
        assert made_of["executionRoleArn"] == (graph.named("api-execution-role").urn,)
        assert made_of["taskRoleArn"] == (graph.named("api-task-role").urn,)
        for name in ("containerDefinitions", "executionRoleArn", "taskRoleArn"):
            assert definition.pop(name)
        assert definition == {
            "family": "episode-metadata-api-dev",
            "requiresCompatibilities": ["FARGATE"],
            "networkMode": "awsvpc",
            "cpu": "1024",
            "memory": "4096",
            "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
            "volumes": [{"name": "scratch"}],
        }

    @pytest.mark.requirement("ROAD-59", "ROAD-133", "C-42")
    def test_container_is_read_only_without_root_and_without_privileges(self, register: Any) -> None:
        def made() -> Any:
            return args(
                command=["python", "-m", "runtime"],
                variables={"PORT": "3000", "COLOUR": pulumi.Output.from_input("red")},
                health_path="/alive",
            )

        assert container(register(lambda: ContainerTask("api", made()))) == {
            "name": "api",
            "image": IMAGE,
            "essential": True,
            "command": ["python", "-m", "runtime"],
            "portMappings": [{"containerPort": 3000, "hostPort": 3000, "protocol": "tcp"}],
            "environment": [{"name": "COLOUR", "value": "red"}, {"name": "PORT", "value": "3000"}],
            "secrets": [],
            "user": "1001:1001",
            "privileged": False,
            "readonlyRootFilesystem": True,
            "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/tmp", "readOnly": False}],
            "linuxParameters": {"capabilities": {"drop": ["ALL"]}, "initProcessEnabled": True},
            "stopTimeout": 30,
            "healthCheck": {
                "command": [
                    "CMD",
                    "python",
                    "-c",
                    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:3000/alive', timeout=2)",
                ],
                "interval": 30,
                "timeout": 3,
                "retries": 3,
                "startPeriod": 40,
            },
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": "/ecs/episode-metadata-api-dev",
                    "awslogs-region": "us-east-1",
                    "awslogs-stream-prefix": "api",
                },
            },
        }

    def test_image_says_what_runs_where_no_command_is_given(self, register: Any) -> None:
        assert "command" not in container(register(lambda: ContainerTask("api", args())))

    @pytest.mark.requirement("ROAD-133")
    def test_log_group_is_kept_as_asked(self, register: Any) -> None:
        graph = register(lambda: ContainerTask("api", args(log_retention_days=90, log_key_arn=KEY)))
        assert graph.one("LogGroup").inputs == {
            "name": "/ecs/episode-metadata-api-dev",
            "retentionInDays": 90,
            "kmsKeyId": KEY,
        }

    def test_only_tasks_of_the_account_take_the_roles_on(self, register: Any) -> None:
        graph = register(lambda: ContainerTask("api", args()))
        for role in ("execution", "task"):
            assert graph.named(f"api-{role}-role").inputs["name"] == f"episode-metadata-api-{role}-role-dev"
            (statement,) = graph.statements(f"api-{role}-role", "assumeRolePolicy").values()
            assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRole")
            assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
            assert statement["Condition"] == {
                "StringEquals": {"aws:SourceAccount": "123456789012"},
                "ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-east-1:123456789012:*"},
            }

    @pytest.mark.requirement("P2-09")
    def test_ecs_may_log_and_pull_this_image(self, register: Any) -> None:
        graph = register(lambda: ContainerTask("api", args()))
        rights: dict[str, Any] = {
            sid: (each["Effect"], each["Action"], each["Resource"])
            for sid, each in graph.statements("api-execution-policy").items()
        }
        log = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/episode-metadata-api-dev:*"
        repository = "arn:aws:ecr:eu-west-1:123456789012:repository/episode-metadata-api"
        pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        assert rights == {
            "WriteOwnLogs": ("Allow", ["logs:CreateLogStream", "logs:PutLogEvents"], [log]),
            "LogInToRegistry": ("Allow", ["ecr:GetAuthorizationToken"], ["*"]),
            "PullImage": ("Allow", pull, [repository]),
        }

    def test_container_may_do_what_was_asked_and_nothing_of_ecs(self, register: Any) -> None:
        asked = policies.allow("ReadQueue", ["sqs:ReceiveMessage"], ["arn:aws:sqs:us-east-1:123456789012:q"])
        graph = register(lambda: ContainerTask("api", args(statements=[asked])))
        assert graph.counts == COUNTS | {"RolePolicy": 2}
        assert graph.statements("api-task-policy") == {"ReadQueue": asked}
        roles: dict[str, Any] = {
            name: graph.named(f"api-{name}-policy").property_dependencies["role"] for name in ("execution", "task")
        }
        assert roles == {name: (graph.named(f"api-{name}-role").urn,) for name in ("execution", "task")}

    def test_image_of_another_registry_is_pulled_without_rights(self, register: Any) -> None:
        graph = register(lambda: ContainerTask("api", args(image=f"ghcr.io/example/api@{DIGEST}")))
        assert graph.statements("api-execution-policy").keys() == {"WriteOwnLogs"}

    def test_unknown_image_is_pulled_from_the_named_repository(self, register: Any) -> None:
        def make() -> None:
            repository = "arn:aws:ecr:us-east-1:123456789012:repository/x"
            ContainerTask("api", args(image=pulumi.Output.from_input(IMAGE), repository_arn=repository))

        graph = register(make)
        pull = graph.statements("api-execution-policy")["PullImage"]
        assert pull["Resource"] == ["arn:aws:ecr:us-east-1:123456789012:repository/x"]
        assert container(graph)["image"] == IMAGE

    def test_whoever_starts_it_can_wait_for_its_rights(self, register: Any) -> None:
        def make() -> None:
            asked = policies.allow("ReadQueue", ["sqs:ReceiveMessage"], ["arn:aws:sqs:us-east-1:123456789012:q"])
            task = ContainerTask("api", args(statements=[asked]))
            options = pulumi.ResourceOptions(depends_on=task.role_policies)
            pulumi.CustomResource("aws:ecs/service:Service", "later", {"t": task.definition_arn}, options)

        graph = register(make)
        assert graph.depends("later", "api-execution-policy")
        assert graph.depends("later", "api-task-policy")


class TestArgs:
    def test_refusal_shows_no_value_that_may_be_secret(self) -> None:
        with pytest.raises(ArgumentError) as caught:
            args(variables={"PASSWORD": b"the-password-itself"})
        assert "the-password-itself" not in str(caught.value)

    def test_smallest_size_of_fargate_is_possible(self) -> None:
        assert args(cpu_units=256, memory_mb=512).memory_mb == 512

    def test_region_and_endpoints_may_be_set(self) -> None:
        assert args(variables={"AWS_REGION": "x", "AWS_ENDPOINT_URL": "y"}).variables
