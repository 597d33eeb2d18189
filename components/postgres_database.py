"""A PostgreSQL database on RDS: encrypted, private, TLS only, with its master password only in Secrets Manager."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import LOG_RETENTION_DAYS, check, check_choice, check_range, check_unique
from components.choices import DatabaseInsights
from components.database_rules import (
    INSIGHTS_RETENTION_DAYS,
    check_monitoring,
    check_names,
    check_storage,
    check_windows,
    engine_parameters,
    monitoring_statements,
    monitoring_trust_policy,
)
from components.naming import Naming
from components.security_groups import allow_ingress, create_security_group

PORT = 5432
# A major version: RDS chooses the minor one, and upgrades it in the maintenance window. Changing the major version also needs
# `allow_major_version_upgrade`, and stops the database for minutes.
ENGINE_VERSION = "18"
MASTER_USERNAME = "postgres"
# The authority of the server certificate, which clients must trust.
CERTIFICATE_AUTHORITY = "rds-ca-rsa2048-g1"
LOG_EXPORTS = ("postgresql", "upgrade")


@dataclass(frozen=True, kw_only=True)
class PostgresDatabaseArgs:
    """A database. The windows are in UTC and may not overlap."""

    naming: Naming
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    """Private subnets in at least two zones."""
    database_name: str
    instance_class: pulumi.Input[str]
    storage_gb: int
    storage_limit_gb: int | None = None
    """The limit of storage autoscaling; None for no autoscaling."""
    iops: int | None = None
    key_arn: pulumi.Input[str] | None = None
    """A KMS key for storage, insights and the master secret; None for AWS managed keys. It cannot be changed later."""
    max_connections: int = 100
    slow_statement_ms: int = 1000
    insights: DatabaseInsights = "standard"
    """Database Insights: load by statement for seven days, which is free, or all metrics for fifteen months."""
    monitoring_interval_seconds: int = 0
    """The interval of Enhanced Monitoring; 0 for none."""
    multi_az: bool = False
    backup_retention_days: int = 1
    backup_window: str = "03:00-04:00"
    maintenance_window: str = "sun:04:00-sun:05:00"
    log_exports: Sequence[str] = ()
    """The logs that are exported to CloudWatch: postgresql, upgrade."""
    log_retention_days: int = 30
    log_key_arn: pulumi.Input[str] | None = None
    protected: bool = False
    """Refuse deletion, keep automated backups, and retain the instance when the program drops it.

    The final snapshot is `{identifier}-final`; RDS does not delete the database if that name is taken.
    """
    tags: pulumi.Input[dict[str, pulumi.Input[str]]] | None = None
    """Tags of the instance, in addition to the provider's."""

    def __post_init__(self) -> None:
        subnets = list(self.subnet_ids)
        check(self, "subnet_ids", len(subnets) >= 2, f"must be at least two subnets, not {len(subnets)}")
        check_names(self)
        check_storage(self)
        check_monitoring(self)
        check_choice(self, "insights", get_args(DatabaseInsights))
        check_range(self, "backup_retention_days", 0, 35)
        check(
            self,
            "backup_retention_days",
            not self.multi_az or self.backup_retention_days > 0,
            "must be at least 1 for Multi-AZ",
        )
        check_windows(self)
        for export in self.log_exports:
            check(
                self, "log_exports", export in LOG_EXPORTS, f"must be one of {', '.join(LOG_EXPORTS)}, not {export!r}"
            )
        check_unique(self, "log_exports", self.log_exports)
        check_choice(self, "log_retention_days", LOG_RETENTION_DAYS)


class PostgresDatabase(pulumi.ComponentResource):
    """One instance and its security group, which is closed until `allow_from` opens it."""

    address: pulumi.Output[str]
    port: pulumi.Output[int]
    endpoint: pulumi.Output[str]
    """`address:port`."""
    arn: pulumi.Output[str]
    identifier: pulumi.Output[str]
    database_name: pulumi.Output[str]
    master_secret_arn: pulumi.Output[str]
    """The secret that RDS creates, with `username` and `password`, and rotates every seven days."""
    security_group_id: pulumi.Output[str]

    def __init__(self, name: str, args: PostgresDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:PostgresDatabase", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_security_group()
        self._create_groups()
        self._create_log_groups()
        self._create_monitoring_role()
        self._create_instance()

        self.address = self._instance.address
        self.port = self._instance.port
        self.endpoint = pulumi.Output.format("{0}:{1}", self.address, self.port)
        self.arn = self._instance.arn
        self.identifier = self._instance.identifier
        self.database_name = self._instance.db_name
        self.master_secret_arn = self._instance.master_user_secrets.apply(_secret_arn)
        self.register_outputs({"address": self.address, "port": self.port, "arn": self.arn})

    def allow_from(self, caller: str, security_group_id: pulumi.Input[str]) -> aws.vpc.SecurityGroupIngressRule:
        """Let a security group connect. Clients that connect during the deployment must depend on the returned rule."""
        return allow_ingress(
            f"{self._name}-from-{caller}",
            self.security_group_id,
            PORT,
            f"PostgreSQL for {caller}",
            caller_group_id=security_group_id,
            opts=self._child,
        )

    def _create_security_group(self) -> None:
        # It initiates no connection, so it has no egress rules.
        self._security_group, _ = create_security_group(
            self._name,
            self._args.naming,
            "db",
            description="PostgreSQL, for the callers that its rules name",
            vpc_id=self._args.vpc_id,
            opts=self._child,
        )
        self.security_group_id = self._security_group.id

    def _create_groups(self) -> None:
        args = self._args
        self._subnets = aws.rds.SubnetGroup(
            f"{self._name}-subnets",
            name=args.naming.physical("db-subnet-group"),
            description="Private subnets of the database",
            subnet_ids=args.subnet_ids,
            opts=self._child,
        )
        family = f"postgres{ENGINE_VERSION}"
        self._parameters = aws.rds.ParameterGroup(
            f"{self._name}-parameters",
            name=args.naming.replaceable("db-parameters", family),
            family=family,
            description="TLS only; slow statements and connections are logged",
            parameters=engine_parameters(args),
            opts=self._child,
        )

    def _create_log_groups(self) -> None:
        # RDS would create them itself, without a retention period.
        self._log_groups = [
            aws.cloudwatch.LogGroup(
                f"{self._name}-log-{export}",
                name=f"/aws/rds/instance/{self._identifier}/{export}",
                retention_in_days=self._args.log_retention_days,
                kms_key_id=self._args.log_key_arn,
                opts=self._child,
            )
            for export in self._args.log_exports
        ]

    def _create_monitoring_role(self) -> None:
        self._monitoring: list[pulumi.Resource] = []
        self._monitoring_role_arn: pulumi.Output[str] | None = None
        if not self._args.monitoring_interval_seconds:
            return
        arn = self._security_group.arn
        role = aws.iam.Role(
            f"{self._name}-monitoring-role",
            name=self._args.naming.physical("db-monitoring-role"),
            description=f"Measures the operating system of {self._identifier}",
            assume_role_policy=pulumi.Output.json_dumps(monitoring_trust_policy(arn, self._identifier)),
            opts=self._child,
        )
        policy = aws.iam.RolePolicy(
            f"{self._name}-monitoring-policy",
            name="write-measurements",
            role=role.id,
            policy=pulumi.Output.json_dumps(policies.document(*monitoring_statements(arn))),
            opts=self._child,
        )
        self._monitoring, self._monitoring_role_arn = [policy], role.arn

    def _create_instance(self) -> None:
        args = self._args
        measured = args.insights in INSIGHTS_RETENTION_DAYS
        self._instance = aws.rds.Instance(
            f"{self._name}-instance",
            identifier=self._identifier,
            engine="postgres",
            engine_version=ENGINE_VERSION,
            auto_minor_version_upgrade=True,
            instance_class=args.instance_class,
            db_name=args.database_name,
            port=PORT,
            username=MASTER_USERNAME,
            manage_master_user_password=True,
            master_user_secret_kms_key_id=args.key_arn,
            iam_database_authentication_enabled=False,
            ca_cert_identifier=CERTIFICATE_AUTHORITY,
            storage_type="gp3",
            allocated_storage=args.storage_gb,
            max_allocated_storage=args.storage_limit_gb,
            iops=args.iops,
            storage_encrypted=True,
            kms_key_id=args.key_arn,
            multi_az=args.multi_az,
            publicly_accessible=False,
            db_subnet_group_name=self._subnets.name,
            vpc_security_group_ids=[self.security_group_id],
            parameter_group_name=self._parameters.name,
            backup_retention_period=args.backup_retention_days,
            backup_window=args.backup_window,
            maintenance_window=args.maintenance_window,
            copy_tags_to_snapshot=True,
            enabled_cloudwatch_logs_exports=list(args.log_exports),
            database_insights_mode=args.insights if measured else None,
            performance_insights_enabled=measured,
            performance_insights_retention_period=INSIGHTS_RETENTION_DAYS[args.insights] if measured else None,
            performance_insights_kms_key_id=args.key_arn if measured else None,
            monitoring_interval=args.monitoring_interval_seconds,
            monitoring_role_arn=self._monitoring_role_arn,
            deletion_protection=args.protected,
            delete_automated_backups=not args.protected,
            skip_final_snapshot=not args.protected,
            final_snapshot_identifier=f"{self._identifier}-final" if args.protected else None,
            tags=args.tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*self._log_groups, *self._monitoring],
                protect=args.protected,
                retain_on_delete=args.protected,
            ),
        )

    @property
    def _identifier(self) -> str:
        return self._args.naming.physical("db")


def _secret_arn(secrets: Sequence[aws.rds.outputs.InstanceMasterUserSecret] | None) -> str:
    # RDS returns exactly one, once it manages the password.
    arn = secrets[0].secret_arn if secrets else None
    if arn is None:
        raise ValueError("RDS returned no secret of the master user")
    return arn
