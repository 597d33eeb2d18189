"""Structured logs: one JSON object a line with timestamp, service, environment and release (ROAD-94).

A message is an event's name, a constant in snake_case and the past tense; what belongs to it are fields.
"""

from functools import cache

from aws_lambda_powertools import Logger

from runtime.settings import RuntimeSettings, load_settings


@cache
def get_logger(service: str) -> Logger:
    """The process's logger of a service, at the level of the settings, in UTC."""
    settings = load_settings(RuntimeSettings)
    return Logger(
        service=service,
        level=settings.log_level,
        utc=True,
        use_rfc3339=True,
        environment=settings.environment,
        release=settings.release,
    )
