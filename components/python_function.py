"""A Lambda function in Python with its own log group, role and security group, and only the permissions it is given."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import LOG_RETENTION_DAYS, check, check_choice, check_range
from components.choices import Architecture
from components.naming import Naming
from components.placement import Placement
from components.security_groups import create_security_group

RUNTIME = "python3.13"
HANDLER = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
VARIABLE = re.compile(r"[A-Za-z]\w+")
# Lambda sets these itself and rejects a function that sets them.
RESERVED_VARIABLES = re.compile(
    r"AWS_(REGION|DEFAULT_REGION|EXECUTION_ENV|(ACCESS|SECRET|SESSION|LAMBDA)_\w+)|LAMBDA_\w+"
)


@dataclass(frozen=True, kw_only=True)
class PythonFunctionArgs:
    """A function and its permissions."""

    naming: Naming
    resource_name: str
    """`migrate` names the function `{project}-migrate-{environment}`."""
    description: str
    code: pulumi.Archive
    handler: str
    """The dotted path of the handler in the archive."""
    variables: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    statements: Sequence[policies.Statement] = ()
    """Permissions of its role, besides writing its logs and attaching to its network."""
    placement: Placement | None = None
    """Its place in a VPC; None for a function outside any VPC."""
    memory_mb: int = 256
    timeout_seconds: int = 30
    reserved_concurrency: int | None = None
    """Reserved concurrency; None to share what the account has left."""
    architecture: Architecture = "arm64"
    log_retention_days: int = 30
    log_key_arn: pulumi.Input[str] | None = None
    alias: str | None = None
    """The alias, such as `live`, that callers use: each change is published as a version, to which the alias then moves.

    None to let callers use the latest code, whose settings change after it.
    """
    depends_on: Sequence[pulumi.Resource] = ()
    """Resources that must exist before the code may run, such as the schema it reads."""

    def __post_init__(self) -> None:
        check(self, "handler", bool(HANDLER.fullmatch(self.handler)), f"must be a dotted path, not {self.handler!r}")
        check_range(self, "memory_mb", 128, 10_240)
        check_range(self, "timeout_seconds", 1, 900)
        if self.alias is not None:
            # Numbers are names of versions.
            good = bool(re.fullmatch(r"(?!\d+$)[\w-]{1,128}", self.alias))
            check(self, "alias", good, f"must be a plain name and not a number, not {self.alias!r}")
        check_range(self, "reserved_concurrency", 1, 1_000)
        check_choice(self, "architecture", get_args(Architecture))
        check_choice(self, "log_retention_days", LOG_RETENTION_DAYS)
        check(self, "description", 0 < len(self.description) <= 256, "must have 1 to 256 characters")
        for name in self.variables:
            check(
                self,
                "variables",
                bool(VARIABLE.fullmatch(name)),
                f"must be named like DATABASE_1, not {name!r}",
            )
            check(self, "variables", not RESERVED_VARIABLES.fullmatch(name), f"must not set {name}: Lambda does")


class PythonFunction(pulumi.ComponentResource):
    """The function. Its log group is created first, with a retention, so that the role need not create log groups."""

    name: pulumi.Output[str]
    """The name of the function, for metrics and logs. Callers by name also need the qualifier."""
    qualifier: pulumi.Output[str] | None
    """The alias; None without one."""
    arn: pulumi.Output[str]
    """The ARN to invoke: of the alias, or of the function without one."""
    invoke_arn: pulumi.Output[str]
    """The same for API Gateway."""
    role_arn: pulumi.Output[str]
    security_group_id: pulumi.Output[str] | None
    """The group of its network interfaces, for ingress rules of others; None outside a VPC."""

    def __init__(self, name: str, args: PythonFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:PythonFunction", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self._physical = args.naming.physical(args.resource_name)

        self._create_log_group()
        self._create_security_group()
        self._create_role()
        self._create_function()
        self._create_alias()

        self.name = self._function.name
        self.role_arn = self._role.arn
        self.register_outputs({"name": self.name, "arn": self.arn})

    def _create_log_group(self) -> None:
        self._log_group = aws.cloudwatch.LogGroup(
            f"{self._name}-log-group",
            name=f"/aws/lambda/{self._physical}",
            retention_in_days=self._args.log_retention_days,
            kms_key_id=self._args.log_key_arn,
            opts=self._child,
        )

    def _create_security_group(self) -> None:
        args = self._args
        self.security_group_id = None
        self._egress: Sequence[pulumi.Resource] = ()
        if args.placement is None:
            return
        group, self._egress = create_security_group(
            self._name,
            args.naming,
            args.resource_name,
            description=f"Network interfaces of the function {self._physical}",
            vpc_id=args.placement.vpc_id,
            egress=args.placement.egress,
            opts=self._child,
        )
        self.security_group_id = group.id

    def _create_role(self) -> None:
        args, logs = self._args, self._log_group
        # No condition on the source: Lambda assumes the role for the function and for its event source mappings, and iam:PassRole
        # limits who can use the role.
        self._role = aws.iam.Role(
            f"{self._name}-role",
            name=args.naming.physical(f"{args.resource_name}-role"),
            description=f"What the function {self._physical} may do",
            assume_role_policy=pulumi.Output.json_dumps(policies.trust_policy("lambda.amazonaws.com")),
            opts=self._child,
        )
        statements = [policies.write_logs(logs.arn), *args.statements]
        if args.placement is not None:
            function_arn = policies.sibling_arn(logs.arn, "lambda", f"function:{self._physical}")
            statements += policies.manage_network_interfaces(function_arn)
        self._policy = aws.iam.RolePolicy(
            f"{self._name}-policy",
            name="own-rights",
            role=self._role.id,
            policy=pulumi.Output.json_dumps(policies.document(*statements)),
            opts=self._child,
        )

    def _create_function(self) -> None:
        args, placement = self._args, self._args.placement
        self._function = aws.lambda_.Function(
            f"{self._name}-function",
            name=self._physical,
            description=args.description,
            runtime=RUNTIME,
            architectures=[args.architecture],
            handler=args.handler,
            code=args.code,
            publish=None if args.alias is None else True,
            role=self._role.arn,
            memory_size=args.memory_mb,
            timeout=args.timeout_seconds,
            reserved_concurrent_executions=args.reserved_concurrency,
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=dict(args.variables)) if args.variables else None,
            vpc_config=None
            if placement is None
            else aws.lambda_.FunctionVpcConfigArgs(
                subnet_ids=placement.subnet_ids,
                security_group_ids=[group for group in (self.security_group_id,) if group is not None],
            ),
            # Without its permissions and its egress the first invocations would fail.
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[self._log_group, self._policy, *self._egress, *args.depends_on]
            ),
        )

    def _create_alias(self) -> None:
        function, args = self._function, self._args
        self.qualifier, self.arn, self.invoke_arn = None, function.arn, function.invoke_arn
        if args.alias is None:
            return
        alias = aws.lambda_.Alias(
            f"{self._name}-alias",
            name=args.alias,
            description=f"The version of {self._physical} that callers use",
            function_name=function.name,
            function_version=function.version,
            opts=self._child,
        )
        self.qualifier, self.arn, self.invoke_arn = alias.name, alias.arn, alias.invoke_arn
