"""CloudWatch Logs: log groups, resource policies, and deliveries of other services' logs."""

from local.provider.resource_types.known_values import KnownValues
from local.provider.resource_types.table import Call, Inputs, ResourceType


def _policy_name(inputs: Inputs, _: KnownValues) -> str:
    """Return the policy's name, or for a resource-scoped policy its resource."""
    return str(inputs.get("policyName") or inputs["resourceArn"])


TYPES = (
    ResourceType(
        "aws:cloudwatch/logGroup:LogGroup",
        "logs.create_log_group",
        {"name": "logGroupName"},
        id="{LogGroupName}",
        ignore=("skipDestroy",),
        then=(Call(operation="put_retention_policy"),),
        outputs={"arn": "arn:aws:logs:{Region}:{Account}:log-group:{LogGroupName}"},
    ),
    ResourceType("aws:cloudwatch/logResourcePolicy:LogResourcePolicy", "logs.put_resource_policy", id=_policy_name),
    ResourceType(
        "aws:cloudwatch/logDeliverySource:LogDeliverySource",
        "logs.put_delivery_source",
        id="{Name}",
    ),
    ResourceType(
        "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination",
        "logs.put_delivery_destination",
        id="{Name}",
    ),
    ResourceType(
        "aws:cloudwatch/logDelivery:LogDelivery",
        "logs.create_delivery",
        {"s3DeliveryConfigurations": "s3DeliveryConfiguration"},
        id="{Id}",
    ),
)
