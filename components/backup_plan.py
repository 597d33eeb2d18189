"""Archives beyond what each service keeps itself: a vault, the rules that fill it, and whatever they save."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import check, check_range, check_unique
from components.naming import Naming
from components.schedule import expression_problem

# AWS asks that what was moved to cold storage stays there for so long.
LEAST_COLD_DAYS = 90
LONGEST_DAYS = 36_500
WORDS = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# AWS's own policies for the role. A bucket needs the third beside the first.
MANAGED = {
    "backup": "service-role/AWSBackupServiceRolePolicyForBackup",
    "restores": "service-role/AWSBackupServiceRolePolicyForRestores",
    "s3-backup": "AWSBackupServiceRolePolicyForS3Backup",
    "s3-restores": "AWSBackupServiceRolePolicyForS3Restore",
}


@dataclass(frozen=True, kw_only=True)
class BackupRule:
    """When a backup is made, and how long it is kept."""

    name: str
    schedule: str
    """AWS's own words, in UTC. RDS makes none within an hour of its own backup and maintenance windows, nor in them."""
    delete_after_days: int
    cold_after_days: int | None = None
    """Moved to cheaper storage then, where the kind of thing has one (RDS and S3 have none, and stay). None for never."""
    start_within_minutes: int = 60
    complete_within_minutes: int = 600

    def __post_init__(self) -> None:
        check(
            self, "name", bool(WORDS.fullmatch(self.name)), f"must be lower-case words with hyphens, not {self.name!r}"
        )
        cron = self.schedule.startswith("cron(")
        problem = expression_problem(self.schedule) if cron else f"must be a cron expression, not {self.schedule!r}"
        check(self, "schedule", not problem, problem)
        check_range(self, "delete_after_days", 1, LONGEST_DAYS)
        check_range(self, "cold_after_days", 1, LONGEST_DAYS)
        if self.cold_after_days is not None:
            least = self.cold_after_days + LEAST_COLD_DAYS
            kept = self.delete_after_days >= least
            check(
                self, "delete_after_days", kept, f"must be at least {least}: what is cold stays {LEAST_COLD_DAYS} days"
            )
        check_range(self, "start_within_minutes", 60, 1_440)
        check_range(self, "complete_within_minutes", 120, 10_080)
        longer = self.complete_within_minutes >= self.start_within_minutes + 60
        check(self, "complete_within_minutes", longer, "must be at least an hour longer than start_within_minutes")


MONTHLY_ARCHIVE = BackupRule(name="monthly", schedule="cron(0 7 1 * ? *)", delete_after_days=365)


@dataclass(frozen=True, kw_only=True)
class BackupPlanArgs:
    """What is saved: the things named, or all of this environment that carry certain tags."""

    naming: Naming
    rules: Sequence[BackupRule] = (MONTHLY_ARCHIVE,)
    resource_arns: Sequence[pulumi.Input[str]] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    """`{"Backup": "critical"}`, say. Whatever carries all of them, and the tags of this project and environment."""
    buckets: bool = False
    """Whether buckets are among it: the role then may read and restore them. They must be versioned."""
    key_arn: pulumi.Input[str] | None = None
    """The vault's key, at a price by the month; None for AWS's own, whose backups can never be copied to another account."""
    lock: bool = False
    """Nobody deletes a backup earlier than the rules do, nor keeps it longer, without a right of its own to lift the lock."""
    protected: bool = False
    """Refuse the vault's deletion while there are backups in it, and leave it behind when the program drops it."""

    def __post_init__(self) -> None:
        check(self, "rules", bool(self.rules), "must be at least one")
        check_unique(self, "rules", [rule.name for rule in self.rules])
        one = bool(self.resource_arns) != bool(self.tags)
        check(self, "resource_arns", one, "must be given, or tags: exactly one of the two")


class BackupPlan(pulumi.ComponentResource):
    """The vault, its lock, the plan, and the role that reads what is saved."""

    vault_name: pulumi.Output[str]
    vault_arn: pulumi.Output[str]
    plan_id: pulumi.Output[str]
    role_arn: pulumi.Output[str]
    """The role that makes backups, and restores them too."""

    def __init__(self, name: str, args: BackupPlanArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:BackupPlan", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_vault()
        self._create_plan()
        self._create_role()
        self._create_selection()

        self.vault_name, self.vault_arn = self._vault.name, self._vault.arn
        self.plan_id = self._plan.id
        self.role_arn = self._role.arn
        self.register_outputs({"vault_arn": self.vault_arn, "plan_id": self.plan_id})

    def _create_vault(self) -> None:
        args = self._args
        self._vault = aws.backup.Vault(
            f"{self._name}-vault",
            name=args.naming.physical("backups"),
            kms_key_arn=args.key_arn,
            force_destroy=not args.protected,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected, retain_on_delete=args.protected),
        )
        if args.lock:
            # Without days of grace the lock is one that the right to lift it can lift. With them nobody could, ever again.
            aws.backup.VaultLockConfiguration(
                f"{self._name}-lock",
                backup_vault_name=self._vault.name,
                min_retention_days=min(rule.delete_after_days for rule in args.rules),
                max_retention_days=max(rule.delete_after_days for rule in args.rules),
                opts=self._child,
            )

    def _create_plan(self) -> None:
        self._plan = aws.backup.Plan(
            f"{self._name}-plan",
            name=self._args.naming.physical("backups"),
            rules=[
                aws.backup.PlanRuleArgs(
                    rule_name=rule.name,
                    target_vault_name=self._vault.name,
                    schedule=rule.schedule,
                    schedule_expression_timezone="Etc/UTC",
                    start_window=rule.start_within_minutes,
                    completion_window=rule.complete_within_minutes,
                    lifecycle=aws.backup.PlanRuleLifecycleArgs(
                        cold_storage_after=rule.cold_after_days, delete_after=rule.delete_after_days
                    ),
                    recovery_point_tags=self._args.naming.default_tags | {"Rule": rule.name},
                )
                for rule in self._args.rules
            ],
            opts=self._child,
        )

    def _create_role(self) -> None:
        args = self._args
        own_account = {"StringEquals": {"aws:SourceAccount": policies.account_of(self._vault.arn)}}
        self._role = aws.iam.Role(
            f"{self._name}-role",
            name=args.naming.physical("backup-role"),
            description="What AWS Backup may read to save it, and write to restore it",
            assume_role_policy=pulumi.Output.json_dumps(policies.trust("backup.amazonaws.com", condition=own_account)),
            opts=self._child,
        )
        self._rights = [
            aws.iam.RolePolicyAttachment(
                f"{self._name}-may-{what}",
                role=self._role.name,
                policy_arn=f"arn:aws:iam::aws:policy/{policy}",
                opts=self._child,
            )
            for what, policy in MANAGED.items()
            if args.buckets or not what.startswith("s3-")
        ]

    def _create_selection(self) -> None:
        args = self._args
        conditions = None
        if args.tags:
            # All of them: a tag by itself would also save what other environments of the account have.
            wanted = args.naming.default_tags | dict(args.tags)
            conditions = [
                aws.backup.SelectionConditionArgs(
                    string_equals=[
                        aws.backup.SelectionConditionStringEqualArgs(key=f"aws:ResourceTag/{tag}", value=value)
                        for tag, value in wanted.items()
                    ]
                )
            ]
        aws.backup.Selection(
            f"{self._name}-selection",
            name=args.naming.physical("backups"),
            plan_id=self._plan.id,
            iam_role_arn=self._role.arn,
            resources=["*"] if args.tags else list(args.resource_arns),
            conditions=conditions,
            # The first backup of a role without its rights fails.
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(self._rights)),
        )
