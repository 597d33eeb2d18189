"""EventBridge Scheduler: schedules and schedule groups. The emulator stores them; the runner invokes their targets."""

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
