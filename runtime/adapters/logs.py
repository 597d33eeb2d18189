"""Structured logs: one JSON object per line, with timestamp, service, environment and release (ROAD-94).

A message is the name of an event, a constant in snake_case and the past tense; its data are fields.
"""

from functools import cache

from aws_lambda_powertools import Logger

from runtime.settings import RuntimeSettings, load_settings


@cache
def get_logger(service: str) -> Logger:
    """Return the process's logger of a service, at the level of the settings, with times in UTC."""
    settings = load_settings(RuntimeSettings)
    return Logger(
        service=service,
        level=settings.log_level,
        utc=True,
        use_rfc3339=True,
        environment=settings.environment,
        release=settings.release,
    )
