from typing import Any

import pytest

from components.backup_plan import BackupPlan, BackupPlanArgs, BackupRule
from components.naming import Naming

NAMING = Naming("episode-metadata", "production")
DATABASE = "arn:aws:rds:us-east-1:123456789012:db:episode-metadata-db-production"
OWN_TAGS = {"Environment": "production", "Project": "episode-metadata"}


def rule(**changes: Any) -> Any:
    return BackupRule(
        **dict[str, Any]({"name": "monthly", "schedule": "cron(0 7 1 * ? *)", "delete_after_days": 365}) | changes
    )


def args(**changes: Any) -> Any:
    return BackupPlanArgs(
        **dict[str, Any]({"naming": NAMING, "rules": [rule()], "resource_arns": [DATABASE]}) | changes
    )


COUNTS = {"Vault": 1, "Plan": 1, "Role": 1, "RolePolicyAttachment": 2, "Selection": 1}


class TestRegister:
    @pytest.mark.requirement("ROAD-08", "ROAD-139", "LX-88")
    def test_the_database_is_archived_every_month_and_kept_for_a_year(self, register: Any) -> None:
        graph = register(lambda: BackupPlan("archive", args()))
        assert graph.counts == COUNTS
        plan = graph.one("Plan").inputs
        assert plan == {
            "name": "episode-metadata-backups-production",
            "rules": [
                {
                    "ruleName": "monthly",
                    "targetVaultName": "episode-metadata-backups-production",
                    "schedule": "cron(0 7 1 * ? *)",
                    "scheduleExpressionTimezone": "Etc/UTC",
                    "startWindow": 60,
                    "completionWindow": 600,
                    "lifecycle": {"deleteAfter": 365},
                    "recoveryPointTags": OWN_TAGS | {"Rule": "monthly"},
                }
            ],
        }
        selection = graph.one("Selection")
        assert selection.inputs["resources"] == [DATABASE]
        assert "conditions" not in selection.inputs
        assert graph.named("archive-role").urn in selection.property_dependencies["iamRoleArn"]

    def test_only_aws_backup_of_this_account_takes_the_role_on(self, register: Any) -> None:
        graph = register(lambda: BackupPlan("archive", args()))
        (statement,) = graph.statements("archive-role", "assumeRolePolicy").values()
        assert statement["Principal"] == {"Service": "backup.amazonaws.com"}
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
        prefix = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor"
        assert {each.inputs["policyArn"] for each in graph.of("RolePolicyAttachment")} == {
            f"{prefix}Backup",
            f"{prefix}Restores",
        }
        assert all(graph.depends("archive-selection", each.name) for each in graph.of("RolePolicyAttachment"))

    @pytest.mark.parametrize("protected", [True, False])
    def test_vault_that_is_protected_is_not_emptied_nor_deleted(self, register: Any, protected: Any) -> None:
        key = "arn:aws:kms:us-east-1:123456789012:key/1"
        vault = register(lambda: BackupPlan("archive", args(protected=protected, key_arn=key))).one("Vault")
        assert vault.protect == protected
        assert vault.inputs == {
            "name": "episode-metadata-backups-production",
            "kmsKeyArn": key,
            "forceDestroy": not protected,
        }
