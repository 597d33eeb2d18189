"""The backup plan component, read back from the emulator."""

import json
from collections.abc import Callable

import pytest

from components.backup_plan import BackupPlan, BackupPlanArgs, BackupRule
from components.naming import Naming
from local.account import LocalAccount
from local.engines.in_process import deploy
from local.errors import RegistrationError
from local.provider.provider import Created, LocalProvider

PLAN, VAULT, LOCK = (
    f"aws:backup/{name[0].lower()}{name[1:]}:{name}" for name in ("Plan", "Vault", "VaultLockConfiguration")
)
RULES = [
    BackupRule(name="monthly", schedule="cron(0 7 1 * ? *)", delete_after_days=365),
    BackupRule(name="yearly", schedule="cron(0 8 1 1 ? *)", delete_after_days=2_555),
]
TAGS = {"Project": "saved"}
Create = Callable[..., Created]


class TestBackupPlan:
    def test_component_is_stored_as_registered(self, provider: LocalProvider, account: LocalAccount) -> None:
        def program() -> None:
            BackupPlan(
                "archive",
                BackupPlanArgs(
                    naming=Naming("saved", "dev"),
                    rules=RULES,
                    resource_arns=["arn:aws:rds:us-east-1:123456789012:db:saved"],
                    key_arn="alias/saved",
                ),
            )

        config = {"aws:defaultTags": json.dumps({"tags": TAGS})}
        deployment = deploy(program, project="saved", stack="dev", config=config, provider=provider)
        states = {each.name: each.state for each in deployment.resources}
        assert states.pop("archive-selection") == "recorded-only"
        assert set(states.values()) == {"applied"}

        backup = account.client("backup")
        vault = backup.describe_backup_vault(BackupVaultName="saved-backups-dev")
        assert vault["EncryptionKeyArn"] == "alias/saved"
        made = {each.name: each for each in deployment.resources}
        assert made["archive-vault"].outputs["arn"] == vault["BackupVaultArn"]
        assert backup.list_tags(ResourceArn=vault["BackupVaultArn"])["Tags"] == TAGS

        plan = made["archive-plan"]
        read = backup.get_backup_plan(BackupPlanId=plan.id)
        assert (plan.outputs["arn"], plan.outputs["version"]) == (read["BackupPlanArn"], read["VersionId"])
        monthly, yearly = read["BackupPlan"]["Rules"]
        expected = {
            "RuleName": "monthly",
            "TargetBackupVaultName": "saved-backups-dev",
            "ScheduleExpression": "cron(0 7 1 * ? *)",
            "ScheduleExpressionTimezone": "Etc/UTC",
            "StartWindowMinutes": 60,
            "CompletionWindowMinutes": 600,
            "Lifecycle": {"DeleteAfterDays": 365},
            "RecoveryPointTags": {"Environment": "development", "Project": "saved", "Rule": "monthly"},
        }
        assert {name: monthly[name] for name in expected} == expected
        assert yearly["Lifecycle"] == {"DeleteAfterDays": 2_555}

    def test_lock_is_kept(self, create: Create, account: LocalAccount) -> None:
        create(VAULT, "locked", name="locked")
        create(LOCK, "locked", backupVaultName="locked", minRetentionDays=365, maxRetentionDays=2_555)
        vault = account.client("backup").describe_backup_vault(BackupVaultName="locked")
        expected = {"Locked": True, "MinRetentionDays": 365, "MaxRetentionDays": 2_555}
        assert {name: vault[name] for name in expected} == expected
        # A lock with a date is one that nobody can ever lift.
        assert "LockDate" not in vault

    def test_selection_says_why_it_is_recorded_only(self, create: Create) -> None:
        made = create("aws:backup/selection:Selection", "all", name="all", planId="p", iamRoleArn="r")
        assert (made.state, made.outputs["name"]) == ("recorded-only", "all")
        assert "CreateBackupSelection" in made.reason

    def test_copy_actions_are_stored(self, create: Create, account: LocalAccount) -> None:
        copy = {"destinationVaultArn": "arn:aws:backup:eu-west-1:1:backup-vault:far", "lifecycle": {"deleteAfter": 100}}
        plan = create(
            PLAN,
            "far",
            name="far",
            rules=[
                {
                    "ruleName": "daily",
                    "targetVaultName": "near",
                    "lifecycle": {"coldStorageAfter": 30, "deleteAfter": 365},
                    "copyActions": [copy],
                }
            ],
        )
        (rule,) = account.client("backup").get_backup_plan(BackupPlanId=plan.id)["BackupPlan"]["Rules"]
        assert rule["Lifecycle"] == {"MoveToColdStorageAfterDays": 30, "DeleteAfterDays": 365}
        assert rule["CopyActions"] == [
            {"DestinationBackupVaultArn": copy["destinationVaultArn"], "Lifecycle": {"DeleteAfterDays": 100}}
        ]

    @pytest.mark.parametrize(
        ("type_", "inputs", "problem"),
        [
            (VAULT, {"name": "no spaces"}, "'no spaces' does not match"),
            (PLAN, {"name": "empty"}, r"BackupPlan\.Rules is required"),
            (PLAN, {"name": "bad", "rules": [{"ruleName": "daily", "colour": "blue"}]}, r"rules\.colour"),
            (LOCK, {"backupVaultName": "nowhere", "minRetentionDays": 1}, "ResourceNotFoundException"),
        ],
    )
    def test_invalid_inputs_are_rejected(
        self, create: Create, type_: str, inputs: dict[str, object], problem: str
    ) -> None:
        with pytest.raises(RegistrationError, match=problem):
            create(type_, "bad", **inputs)
