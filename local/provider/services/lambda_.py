"""Lambda: functions, aliases, permissions, event source mappings and invocations."""

import base64
import hashlib
import json
from functools import lru_cache
from pathlib import Path

import pulumi

from local.provider.resource_types.table import Call, FromResponse, Inputs, Naming, ResourceType

# Instead of a zip on this machine, the emulator gets a zip with this one file, which has the digest and size of the other.
DESCRIPTION = "code-on-this-machine.json"
_INVOKE = "arn:aws:apigateway:{Region}:lambda:path/2015-03-31/functions/{%s}/invocations"


@lru_cache(maxsize=64)
def _describe_file(path: Path, _modified_ns: int, size: int) -> dict[str, str | int]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    return {"path": str(path), "CodeSha256": base64.b64encode(digest).decode(), "CodeSize": size}


def _describe_code(inputs: Inputs) -> dict[str, str | int]:
    """Return digest and size of function code that is a single file; empty for other code."""
    code = inputs.get("code")
    if not isinstance(code, pulumi.FileArchive) or not (path := Path(code.path)).is_file():
        return {}
    status = path.stat()
    return _describe_file(path.resolve(), status.st_mtime_ns, status.st_size)


def _replace_code(inputs: Inputs) -> Inputs:
    """Send a description instead of the code: the emulator does not run it, and 30 MB in JSON take half a second."""
    if not (description := _describe_code(inputs)):
        return inputs
    text = pulumi.StringAsset(json.dumps(description, sort_keys=True))
    return {**inputs, "code": pulumi.AssetArchive({DESCRIPTION: text})}


def _disable_mapping(inputs: Inputs) -> Inputs:
    """Disable polling in the emulator, which would receive the messages without running the function; the runner polls."""
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
        prepare=_replace_code,
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
        prepare=_disable_mapping,
        outputs={"state": lambda inputs, _: "Enabled" if inputs["enabled"] else "Disabled"},
    ),
    ResourceType("aws:lambda/invocation:Invocation", None),
)
