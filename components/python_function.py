"""A Lambda function in Python with what is its own: log group, role, security group, and no right beyond those asked for."""

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
# Lambda sets these itself and refuses a function that brings its own.
RESERVED_VARIABLES = re.compile(
    r"AWS_(REGION|DEFAULT_REGION|EXECUTION_ENV|(ACCESS|SECRET|SESSION|LAMBDA)_\w+)|LAMBDA_\w+"
)


@dataclass(frozen=True, kw_only=True)
class PythonFunctionArgs:
    """A function and what it may do."""

    naming: Naming
    thing: str
    """What the function is: `migrate` makes it `{project}-migrate-{environment}`."""
    description: str
    code: pulumi.Archive
    handler: str
    """The dotted path of the function in the archive."""
    variables: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    statements: Sequence[policies.Statement] = ()
    """What its role may do, beside writing its own logs and attaching to its network."""
    placement: Placement | None = None
    """Where it stands in a VPC; None for a function outside any."""
    memory_mb: int = 256
    timeout_seconds: int = 30
    reserved_concurrency: int | None = None
    """The most that run at once, set aside from the account's; None for whatever the account has left."""
    architecture: Architecture = "arm64"
    log_retention_days: int = 30
    log_key_arn: pulumi.Input[str] | None = None
    alias: str | None = None
    """A name such as `live`, for the version that callers use: each change is published, and then takes all of them at once.

    None for callers of whatever code there is, which changes under them before its settings do.
    """
    after: Sequence[pulumi.Resource] = ()
    """What must exist before this code may run, such as the schema it reads."""

    def __post_init__(self) -> None:
        check(self, "handler", bool(HANDLER.fullmatch(self.handler)), f"must be a dotted path, not {self.handler!r}")
        check_range(self, "memory_mb", 128, 10_240)
        check_range(self, "timeout_seconds", 1, 900)
        if self.alias is not None:
            # A number is a version's own name.
            good = bool(re.fullmatch(r"(?!\d+$)[\w-]{1,128}", self.alias))
            check(self, "alias", good, f"must be a plain name that is no number, not {self.alias!r}")
        check_range(self, "reserved_concurrency", 1, 1_000)
        check_choice(self, "architecture", get_args(Architecture))
        check_choice(self, "log_retention_days", LOG_RETENTION_DAYS)
        check(self, "description", 0 < len(self.description) <= 256, "must have 1 to 256 characters")
        for name in self.variables:
            check(self, "variables", bool(VARIABLE.fullmatch(name)), f"must be named by letters, not {name!r}")
            check(self, "variables", not RESERVED_VARIABLES.fullmatch(name), f"must not set {name}: Lambda does")


class PythonFunction(pulumi.ComponentResource):
    """The function. Its log group is made first, so that it has a retention and the role need not make groups."""

    name: pulumi.Output[str]
    """The function's, which metrics and logs bear. A caller by name must give the qualifier too, where there is one."""
    qualifier: pulumi.Output[str] | None
    """The alias, or None for a function without one."""
    arn: pulumi.Output[str]
    """What callers invoke: the alias, or the function where it has none."""
    invoke_arn: pulumi.Output[str]
    """The same for API Gateway."""
    role_arn: pulumi.Output[str]
    security_group_id: pulumi.Output[str] | None
    """The group that others admit; None for a function outside any VPC."""

    def __init__(self, name: str, args: PythonFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:PythonFunction", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self._physical = args.naming.physical(args.thing)

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
            args.thing,
            description=f"Network interfaces of the function {self._physical}",
            vpc_id=args.placement.vpc_id,
            egress=args.placement.egress,
            opts=self._child,
        )
        self.security_group_id = group.id

    def _create_role(self) -> None:
        args, logs = self._args, self._log_group
        # No condition on the source: Lambda takes the role on for the function and for its event source mappings, and only
        # someone who may pass the role, in this account, can name it at all.
        self._role = aws.iam.Role(
            f"{self._name}-role",
            name=args.naming.physical(f"{args.thing}-role"),
            description=f"What the function {self._physical} may do",
            assume_role_policy=pulumi.Output.json_dumps(policies.trust("lambda.amazonaws.com")),
            opts=self._child,
        )
        statements = [policies.write_logs(logs.arn), *args.statements]
        if args.placement is not None:
            function_arn = policies.sibling_arn(logs.arn, "lambda", f"function:{self._physical}")
            statements += policies.network_interfaces(function_arn)
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
            # A function that runs before its rights and its ways out exist fails its first invocations.
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[self._log_group, self._policy, *self._egress, *args.after]
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
