"""Archives beyond each service's own backups: a vault, a backup plan, and the resources it saves."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import check, check_range, check_unique
from components.naming import Naming
from components.schedule import expression_problem

# A backup that has not started or completed in time is cancelled. An hour to start is the default of AWS.
START_WITHIN_MINUTES, COMPLETE_WITHIN_MINUTES = 60, 600
MAX_RETENTION_DAYS = 36_500
KEBAB_CASE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# The AWS managed policies of the role.
MANAGED = {
    "backup": "service-role/AWSBackupServiceRolePolicyForBackup",
    "restores": "service-role/AWSBackupServiceRolePolicyForRestores",
}


@dataclass(frozen=True, kw_only=True)
class BackupRule:
    """The schedule and the retention of a backup."""

    name: str
    schedule: str
    """A cron expression in UTC. RDS makes no backup during, or within an hour of, its own backup and maintenance windows."""
    delete_after_days: int

    def __post_init__(self) -> None:
        check(
            self,
            "name",
            bool(KEBAB_CASE.fullmatch(self.name)),
            f"must be lower-case words with hyphens, not {self.name!r}",
        )
        cron = self.schedule.startswith("cron(")
        problem = expression_problem(self.schedule) if cron else f"must be a cron expression, not {self.schedule!r}"
        check(self, "schedule", not problem, problem)
        check_range(self, "delete_after_days", 1, MAX_RETENTION_DAYS)


@dataclass(frozen=True, kw_only=True)
class BackupPlanArgs:
    """The resources to save, and the schedule."""

    naming: Naming
    rules: Sequence[BackupRule]
    resource_arns: Sequence[pulumi.Input[str]]
    """The resources to save. Buckets need managed policies that the role does not have."""
    key_arn: pulumi.Input[str] | None = None
    """A KMS key for the vault; None for the AWS managed key, whose backups cannot be copied to another account."""
    protected: bool = False
    """Refuse deletion of a vault that holds backups, and retain it when the program drops it."""

    def __post_init__(self) -> None:
        check(self, "rules", bool(self.rules), "must be at least one")
        check_unique(self, "rules", [rule.name for rule in self.rules])
        check(self, "resource_arns", bool(self.resource_arns), "must be at least one")


class BackupPlan(pulumi.ComponentResource):
    """The vault, the plan, and the role that reads the resources."""

    vault_name: pulumi.Output[str]

    def __init__(self, name: str, args: BackupPlanArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:BackupPlan", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_vault()
        self._create_plan()
        self._create_role()
        self._create_selection()

        self.vault_name = self._vault.name
        self.register_outputs({"vault_name": self.vault_name})

    def _create_vault(self) -> None:
        args = self._args
        self._vault = aws.backup.Vault(
            f"{self._name}-vault",
            name=args.naming.physical("backups"),
            kms_key_arn=args.key_arn,
            force_destroy=not args.protected,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected, retain_on_delete=args.protected),
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
                    start_window=START_WITHIN_MINUTES,
                    completion_window=COMPLETE_WITHIN_MINUTES,
                    lifecycle=aws.backup.PlanRuleLifecycleArgs(delete_after=rule.delete_after_days),
                    recovery_point_tags=self._args.naming.default_tags | {"Rule": rule.name},
                )
                for rule in self._args.rules
            ],
            opts=self._child,
        )

    def _create_role(self) -> None:
        args = self._args
        own_account = {"StringEquals": {"aws:SourceAccount": policies.account_id_of(self._vault.arn)}}
        self._role = aws.iam.Role(
            f"{self._name}-role",
            name=args.naming.physical("backup-role"),
            description="What AWS Backup may read to save it, and write to restore it",
            assume_role_policy=pulumi.Output.json_dumps(
                policies.trust_policy("backup.amazonaws.com", condition=own_account)
            ),
            opts=self._child,
        )
        self._role_policies = [
            aws.iam.RolePolicyAttachment(
                f"{self._name}-may-{purpose}",
                role=self._role.name,
                policy_arn=f"arn:aws:iam::aws:policy/{policy}",
                opts=self._child,
            )
            for purpose, policy in MANAGED.items()
        ]

    def _create_selection(self) -> None:
        args = self._args
        aws.backup.Selection(
            f"{self._name}-selection",
            name=args.naming.physical("backups"),
            plan_id=self._plan.id,
            iam_role_arn=self._role.arn,
            resources=list(args.resource_arns),
            # The first backup of a role without its policies fails.
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(self._role_policies)),
        )
