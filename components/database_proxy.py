"""An RDS Proxy in front of a database: many short-lived clients share few pooled connections. TLS only."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import LOG_RETENTION_DAYS, check, check_choice, check_range
from components.naming import Naming
from components.placement import Egress
from components.postgres_database import PORT
from components.security_groups import allow_ingress, create_security_group


@dataclass(frozen=True, kw_only=True)
class DatabaseProxyArgs:
    """A proxy and the one database role that connects through it. It costs by the hour, by the size of the database."""

    naming: Naming
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    """Private subnets in at least two zones."""
    database_identifier: pulumi.Input[str]
    database_security_group_id: pulumi.Input[str]
    """The database's security group, which gets an ingress rule for the proxy."""
    secret_arn: pulumi.Input[str]
    """The role's secret, with `username` and `password`. It may get its value later; until then the proxy rejects clients."""
    secret_key_arn: pulumi.Input[str] | None = None
    """The KMS key of that secret; None for the AWS managed key."""
    iam_authentication: bool = False
    """Whether clients must authenticate with IAM tokens instead of the password."""
    connections_percent: int = 90
    """The share of the database's connections that the proxy may open."""
    borrow_timeout_seconds: int = 10
    """How long a client waits for a connection when all are in use."""
    idle_client_timeout_seconds: int = 1800
    log_retention_days: int = 30
    log_key_arn: pulumi.Input[str] | None = None

    def __post_init__(self) -> None:
        subnets = list(self.subnet_ids)
        check(self, "subnet_ids", len(subnets) >= 2, f"must be at least two subnets, not {len(subnets)}")
        check_range(self, "connections_percent", 1, 100)
        check_range(self, "borrow_timeout_seconds", 0, 300)
        check_range(self, "idle_client_timeout_seconds", 1, 28_800)
        check_choice(self, "log_retention_days", LOG_RETENTION_DAYS)


class DatabaseProxy(pulumi.ComponentResource):
    """The proxy with its security group, which is closed until `allow_from` opens it."""

    host: pulumi.Output[str]
    """The host that clients use instead of the database's address, on the same port. Known once the target is registered."""
    arn: pulumi.Output[str]
    security_group_id: pulumi.Output[str]

    def __init__(self, name: str, args: DatabaseProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:DatabaseProxy", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self._physical = args.naming.physical("db-proxy")

        self._create_security_group()
        self._create_role()
        self._create_proxy()
        self._create_target()

        self.host = pulumi.Output.all(self._proxy.endpoint, self._target.id).apply(lambda values: str(values[0]))
        self.arn = self._proxy.arn
        self.register_outputs({"host": self.host, "arn": self.arn})

    def allow_from(self, caller: str, security_group_id: pulumi.Input[str]) -> aws.vpc.SecurityGroupIngressRule:
        """Let a security group connect. Clients that connect during the deployment must depend on the returned rule."""
        return self._ingress(f"{self._name}-from-{caller}", self.security_group_id, security_group_id, caller)

    def _create_security_group(self) -> None:
        args = self._args
        database = Egress(description="PostgreSQL", port=PORT, security_group_id=args.database_security_group_id)
        group, egress_rules = create_security_group(
            self._name,
            args.naming,
            "db-proxy",
            description="PostgreSQL through its proxy, for the callers that its rules name",
            vpc_id=args.vpc_id,
            egress={"database": database},
            opts=self._child,
        )
        self.security_group_id = group.id
        ingress_rule = self._ingress(
            f"{self._name}-enters-database", args.database_security_group_id, group.id, "the proxy"
        )
        self._network_rules: list[pulumi.Resource] = [*egress_rules, ingress_rule]

    def _create_role(self) -> None:
        args = self._args
        # No condition on the source: RDS documents none for proxies, and iam:PassRole limits who can use the role.
        self._role = aws.iam.Role(
            f"{self._name}-role",
            name=args.naming.physical("db-proxy-role"),
            description=f"Reads the secret that {self._physical} signs in with",
            assume_role_policy=pulumi.Output.json_dumps(policies.trust_policy("rds.amazonaws.com")),
            opts=self._child,
        )
        statements = [policies.allow("ReadSecret", ["secretsmanager:GetSecretValue"], [args.secret_arn])]
        if args.secret_key_arn is not None:
            statements.append(policies.decrypt_secrets([args.secret_key_arn]))
        self._policy = aws.iam.RolePolicy(
            f"{self._name}-policy",
            name="read-secret",
            role=self._role.id,
            policy=pulumi.Output.json_dumps(policies.document(*statements)),
            opts=self._child,
        )

    def _create_proxy(self) -> None:
        args = self._args
        # RDS would create the group itself, without a retention period.
        logs = aws.cloudwatch.LogGroup(
            f"{self._name}-log",
            name=f"/aws/rds/proxy/{self._physical}",
            retention_in_days=args.log_retention_days,
            kms_key_id=args.log_key_arn,
            opts=self._child,
        )
        self._proxy = aws.rds.Proxy(
            f"{self._name}-proxy",
            name=self._physical,
            engine_family="POSTGRESQL",
            require_tls=True,
            auths=[
                aws.rds.ProxyAuthArgs(
                    auth_scheme="SECRETS",
                    secret_arn=args.secret_arn,
                    iam_auth="REQUIRED" if args.iam_authentication else "DISABLED",
                    client_password_auth_type=None if args.iam_authentication else "POSTGRES_SCRAM_SHA_256",
                )
            ],
            role_arn=self._role.arn,
            vpc_subnet_ids=args.subnet_ids,
            vpc_security_group_ids=[self.security_group_id],
            idle_client_timeout=args.idle_client_timeout_seconds,
            # Debug logs contain the text of statements.
            debug_logging=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs, self._policy, *self._network_rules]),
        )

    def _create_target(self) -> None:
        args = self._args
        group = aws.rds.ProxyDefaultTargetGroup(
            f"{self._name}-target-group",
            db_proxy_name=self._proxy.name,
            connection_pool_config=aws.rds.ProxyDefaultTargetGroupConnectionPoolConfigArgs(
                max_connections_percent=args.connections_percent,
                connection_borrow_timeout=args.borrow_timeout_seconds,
            ),
            opts=self._child,
        )
        self._target = aws.rds.ProxyTarget(
            f"{self._name}-target",
            db_proxy_name=self._proxy.name,
            target_group_name=group.name,
            db_instance_identifier=args.database_identifier,
            opts=self._child,
        )

    def _ingress(
        self, name: str, group_id: pulumi.Input[str], caller_group_id: pulumi.Input[str], caller: str
    ) -> aws.vpc.SecurityGroupIngressRule:
        return allow_ingress(
            name, group_id, PORT, f"PostgreSQL for {caller}", caller_group_id=caller_group_id, opts=self._child
        )
