"""Batches of SQS messages: the event that a function gets, and what its answer says about each message."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from local.compute.lambda_.function_pool import MAXIMUM_EVENT_BYTES
from local.compute.lambda_.invocations import Invocation

Message = Mapping[str, Any]


def event(messages: Sequence[Message], queue_arn: str) -> dict[str, Any]:
    """The event of an SQS event source mapping, from messages as ReceiveMessage answers them."""
    return {"Records": [_record(message, queue_arn) for message in messages]}


def parts(messages: Sequence[Message], queue_arn: str) -> list[list[Message]]:
    """The messages in their order, in as few batches as have an event that a function takes.

    Lambda invokes with fewer messages than the batch size when more would be too large; ten of a mebibyte are.
    """
    divided: list[list[Message]] = []
    empty, comma = len(json.dumps(event([], queue_arn))), len(", ")
    size = MAXIMUM_EVENT_BYTES
    for message in messages:
        more = len(json.dumps(_record(message, queue_arn)))
        size += comma + more
        if size > MAXIMUM_EVENT_BYTES:
            divided.append([])
            size = empty + more
        divided[-1].append(message)
    return divided


def _record(message: Message, queue_arn: str) -> dict[str, Any]:
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {name: str(value) for name, value in message.get("Attributes", {}).items()},
        "messageAttributes": {
            name: _attribute(value) for name, value in (message.get("MessageAttributes") or {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if digest := message.get("MD5OfMessageAttributes"):
        record["md5OfMessageAttributes"] = digest
    return record


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if (text := value.get("StringValue")) is not None:
        record["stringValue"] = text
    if (binary := value.get("BinaryValue")) is not None:
        record["binaryValue"] = base64.b64encode(binary).decode()
    return record


def failures(invocation: Invocation, messages: Sequence[Message], *, reports_items: bool) -> frozenset[str]:
    """The ids of the messages that have to come again.

    With an error all of them. Where the function reports item failures (ReportBatchItemFailures), the named ones; all of them
    when the report cannot be trusted: it is no object, its list no list, or an identifier missing, empty or unknown. An absent,
    null or empty report is success (developer guide, "Success and failure conditions").
    """
    everything = frozenset(str(message["MessageId"]) for message in messages)
    if invocation.error is not None:
        return everything
    report = invocation.payload
    if not reports_items or report is None:
        return frozenset()
    if not isinstance(report, dict):
        return everything
    items = report.get("batchItemFailures")
    if items is None:
        return frozenset()
    if not isinstance(items, list):
        return everything
    named = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in items]
    known = [name for name in named if isinstance(name, str) and name in everything]
    return frozenset(known) if len(known) == len(named) else everything
