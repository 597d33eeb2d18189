"""A handler that appends a line to the file RECEIPTS before and after its work, and fails in the way that FAILURE names.

A message is poison if its body begins with that word. Depending on FAILURE, that message or its whole batch fails.
"""

import hashlib
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

RECEIPTS, FAILURE = os.environ.get("RECEIPTS", os.devnull), os.environ.get("FAILURE", "report")
POISON = "poison"
# The number of invocations that must have begun before one continues, the time limit for that, and how long it then works.
TOGETHER, MAX_WAIT_SECONDS = int(os.environ.get("TOGETHER", "1")), 60
SECONDS = float(os.environ.get("SECONDS", "0"))


def handler(event: Any, context: Any) -> Any:
    write_receipt("began", event, context)
    wait_for_others()
    poison = [record["messageId"] for record in event["Records"] if record["body"].startswith(POISON)]
    result: Any = {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in poison]}
    if poison and FAILURE == "raise":
        raise ValueError(poison)
    if poison and FAILURE == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if poison and FAILURE == "sleep":
        time.sleep(600)
    if poison and FAILURE == "shape":
        result = {"batchItemFailures": poison}
    if poison and FAILURE == "unknown":
        result = {"batchItemFailures": [{"itemIdentifier": "of another batch"}]}
    write_receipt("ended", event, context)
    return result


def write_receipt(what: str, event: Any, context: Any) -> None:
    """Append a line with one write, because several processes write to the same file."""
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


def wait_for_others() -> None:
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while Path(RECEIPTS).read_text().count('"began"') < TOGETHER and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(SECONDS)
