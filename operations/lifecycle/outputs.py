"""`platform outputs`: what the program exports, as one flat object or as a file of environment variables."""

import json
import shlex
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from operations.state import platform_status
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen, key_value_table
from operations.terminal.exit_codes import ExitCode

# The variables that clients of the platform have always read, where they are not the outputs' own names in capitals.
VARIABLES: Mapping[str, str] = {
    "storage_bucket": "S3_PRIMARY_BUCKET",
    "thumbnails_bucket": "S3_THUMBNAIL_BUCKET",
    "temp_bucket": "S3_TEMP_BUCKET",
    "user_pool_id": "COGNITO_USER_POOL_ID",
    "user_pool_client_id": "COGNITO_CLIENT_ID",
    "search_endpoint": "OPENSEARCH_ENDPOINT",
    "cdn_url": "CLOUDFRONT_URL",
    "region": "AWS_REGION",
}
STANDARD_INPUT = "-"


class Format(StrEnum):
    """How outputs are written."""

    TEXT = "text"
    JSON = "json"
    DOTENV = "dotenv"


def outputs(environment: str, screen: Screen, *, form: Format, source: str | None = None) -> None:
    """Shows the outputs of the local platform, or those in `source`: a file with what `pulumi stack output --json` wrote."""
    values = platform_status.require_running(environment).outputs if source is None else _read(source)
    if form is Format.DOTENV:
        screen.show(dotenv(values).rstrip("\n"))
        return
    screen.write_json(values)
    screen.show(key_value_table({name: _text(value) for name, value in sorted(values.items())}))


def dotenv(values: Mapping[str, Any]) -> str:
    """One `NAME=value` a line, by name, quoted so that a shell and every dotenv library read the same value.

    An output that has no value here (a search domain that an environment has not) is left out.
    """
    named = {VARIABLES.get(name, name.upper()): value for name, value in values.items() if value not in (None, "")}
    return "".join(f"{name}={shlex.quote(_text(value))}\n" for name, value in sorted(named.items()))


def _read(source: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if source == STANDARD_INPUT else Path(source).read_text(encoding="utf-8")
        values = json.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _unreadable(source, str(error)) from error
    if not isinstance(values, dict):
        raise _unreadable(source, "it holds no object")
    return values


def _unreadable(source: str, why: str) -> CommandError:
    return CommandError(
        f"--from {source}: {why}",
        next_step="pulumi stack output --json > outputs.json, and name that file",
        code=ExitCode.USAGE,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
