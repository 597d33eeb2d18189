"""`platform outputs`: shows the stack outputs, as a table, as JSON or as a dotenv file."""

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

# Environment variables that existing clients read. Other outputs have their own names in capitals.
VARIABLE_NAMES: Mapping[str, str] = {
    "storage_bucket": "S3_PRIMARY_BUCKET",
    "thumbnails_bucket": "S3_THUMBNAIL_BUCKET",
    "temp_bucket": "S3_TEMP_BUCKET",
    "user_pool_id": "COGNITO_USER_POOL_ID",
    "user_pool_client_id": "COGNITO_CLIENT_ID",
    "search_endpoint": "OPENSEARCH_ENDPOINT",
    "cdn_url": "CLOUDFRONT_URL",
    "region": "AWS_REGION",
}
STDIN = "-"


class OutputFormat(StrEnum):
    """Formats of the output."""

    TEXT = "text"
    JSON = "json"
    DOTENV = "dotenv"


def outputs(environment: str, screen: Screen, *, output_format: OutputFormat, source: str | None = None) -> None:
    """Show the outputs of the local platform, or those in `source`, the output of `pulumi stack output --json`."""
    values = platform_status.require_running(environment).outputs if source is None else _read(source)
    if output_format is OutputFormat.DOTENV:
        screen.show(format_dotenv(values).rstrip("\n"))
        return
    screen.write_json(values)
    screen.show(key_value_table({name: _text(value) for name, value in sorted(values.items())}))


def format_dotenv(values: Mapping[str, Any]) -> str:
    """Return the outputs as sorted `NAME=value` lines, quoted so that shells and dotenv libraries read the same values.

    Outputs without a value, such as those of a search domain that the environment does not have, are omitted.
    """
    variables = {
        VARIABLE_NAMES.get(name, name.upper()): value for name, value in values.items() if value not in (None, "")
    }
    return "".join(f"{name}={shlex.quote(_text(value))}\n" for name, value in sorted(variables.items()))


def _read(source: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if source == STDIN else Path(source).read_text(encoding="utf-8")
        values = json.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _invalid_source(source, str(error)) from error
    if not isinstance(values, dict):
        raise _invalid_source(source, "it is not a JSON object")
    return values


def _invalid_source(source: str, problem: str) -> CommandError:
    return CommandError(
        f"--from {source}: {problem}",
        next_step="pulumi stack output --json > outputs.json, then --from outputs.json",
        code=ExitCode.USAGE,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
