"""A handler that tells of each invocation in one file, before and after its work, and fails in the way its environment names.

A message is poison when its body says so. What fails is then that message or, where a function cannot say which, its batch.
"""

import hashlib
import json
import os
import signal
import time
from pathlib import Path

RECEIPTS, FAILURE = os.environ.get("RECEIPTS", os.devnull), os.environ.get("FAILURE", "report")
POISON = "poison"
# How many invocations have to have begun before one goes on, the longest it waits for them, and how long it stays then.
TOGETHER, PATIENCE_SECONDS = int(os.environ.get("TOGETHER", "1")), 60
SECONDS = float(os.environ.get("SECONDS", "0"))


def handler(event, context):
    tell("began", event, context)
    wait_for_others()
    poison = [record["messageId"] for record in event["Records"] if record["body"].startswith(POISON)]
    answer = {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in poison]}
    if poison and FAILURE == "raise":
        raise ValueError(poison)
    if poison and FAILURE == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if poison and FAILURE == "sleep":
        time.sleep(600)
    if poison and FAILURE == "shape":
        answer = {"batchItemFailures": poison}
    if poison and FAILURE == "unknown":
        answer = {"batchItemFailures": [{"itemIdentifier": "of another batch"}]}
    tell("ended", event, context)
    return answer


def tell(what, event, context):
    """One line, written at once: invocations in other processes write to the same file."""
    line = {
        "what": what,
        "request": context.aws_request_id,
        "queue": event["Records"][0]["eventSourceARN"],
        "messages": [
            {
                "id": record["messageId"],
                "is_poison": record["body"].startswith(POISON),
                "digest": hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest(),
                "receipt": record["receiptHandle"],
                "count": int(record["attributes"]["ApproximateReceiveCount"]),
            }
            for record in event["Records"]
        ],
    }
    descriptor = os.open(RECEIPTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, (json.dumps(line) + "\n").encode())
    finally:
        os.close(descriptor)


def wait_for_others():
    deadline = time.monotonic() + PATIENCE_SECONDS
    while Path(RECEIPTS).read_text().count('"began"') < TOGETHER and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(SECONDS)
