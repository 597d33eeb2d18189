"""AWS Backup: vaults, vault locks and plans. The emulator stores them; no backups are made on this machine."""

from local.provider.resource_types.table import ResourceType


def _lifecycle(path: str) -> dict[str, str]:
    return {f"{path}.coldStorageAfter": "MoveToColdStorageAfterDays", f"{path}.deleteAfter": "DeleteAfterDays"}


TYPES = (
    ResourceType(
        "aws:backup/vault:Vault",
        "backup.create_backup_vault",
        {"kmsKeyArn": "EncryptionKeyArn"},
        id="{BackupVaultName}",
        ignore=("forceDestroy",),
    ),
    ResourceType(
        "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
        "backup.put_backup_vault_lock_configuration",
        id="{BackupVaultName}",
        outputs={"backupVaultArn": "arn:aws:backup:{Region}:{Account}:backup-vault:{BackupVaultName}"},
    ),
    ResourceType(
        "aws:backup/plan:Plan",
        "backup.create_backup_plan",
        {
            "name": "BackupPlan.BackupPlanName",
            "rules": "BackupPlan.Rules",
            "rules.targetVaultName": "TargetBackupVaultName",
            "rules.schedule": "ScheduleExpression",
            "rules.startWindow": "StartWindowMinutes",
            "rules.completionWindow": "CompletionWindowMinutes",
            **_lifecycle("rules.lifecycle"),
            "rules.copyActions.destinationVaultArn": "DestinationBackupVaultArn",
            **_lifecycle("rules.copyActions.lifecycle"),
        },
        id="{BackupPlanId}",
        outputs={"version": "{VersionId}"},
    ),
    ResourceType(
        "aws:backup/selection:Selection",
        None,
        recorded_only="the emulator has no CreateBackupSelection: the plan is stored without its resources",
    ),
)
