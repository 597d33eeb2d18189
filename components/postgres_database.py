"""A PostgreSQL database on RDS: encrypted, private, TLS only, its master password known to Secrets Manager alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import LOG_RETENTION_DAYS, check, check_choice, check_range, check_unique, is_plain
from components.naming import Naming

PORT = 5432
MINUTES_OF_A_DAY = 24 * 60

# The least gp3 storage for which RDS takes a PostgreSQL instance's IOPS; below it every volume has 3,000.
# Source: "You can't specify IOPS or storage throughput for engine postgres and a storage size less than 400".
IOPS_STORAGE_GB = 400
IOPS_LOW, IOPS_HIGH = 12_000, 64_000

LOG_EXPORTS = ("postgresql", "upgrade")
DAILY_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
WEEKLY_WINDOW = re.compile(
    r"(?P<from>mon|tue|wed|thu|fri|sat|sun):(\d\d:\d\d)-(mon|tue|wed|thu|fri|sat|sun):(\d\d:\d\d)"
)


@dataclass(frozen=True, kw_only=True)
class PostgresDatabaseArgs:
    """A database. The windows are UTC; no two of them may overlap."""

    naming: Naming
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    """Private subnets in at least two zones."""
    database_name: str
    master_username: str = "postgres"
    engine_version: str = "18"
    """A major version: RDS then picks and upgrades the minor one."""
    instance_class: pulumi.Input[str]
    storage_gb: int
    storage_limit_gb: int | None = None
    """Up to where storage grows by itself; None for not at all."""
    iops: int | None = None
    max_connections: int = 100
    slow_statement_ms: int = 1000
    idle_in_transaction_timeout_ms: int = 60_000
    multi_az: bool = False
    backup_retention_days: int = 1
    backup_window: str = "03:00-04:00"
    maintenance_window: str = "sun:04:00-sun:05:00"
    log_exports: Sequence[str] = ()
    """Which logs go to CloudWatch: postgresql, upgrade."""
    log_retention_days: int = 30
    protected: bool = False
    """Refuse deletion, keep backups, take a last snapshot, and leave the instance behind when the program drops it."""
    tags: pulumi.Input[dict[str, pulumi.Input[str]]] | None = None
    """Of the instance, beside the provider's."""

    def __post_init__(self) -> None:
        subnets = list(self.subnet_ids)
        check(self, "subnet_ids", len(subnets) >= 2, f"must be at least two subnets, not {len(subnets)}")
        self._check_names()
        self._check_storage()
        check_range(self, "max_connections", 20, 5_000)
        check_range(self, "slow_statement_ms", 0, 3_600_000)
        check_range(self, "idle_in_transaction_timeout_ms", 1_000, 86_400_000)
        check_range(self, "backup_retention_days", 0, 35)
        check(
            self,
            "backup_retention_days",
            not self.multi_az or self.backup_retention_days > 0,
            "must be at least 1 for Multi-AZ",
        )
        self._check_windows()
        for export in self.log_exports:
            check(self, "log_exports", export in LOG_EXPORTS, f"must be of {', '.join(LOG_EXPORTS)}, not {export!r}")
        check_unique(self, "log_exports", self.log_exports)
        check_choice(self, "log_retention_days", LOG_RETENTION_DAYS)

    def _check_names(self) -> None:
        name = re.compile(r"[a-z_][a-z0-9_]{0,62}")
        for field in ("database_name", "master_username"):
            value = getattr(self, field)
            check(self, field, bool(name.fullmatch(value)), f"must be a plain lower-case SQL name, not {value!r}")
        check(
            self,
            "engine_version",
            bool(re.fullmatch(r"\d+", self.engine_version)),
            f"must be a major version such as 18, not {self.engine_version!r}",
        )
        if is_plain(self.instance_class):
            shape = re.fullmatch(r"db\.[a-z][a-z0-9-]*\.[a-z0-9]+", str(self.instance_class))
            problem = f"must be a class such as db.t3.small, not {self.instance_class!r}"
            check(self, "instance_class", bool(shape), problem)

    def _check_storage(self) -> None:
        check_range(self, "storage_gb", 20, 65_536)
        check_range(self, "storage_limit_gb", 20, 65_536)
        if self.storage_limit_gb is not None:
            # RDS wants room for at least one step of a tenth.
            least = -(-self.storage_gb * 11 // 10)
            problem = f"must be at least a tenth above storage_gb ({least}), not {self.storage_limit_gb}"
            check(self, "storage_limit_gb", self.storage_limit_gb >= least, problem)
        if self.iops is not None:
            problem = f"must be left out below {IOPS_STORAGE_GB} GB of storage, where every volume has 3,000"
            check(self, "iops", self.storage_gb >= IOPS_STORAGE_GB, problem)
            check_range(self, "iops", IOPS_LOW, IOPS_HIGH)

    def _check_windows(self) -> None:
        daily = DAILY_WINDOW.fullmatch(self.backup_window)
        check(self, "backup_window", bool(daily), f"must be like 03:00-04:00, not {self.backup_window!r}")
        weekly = WEEKLY_WINDOW.fullmatch(self.maintenance_window)
        times = f"{weekly[2]}-{weekly[4]}" if weekly else ""
        problem = f"must be like sun:04:00-sun:05:00, not {self.maintenance_window!r}"
        check(self, "maintenance_window", bool(DAILY_WINDOW.fullmatch(times)), problem)
        for field, window in (("backup_window", self.backup_window), ("maintenance_window", times)):
            check(self, field, len(_minutes(window)) >= 30, "must be at least 30 minutes long")
        overlap = _minutes(self.backup_window) & _minutes(times)
        check(self, "maintenance_window", not overlap, f"must not overlap the backup window {self.backup_window}")


class PostgresDatabase(pulumi.ComponentResource):
    """One instance that nothing may reach until `admit` names the caller's security group."""

    address: pulumi.Output[str]
    port: pulumi.Output[int]
    endpoint: pulumi.Output[str]
    """`address:port`."""
    arn: pulumi.Output[str]
    database_name: pulumi.Output[str]
    master_secret_arn: pulumi.Output[str]
    """Secret of RDS's own making, with `username` and `password`."""
    security_group_id: pulumi.Output[str]

    def __init__(self, name: str, args: PostgresDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:PostgresDatabase", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_security_group()
        self._create_groups()
        self._create_log_groups()
        self._create_instance()

        self.address = self._instance.address
        self.port = self._instance.port
        self.endpoint = pulumi.Output.format("{0}:{1}", self.address, self.port)
        self.arn = self._instance.arn
        self.database_name = self._instance.db_name
        self.master_secret_arn = self._instance.master_user_secrets.apply(_secret_arn)
        self.register_outputs({"address": self.address, "port": self.port, "arn": self.arn})

    def admit(self, caller: str, security_group_id: pulumi.Input[str]) -> aws.vpc.SecurityGroupIngressRule:
        """Lets a security group connect. Whoever calls the database at deploy time must wait for the rule."""
        return aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-from-{caller}",
            security_group_id=self.security_group_id,
            referenced_security_group_id=security_group_id,
            ip_protocol="tcp",
            from_port=PORT,
            to_port=PORT,
            description=f"PostgreSQL for {caller}",
            opts=self._child,
        )

    def _create_security_group(self) -> None:
        description = "PostgreSQL, for the callers that its rules name"
        physical = self._args.naming.replaceable("db-sg", description)
        group = aws.ec2.SecurityGroup(
            f"{self._name}-security-group",
            name=physical,
            description=description,
            vpc_id=self._args.vpc_id,
            tags={"Name": physical},
            opts=self._child,
        )
        self.security_group_id = group.id

    def _create_groups(self) -> None:
        args = self._args
        self._subnets = aws.rds.SubnetGroup(
            f"{self._name}-subnets",
            name=args.naming.physical("db-subnet-group"),
            description="Private subnets of the database",
            subnet_ids=args.subnet_ids,
            opts=self._child,
        )
        family = f"postgres{args.engine_version}"
        # A static parameter is taken at the next start; AWS refuses to apply it at once.
        parameters = [
            ("rds.force_ssl", "1", "immediate"),
            ("log_min_duration_statement", str(args.slow_statement_ms), "immediate"),
            ("log_connections", "1", "immediate"),
            ("idle_in_transaction_session_timeout", str(args.idle_in_transaction_timeout_ms), "immediate"),
            ("max_connections", str(args.max_connections), "pending-reboot"),
        ]
        self._parameters = aws.rds.ParameterGroup(
            f"{self._name}-parameters",
            name=args.naming.replaceable("db-parameters", family),
            family=family,
            description="TLS only; slow statements and connections are logged",
            parameters=[
                aws.rds.ParameterGroupParameterArgs(name=parameter, value=value, apply_method=when)
                for parameter, value, when in parameters
            ],
            opts=self._child,
        )

    def _create_log_groups(self) -> None:
        # RDS would make them itself, but to be kept for ever.
        self._log_groups = [
            aws.cloudwatch.LogGroup(
                f"{self._name}-log-{export}",
                name=f"/aws/rds/instance/{self._identifier}/{export}",
                retention_in_days=self._args.log_retention_days,
                opts=self._child,
            )
            for export in self._args.log_exports
        ]

    def _create_instance(self) -> None:
        args = self._args
        self._instance = aws.rds.Instance(
            f"{self._name}-instance",
            identifier=self._identifier,
            engine="postgres",
            engine_version=args.engine_version,
            auto_minor_version_upgrade=True,
            instance_class=args.instance_class,
            db_name=args.database_name,
            port=PORT,
            username=args.master_username,
            manage_master_user_password=True,
            storage_type="gp3",
            allocated_storage=args.storage_gb,
            max_allocated_storage=args.storage_limit_gb,
            iops=args.iops,
            storage_encrypted=True,
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
            deletion_protection=args.protected,
            delete_automated_backups=not args.protected,
            skip_final_snapshot=not args.protected,
            final_snapshot_identifier=f"{self._identifier}-final" if args.protected else None,
            tags=args.tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=self._log_groups,
                protect=args.protected,
                retain_on_delete=args.protected,
            ),
        )

    @property
    def _identifier(self) -> str:
        return self._args.naming.physical("db")


def _secret_arn(secrets: Sequence[aws.rds.outputs.InstanceMasterUserSecret] | None) -> str:
    # RDS answers exactly one, once the instance manages its password.
    arn = secrets[0].secret_arn if secrets else None
    if arn is None:
        raise ValueError("RDS answered no secret for the master user")
    return arn


def _minutes(window: str) -> set[int]:
    """The minutes of the day that a window covers; one that passes midnight goes on in the morning."""
    start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in window.split("-"))
    return {minute % MINUTES_OF_A_DAY for minute in range(start, end if end > start else end + MINUTES_OF_A_DAY)}
