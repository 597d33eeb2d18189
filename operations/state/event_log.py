"""Log of the host process: one JSON object per line, with the event and its fields."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

FILE_NAME = "host-events.log"
OWN_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class EventFormatter(logging.Formatter):
    """A formatter that writes the message as `event` and the `extra` fields of the record beside it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON. Values without a JSON form are written as text."""
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
def attached(logs: Path) -> Iterator[None]:
    """Write the records of the `local` logger to a file in the log folder while the block runs."""
    logs.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(logs / FILE_NAME, encoding="utf-8")
    handler.setFormatter(EventFormatter())
    logger = logging.getLogger("local")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
