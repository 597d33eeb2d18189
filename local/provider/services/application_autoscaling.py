"""Application Auto Scaling: scalable targets and policies. The emulator stores them; nothing scales on this machine."""

from local.provider.resource_types.table import ResourceType

TYPES = (
    ResourceType(
        "aws:appautoscaling/target:Target",
        "application-autoscaling.register_scalable_target",
        id="{ResourceId}",
        outputs={"arn": "{ScalableTargetARN}"},
    ),
    ResourceType(
        "aws:appautoscaling/policy:Policy",
        "application-autoscaling.put_scaling_policy",
        {"name": "PolicyName"},
        id="{PolicyName}",
    ),
)
