"""A line of the log as CloudWatch and a person at a terminal get it."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from runtime.adapters.logs import get_logger
from runtime.settings import load_settings


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {
        "AWS_REGION": "us-east-1",
        "PLATFORM_ENVIRONMENT": "staging",
        "PLATFORM_RELEASE": "1.2.3",
        "PLATFORM_LOG_LEVEL": "WARNING",
    }.items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    get_logger.cache_clear()
    yield
    load_settings.cache_clear()
    get_logger.cache_clear()


@pytest.mark.requirement("ROAD-94")
def test_line_is_one_object_with_its_service_environment_and_release(capsys: pytest.CaptureFixture[str]) -> None:
    get_logger("lines").warning("thumbnail_rendered", extra={"byte_count": 3})
    line = json.loads(capsys.readouterr().out)
    assert (line["message"], line["byte_count"], line["level"]) == ("thumbnail_rendered", 3, "WARNING")
    assert (line["service"], line["environment"], line["release"]) == ("lines", "staging", "1.2.3")
    assert line["timestamp"].endswith("+00:00")


@pytest.mark.requirement("ROAD-94")
def test_level_is_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    get_logger("levels").info("below")
    assert capsys.readouterr().out == ""
    assert get_logger("levels").log_level == logging.WARNING


def test_error_brings_its_trace_in_the_same_line(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("why")
    except ValueError:
        get_logger("traces").exception("message_failed")
    (line,) = capsys.readouterr().out.splitlines()
    assert "ValueError: why" in json.loads(line)["exception"]
