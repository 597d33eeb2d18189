"""CloudWatch Logs: log groups."""

from local.provider.table import Call, ResourceType

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
)
