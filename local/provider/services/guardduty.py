"""GuardDuty: malware protection of buckets."""

from local.provider.resource_types.table import ResourceType

TYPES = (
    ResourceType(
        "aws:guardduty/malwareProtectionPlan:MalwareProtectionPlan",
        None,
        recorded_only="the emulator has no CreateMalwareProtectionPlan: objects are neither scanned nor tagged",
    ),
)
