"""The host's log: one JSON object per event."""

import json
import logging
from pathlib import Path

from operations.state import event_log


def test_event_is_one_line_with_its_fields(tmp_path: Path) -> None:
    logger = logging.getLogger("local.compute.anything")
    with event_log.attached(tmp_path / "logs"):
        logger.info("function_instance_started", extra={"function": "api", "path": tmp_path})
        try:
            raise ValueError("broken")
        except ValueError:
            logger.exception("queue_unreachable")
    logger.info("not_recorded")
    first, second = [json.loads(line) for line in (tmp_path / "logs" / event_log.FILE_NAME).read_text().splitlines()]
    assert first.pop("time").endswith("+00:00")
    assert first == {"level": "INFO", "event": "function_instance_started", "function": "api", "path": str(tmp_path)}
    assert "ValueError: broken" in second["trace"]


def test_other_loggers_are_ignored(tmp_path: Path) -> None:
    with event_log.attached(tmp_path):
        logging.getLogger("other").warning("ignored")
    assert (tmp_path / event_log.FILE_NAME).read_text() == ""
