"""Lambda: functions, who may call them, and what calls them."""

from local.provider.table import Call, FromResponse, Inputs, Naming, ResourceType

_INVOKE = "arn:aws:apigateway:{Region}:lambda:path/2015-03-31/functions/{%s}/invocations"


def _disabled(inputs: Inputs) -> Inputs:
    """The emulator must not poll: it would take the messages without running the function. Our own poller does."""
    return {**inputs, "enabled": False}


TYPES = (
    ResourceType(
        "aws:lambda/function:Function",
        "lambda.create_function",
        {
            "name": "FunctionName",
            "code": "Code.ZipFile",
            "s3Bucket": "Code.S3Bucket",
            "s3Key": "Code.S3Key",
            "s3ObjectVersion": "Code.S3ObjectVersion",
            "durableConfig.retentionPeriod": "RetentionPeriodInDays",
        },
        id="{FunctionName}",
        ignore=(
            "codeSha256",
            "sourceCodeHash",
            "skipDestroy",
            "replaceSecurityGroupsOnDestroy",
            "replacementSecurityGroupIds",
            "useResourceTimeoutForPropagation",
        ),
        then=(Call(operation="put_function_concurrency"),),
        outputs={
            "invokeArn": _INVOKE % "FunctionArn",
            "qualifiedArn": "{FunctionArn}:{Version}",
            "qualifiedInvokeArn": _INVOKE % "FunctionArn}:{Version",
            "sourceCodeSize": FromResponse("CodeSize"),
        },
    ),
    ResourceType(
        "aws:lambda/alias:Alias",
        "lambda.create_alias",
        id="{AliasArn}",
        outputs={"arn": "{AliasArn}", "invokeArn": _INVOKE % "AliasArn"},
    ),
    ResourceType(
        "aws:lambda/permission:Permission",
        "lambda.add_permission",
        {"function": "FunctionName"},
        id="{StatementId}",
        naming=Naming(input_name="statementId"),
    ),
    ResourceType(
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        "lambda.create_event_source_mapping",
        {"destinationConfig.onFailure.destinationArn": "Destination"},
        id="{UUID}",
        ignore=("useResourceTimeoutForPropagation",),
        defaults={"enabled": True},
        prepare=_disabled,
        outputs={"state": lambda inputs, _: "Enabled" if inputs["enabled"] else "Disabled"},
    ),
    ResourceType("aws:lambda/invocation:Invocation", None),
)
