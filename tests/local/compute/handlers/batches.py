"""Handlers of SQS batches. Each notes what it was given in the folder that its environment names."""

import json
import os
import time
import uuid
from pathlib import Path

NOTES = Path(os.environ.get("NOTES", "."))


def note(event):
    """One file an invocation, so that concurrent ones do not disturb each other."""
    unfinished = NOTES / f".{uuid.uuid4()}"
    unfinished.write_text(json.dumps(event))
    unfinished.rename(NOTES / f"{time.time_ns()}-{unfinished.name[1:]}.json")


def accept(event, context):
    note(event)


def refuse_bad(event, context):
    note(event)
    bad = [record["messageId"] for record in event["Records"] if record["body"].startswith("bad")]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in bad]}


def raise_on_bad(event, context):
    note(event)
    for record in event["Records"]:
        if record["body"].startswith("bad"):
            raise ValueError(record["body"])


def answer_as_told(event, context):
    note(event)
    return json.loads(os.environ["ANSWER"])


def sleep_on_bad(event, context):
    note(event)
    if any(record["body"].startswith("bad") for record in event["Records"]):
        time.sleep(60)


def crash_on_bad(event, context):
    note(event)
    if any(record["body"].startswith("bad") for record in event["Records"]):
        os._exit(1)


def overlap(event, context):
    """Notes the times between which it was at work."""
    began = time.monotonic()
    time.sleep(float(os.environ["SECONDS"]))
    note({"began": began, "ended": time.monotonic(), "Records": event["Records"]})
