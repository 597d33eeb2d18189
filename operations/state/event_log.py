"""What the host process notes of its platform: one JSON object a line, an event and its fields."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

FILE_NAME = "host-events.log"
OWN_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class EventFormatter(logging.Formatter):
    """The event is the message; whatever else the caller gave are its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """One line. Values that JSON does not know are written as text."""
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "event": record.getMessage(),
            **{name: value for name, value in record.__dict__.items() if name not in OWN_FIELDS},
        }
        if record.exc_info:
            event["trace"] = self.formatException(record.exc_info)
        return json.dumps(event, default=str)


@contextmanager
def kept(logs: Path) -> Iterator[None]:
    """Writes what `local` logs to a file beside the logs of the processes, while the block runs."""
    logs.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(logs / FILE_NAME, encoding="utf-8")
    handler.setFormatter(EventFormatter())
    watched = logging.getLogger("local")
    watched.addHandler(handler)
    watched.setLevel(logging.INFO)
    try:
        yield
    finally:
        watched.removeHandler(handler)
        handler.close()
