"""EventBridge Scheduler: schedules and their groups. The emulator only stores them; what they start is the runner's."""

from local.provider.resource_types.table import ResourceType

TYPES = (
    ResourceType(
        "aws:scheduler/scheduleGroup:ScheduleGroup",
        "scheduler.create_schedule_group",
        id="{Name}",
        outputs={"state": "ACTIVE"},
    ),
    ResourceType(
        "aws:scheduler/schedule:Schedule",
        "scheduler.create_schedule",
        {"target.sagemakerPipelineParameters.pipelineParameters": "PipelineParameterList"},
        id="{GroupName}/{Name}",
        defaults={"groupName": "default", "scheduleExpressionTimezone": "UTC", "state": "ENABLED"},
    ),
)
