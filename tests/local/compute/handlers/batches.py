"""Handlers of SQS batches. Each writes its event to a file in the folder NOTES."""

import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

NOTES = Path(os.environ.get("NOTES", "."))


def note(event: Any) -> None:
    """Write an event to a new file, which appears atomically under a name that sorts by time."""
    unfinished = NOTES / f".{uuid.uuid4()}"
    unfinished.write_text(json.dumps(event))
    unfinished.rename(NOTES / f"{time.time_ns()}-{unfinished.name[1:]}.json")


def accept(event: Any, context: Any) -> Any:
    note(event)


def report_bad(event: Any, context: Any) -> Any:
    note(event)
    bad = [record["messageId"] for record in event["Records"] if record["body"].startswith("bad")]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in bad]}


def raise_on_bad(event: Any, context: Any) -> Any:
    note(event)
    for record in event["Records"]:
        if record["body"].startswith("bad"):
            raise ValueError(record["body"])


def return_configured(event: Any, context: Any) -> Any:
    note(event)
    return json.loads(os.environ["REPORT"])


def sleep_on_bad(event: Any, context: Any) -> Any:
    note(event)
    if any(record["body"].startswith("bad") for record in event["Records"]):
        time.sleep(60)


def crash_on_bad(event: Any, context: Any) -> Any:
    note(event)
    if any(record["body"].startswith("bad") for record in event["Records"]):
        os._exit(1)


def overlap(event: Any, context: Any) -> Any:
    """Write `started-<id>`, wait until the file `gate` exists, if GATED is set, and note the times of start and end."""
    began = time.monotonic()
    (NOTES / f"started-{uuid.uuid4()}").touch()
    while os.environ.get("GATED") and not (NOTES / "gate").exists():
        time.sleep(0.01)
    time.sleep(float(os.environ.get("SECONDS", "0")))
    note({"began": began, "ended": time.monotonic(), "Records": event["Records"]})
