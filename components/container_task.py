"""A Fargate task of one container: read-only, without root and privileges, with a log and only the permissions it is given."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import LOG_RETENTION_DAYS, check, check_choice, check_range
from components.choices import Architecture
from components.naming import Naming

IMAGE = re.compile(r"\S+@sha256:[0-9a-f]{64}")
ECR_IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^@:]+)[@:].+")
PATH = re.compile(r"/[\w./~-]*")
VARIABLE = re.compile(r"[A-Za-z_]\w*")
# ECS sets the first two itself; the last are long-lived keys, in place of which the task role gives short-lived ones.
RESERVED_VARIABLES = re.compile(
    r"(ECS|AWS_CONTAINER)_\w+|AWS_EXECUTION_ENV|AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)"
)

# The memory that Fargate offers with each CPU size: from, to and step in megabytes. The smallest CPU size takes 512 too.
MEMORY_MB = {
    256: (1024, 2048, 1024),
    512: (1024, 4096, 1024),
    1024: (2048, 8192, 1024),
    2048: (4096, 16_384, 1024),
    4096: (8192, 30_720, 1024),
    8192: (16_384, 61_440, 4096),
    16_384: (32_768, 122_880, 8192),
}
# Neither root nor a user of a distribution's image.
USER = "1001:1001"
SCRATCH = "scratch"
# The time between SIGTERM and SIGKILL.
STOP_TIMEOUT_SECONDS = 30
HEALTH_CHECK = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}{path}', timeout=2)"


@dataclass(frozen=True, kw_only=True)
class ContainerTaskArgs:
    """A container and its permissions.

    The image must contain `python`, which the health check runs, and declare /tmp, writable by everyone, as a VOLUME: a volume
    that the image does not declare belongs to root on Fargate, and the container does not run as root.
    """

    naming: Naming
    resource_name: str
    """`api` names the task `{project}-api-{environment}`."""
    image: pulumi.Input[str]
    """A full reference by digest, `…@sha256:…`: a tag could name another image at the next start."""
    repository_arn: pulumi.Input[str] | None = None
    """The image's ECR repository, if the image is not known while the program runs; else it follows from the image."""
    command: Sequence[str] = ()
    """The command; empty for the image's own."""
    port: int = 3000
    health_path: str = "/health"
    """The path that returns 200 while the container is healthy. An unhealthy container is replaced."""
    variables: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    statements: Sequence[policies.Statement] = ()
    """The permissions of the task role, such as reading the application's secrets: no variable holds one."""
    cpu_units: int = 512
    """1024 units are one virtual CPU."""
    memory_mb: int = 1024
    architecture: Architecture = "arm64"
    log_retention_days: int = 30
    log_key_arn: pulumi.Input[str] | None = None
    """A KMS key for the log; None for the default encryption of CloudWatch."""

    def __post_init__(self) -> None:
        check(self, "resource_name", bool(self.resource_name), "must not be empty")
        if isinstance(self.image, str):
            check(self, "image", bool(IMAGE.fullmatch(self.image)), f"must name a sha256 digest, not {self.image!r}")
        else:
            known = self.repository_arn is not None
            check(self, "repository_arn", known, "must be given: the image is not known while the program runs")
        is_list = not isinstance(self.command, str) and all(isinstance(word, str) for word in self.command)
        check(self, "command", is_list, f"must be a list of strings, not {self.command!r}")
        check_range(self, "port", 1, 65_535)
        check(self, "health_path", bool(PATH.fullmatch(self.health_path)), f"must be a path, not {self.health_path!r}")
        self._check_variables()
        self._check_size()
        check_choice(self, "log_retention_days", LOG_RETENTION_DAYS)

    def _check_variables(self) -> None:
        for name, value in self.variables.items():
            check(
                self,
                "variables",
                bool(VARIABLE.fullmatch(name)),
                f"must be named like DATABASE_1, not {name!r}",
            )
            free = not RESERVED_VARIABLES.fullmatch(name)
            check(self, "variables", free, f"must not set {name}: ECS and the container's role do")
            # The message shows no value: it might be a secret.
            check(self, "variables", isinstance(value, (str, pulumi.Output)), f"must be strings, which {name} is not")

    def _check_size(self) -> None:
        check_choice(self, "architecture", get_args(Architecture))
        check_choice(self, "cpu_units", MEMORY_MB)
        low, high, step = MEMORY_MB[self.cpu_units]
        fits = self.memory_mb in range(low, high + 1, step) or (self.cpu_units, self.memory_mb) == (256, 512)
        problem = (
            f"must be from {low} to {high} in steps of {step} for {self.cpu_units} CPU units, not {self.memory_mb}"
        )
        check(self, "memory_mb", fits, problem)


class ContainerTask(pulumi.ComponentResource):
    """The task definition with its log group, its task role and its execution role."""

    definition_arn: pulumi.Output[str]
    """With its revision: every change of the image or the settings is a new revision."""
    role_arn: pulumi.Output[str]
    """The task role."""
    role_policies: list[pulumi.Resource]
    """Without these a container does not start or fails its first calls: whatever starts one depends on them."""
    resource_name: str
    port: int

    def __init__(self, name: str, args: ContainerTaskArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:ContainerTask", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self._physical = args.naming.physical(args.resource_name)
        self.resource_name, self.port = args.resource_name, args.port
        self.role_policies = []

        self._create_log_group()
        self._execution_role = self._create_role(
            "execution", f"How ECS starts the container {self._physical}", self._execution_statements()
        )
        self._role = self._create_role("task", f"What the container {self._physical} may do", args.statements)
        self._create_definition()

        self.definition_arn = self._definition.arn
        self.role_arn = self._role.arn
        self.register_outputs({"definition_arn": self.definition_arn, "role_arn": self.role_arn})

    def _create_log_group(self) -> None:
        self._log_group = aws.cloudwatch.LogGroup(
            f"{self._name}-log-group",
            name=f"/ecs/{self._physical}",
            retention_in_days=self._args.log_retention_days,
            kms_key_id=self._args.log_key_arn,
            opts=self._child,
        )

    def _create_role(self, role: str, description: str, statements: Sequence[policies.Statement]) -> aws.iam.Role:
        arn = self._log_group.arn
        made = aws.iam.Role(
            f"{self._name}-{role}-role",
            name=self._args.naming.physical(f"{self._args.resource_name}-{role}-role"),
            description=description,
            assume_role_policy=pulumi.Output.json_dumps(
                policies.trust_policy(
                    "ecs-tasks.amazonaws.com",
                    condition={
                        "StringEquals": {"aws:SourceAccount": policies.account_id_of(arn)},
                        "ArnLike": {"aws:SourceArn": policies.sibling_arn(arn, "ecs", "*")},
                    },
                )
            ),
            opts=self._child,
        )
        if statements:
            policy = aws.iam.RolePolicy(
                f"{self._name}-{role}-policy",
                name="own-rights",
                role=made.id,
                policy=pulumi.Output.json_dumps(policies.document(*statements)),
                opts=self._child,
            )
            self.role_policies.append(policy)
        return made

    def _execution_statements(self) -> list[policies.Statement]:
        statements = [policies.write_logs(self._log_group.arn)]
        repository = self._repository_arn()
        if repository is not None:
            statements += policies.pull_image(repository)
        return statements

    def _repository_arn(self) -> pulumi.Input[str] | None:
        """Return the image's repository; None for an image of another registry, which ECS pulls without permissions."""
        if self._args.repository_arn is not None:
            return self._args.repository_arn
        found = ECR_IMAGE.fullmatch(str(self._args.image))
        if found is None:
            return None
        account, region, name = found.groups()
        partition = self._log_group.arn.apply(lambda arn: arn.split(":")[1])
        return pulumi.Output.format("arn:{0}:ecr:{1}:{2}:repository/{3}", partition, region, account, name)

    def _create_definition(self) -> None:
        args = self._args
        self._definition = aws.ecs.TaskDefinition(
            f"{self._name}-definition",
            family=self._physical,
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=str(args.cpu_units),
            memory=str(args.memory_mb),
            runtime_platform=aws.ecs.TaskDefinitionRuntimePlatformArgs(
                cpu_architecture=args.architecture.upper(), operating_system_family="LINUX"
            ),
            execution_role_arn=self._execution_role.arn,
            task_role_arn=self._role.arn,
            volumes=[aws.ecs.TaskDefinitionVolumeArgs(name=SCRATCH)],
            container_definitions=pulumi.Output.json_dumps([self._container()], sort_keys=True),
            opts=self._child,
        )

    def _container(self) -> dict[str, Any]:
        args = self._args
        container: dict[str, Any] = {
            "name": args.resource_name,
            "image": args.image,
            "essential": True,
            "portMappings": [{"containerPort": args.port, "hostPort": args.port, "protocol": "tcp"}],
            "environment": [{"name": name, "value": args.variables[name]} for name in sorted(args.variables)],
            # The application reads its secrets itself, with its task role.
            "secrets": [],
            "user": USER,
            "privileged": False,
            "readonlyRootFilesystem": True,
            # The only writable path: on the task's ephemeral storage.
            "mountPoints": [{"sourceVolume": SCRATCH, "containerPath": "/tmp", "readOnly": False}],  # noqa: S108
            "linuxParameters": {"capabilities": {"drop": ["ALL"]}, "initProcessEnabled": True},
            "stopTimeout": STOP_TIMEOUT_SECONDS,
            "healthCheck": {
                "command": ["CMD", "python", "-c", HEALTH_CHECK.format(port=args.port, path=args.health_path)],
                "interval": 30,
                "timeout": 3,
                "retries": 3,
                "startPeriod": 40,
            },
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": self._log_group.name,
                    "awslogs-region": self._log_group.arn.apply(lambda arn: arn.split(":")[3]),
                    "awslogs-stream-prefix": args.resource_name,
                },
            },
        }
        return container | ({"command": list(args.command)} if args.command else {})
