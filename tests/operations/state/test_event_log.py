"""Events of the host are kept as data, one object a line."""

import json
import logging
from pathlib import Path

from operations.state import event_log


def test_event_and_its_fields_are_one_line(tmp_path: Path) -> None:
    logger = logging.getLogger("local.compute.anything")
    with event_log.attached(tmp_path / "logs"):
        logger.info("function_instance_started", extra={"function": "api", "path": tmp_path})
        try:
            raise ValueError("broken")
        except ValueError:
            logger.exception("queue_unreachable")
    logger.info("not_kept")
    first, second = [json.loads(line) for line in (tmp_path / "logs" / event_log.FILE_NAME).read_text().splitlines()]
    assert first.pop("time").endswith("+00:00")
    assert first == {"level": "INFO", "event": "function_instance_started", "function": "api", "path": str(tmp_path)}
    assert "ValueError: broken" in second["trace"]


def test_logs_of_others_are_left_alone(tmp_path: Path) -> None:
    with event_log.attached(tmp_path):
        logging.getLogger("elsewhere").warning("not_ours")
    assert (tmp_path / event_log.FILE_NAME).read_text() == ""
