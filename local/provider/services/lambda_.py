"""Lambda: functions, who may call them, and what calls them."""

import base64
import hashlib
import json
from functools import lru_cache
from pathlib import Path

import pulumi

from local.provider.resource_types.table import Call, FromResponse, Inputs, Naming, ResourceType

# What the emulator is sent for a zip on this machine: a zip with this one file, which says what the other one is.
DESCRIPTION = "code-on-this-machine.json"
_INVOKE = "arn:aws:apigateway:{Region}:lambda:path/2015-03-31/functions/{%s}/invocations"


@lru_cache(maxsize=64)
def _described(path: Path, _modified_ns: int, size: int) -> dict[str, str | int]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    return {"path": str(path), "CodeSha256": base64.b64encode(digest).decode(), "CodeSize": size}


def _description(inputs: Inputs) -> dict[str, str | int]:
    """What is known of the code of a function whose code is one file; empty for another."""
    code = inputs.get("code")
    if not isinstance(code, pulumi.FileArchive) or not (path := Path(code.path)).is_file():
        return {}
    facts = path.stat()
    return _described(path.resolve(), facts.st_mtime_ns, facts.st_size)


def _code_by_description(inputs: Inputs) -> Inputs:
    """The emulator runs no code. Sending it 30 MB in JSON takes half a second a function, which describing them does not."""
    if not (description := _description(inputs)):
        return inputs
    text = pulumi.StringAsset(json.dumps(description, sort_keys=True))
    return {**inputs, "code": pulumi.AssetArchive({DESCRIPTION: text})}


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
        prepare=_code_by_description,
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
