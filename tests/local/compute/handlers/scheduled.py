"""A handler that writes each event to a file in the folder NOTES, and waits and fails as the event says."""

import time
from pathlib import Path
from typing import Any

from batches import note  # type: ignore[import-not-found]  # beside it in the function's code


def run(event: Any, context: Any) -> Any:
    note(event)
    while "gate" in event and not Path(event["gate"]).exists():
        time.sleep(0.01)
    if int(event.get("attempt", 1)) <= event.get("failures", 0):
        raise ValueError("not yet")
