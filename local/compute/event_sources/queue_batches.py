"""Batches of SQS messages: the event for a function, and the messages that its result reports as failed."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from local.compute.lambda_.function_pool import MAXIMUM_EVENT_BYTES
from local.compute.lambda_.invocations import Invocation

Message = Mapping[str, Any]


def event(messages: Sequence[Message], queue_arn: str) -> dict[str, Any]:
    """Return the event of an SQS event source mapping, for messages in the format of ReceiveMessage."""
    return {"Records": [_record(message, queue_arn) for message in messages]}


def split(messages: Sequence[Message], queue_arn: str) -> list[list[Message]]:
    """Split messages, in order, into as few batches as possible whose events are within Lambda's size limit.

    Lambda does the same: ten messages of one mebibyte do not fit into one event.
    """
    batches: list[list[Message]] = []
    empty, comma = len(json.dumps(event([], queue_arn))), len(", ")
    size = MAXIMUM_EVENT_BYTES
    for message in messages:
        more = len(json.dumps(_record(message, queue_arn)))
        size += comma + more
        if size > MAXIMUM_EVENT_BYTES:
            batches.append([])
            size = empty + more
        batches[-1].append(message)
    return batches


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


def failed_message_ids(invocation: Invocation, messages: Sequence[Message], *, reports_items: bool) -> frozenset[str]:
    """Return the ids of the messages that must not be deleted.

    After an error these are all messages. If the function reports item failures (ReportBatchItemFailures), they are the reported
    ones, or all if the report is malformed: not an object, its list not a list, or an identifier missing, empty or unknown. An
    absent, null or empty report means success (developer guide, "Success and failure conditions").
    """
    all_ids = frozenset(str(message["MessageId"]) for message in messages)
    if invocation.error is not None:
        return all_ids
    report = invocation.payload
    if not reports_items or report is None:
        return frozenset()
    if not isinstance(report, dict):
        return all_ids
    items = report.get("batchItemFailures")
    if items is None:
        return frozenset()
    if not isinstance(items, list):
        return all_ids
    identifiers = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in items]
    known = [name for name in identifiers if isinstance(name, str) and name in all_ids]
    return frozenset(known) if len(known) == len(identifiers) else all_ids
