"""A local platform for a benchmark, started and stopped with the `platform` command."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from local.engines import stack_files
from operations.project import checkout
from operations.state.files import EnvironmentState, StateFiles

ENVIRONMENT = "dev"
COMMAND_SECONDS = 180


@dataclass(frozen=True, kw_only=True)
class StartedPlatform:
    """A running platform.

    Attributes:
        seconds: How long the `platform up` command took.
        events: The events of its progress log.
    """

    state: EnvironmentState
    seconds: float
    events: Sequence[dict[str, Any]]

    def variables(self, function: str) -> dict[str, str]:
        """Return the registered environment variables of a function (`api`, `migrate`)."""
        name = f"{project_name()}-{function}-{ENVIRONMENT}"
        found = self.state.account().client("lambda").get_function_configuration(FunctionName=name)
        variables: dict[str, str] = found["Environment"]["Variables"]
        return variables

    def database(self) -> dict[str, Any]:
        """Return the application's database credentials."""
        return self._secret("api", "PLATFORM_DATABASE_SECRET_ARN")

    def owned_database(self) -> dict[str, Any]:
        """Return the database owner's credentials."""
        return self.database() | self._secret("migrate", "PLATFORM_DATABASE_MASTER_SECRET_ARN")

    def _secret(self, function: str, variable: str) -> dict[str, Any]:
        secrets = self.state.account().client("secretsmanager")
        response = secrets.get_secret_value(SecretId=self.variables(function)[variable])
        secret: dict[str, Any] = json.loads(response["SecretString"])
        return secret


@contextmanager
def running_platform() -> Iterator[StartedPlatform]:
    """Run a new platform with its own state directory on any free port, and stop it at the end.

    Raises:
        RuntimeError: It does not start or stop; the message has the end of the command's output.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-platform-") as directory:
        environment = os.environ | {checkout.STATE_DIRECTORY_VARIABLE: directory}
        began = time.monotonic()
        try:
            _command("up", "--port", "0", environment=environment)
            seconds = time.monotonic() - began
            files = StateFiles(ENVIRONMENT, Path(directory) / ENVIRONMENT)
            state = files.read()
            assert state is not None, "a platform that is up has a state"  # noqa: S101
            lines = files.progress.read_text(encoding="utf-8").splitlines()
            yield StartedPlatform(state=state, seconds=seconds, events=[json.loads(line) for line in lines])
        finally:
            _command("down", environment=environment)


def project_name() -> str:
    """Return the project's name, the prefix of all physical names."""
    return stack_files.project_name(checkout.ROOT)


def connect(secret: dict[str, Any]) -> psycopg.Connection[DictRow]:
    """Open a connection with these credentials, in autocommit mode."""
    return psycopg.Connection[DictRow].connect(
        host=secret["host"],
        port=secret["port"],
        dbname=secret["database"],
        user=secret["username"],
        password=secret["password"],
        options="-c timezone=UTC",
        autocommit=True,
        row_factory=dict_row,
    )


def _command(verb: str, *options: str, environment: dict[str, str]) -> None:
    argv = [sys.executable, "-m", "operations.commands.app", verb, "--environment", ENVIRONMENT, *options]
    result = subprocess.run(
        argv,
        cwd=checkout.ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )
    if result.returncode:
        raise RuntimeError(
            f"platform {verb} ended with status {result.returncode}: {(result.stderr or result.stdout)[-2000:]}"
        )
