"""A whole local platform for a benchmark: brought up and taken down by the `platform` command, as a person does it."""

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
class Start:
    """A platform that is up: how long the command took, and what its progress file tells of the way there."""

    state: EnvironmentState
    seconds: float
    events: Sequence[dict[str, Any]]

    def variables(self, function: str) -> dict[str, str]:
        """The environment with which a function of the program (`api`, `migrate`) is registered."""
        name = f"{project_name()}-{function}-{ENVIRONMENT}"
        found = self.state.account().client("lambda").get_function_configuration(FunctionName=name)
        variables: dict[str, str] = found["Environment"]["Variables"]
        return variables

    def database(self) -> dict[str, Any]:
        """What the application connects to the database with."""
        return self._secret("api", "PLATFORM_DATABASE_SECRET_ARN")

    def owned_database(self) -> dict[str, Any]:
        """What the database's owner connects to it with."""
        return self.database() | self._secret("migrate", "PLATFORM_DATABASE_MASTER_SECRET_ARN")

    def _secret(self, function: str, variable: str) -> dict[str, Any]:
        secrets = self.state.account().client("secretsmanager")
        answer = secrets.get_secret_value(SecretId=self.variables(function)[variable])
        secret: dict[str, Any] = json.loads(answer["SecretString"])
        return secret


@contextmanager
def running() -> Iterator[Start]:
    """A fresh platform with a state directory of its own, on any free port; down again at the end.

    Raises RuntimeError, with the end of what the command wrote, when it does not come up or down.
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
            yield Start(state=state, seconds=seconds, events=[json.loads(line) for line in lines])
        finally:
            _command("down", environment=environment)


def project_name() -> str:
    """The project's name, with which every physical name begins."""
    return stack_files.project_name(checkout.ROOT)


def connect(secret: dict[str, Any]) -> psycopg.Connection[DictRow]:
    """One connection with these credentials, each statement a transaction of its own."""
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
    done = subprocess.run(
        argv,
        cwd=checkout.ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )
    if done.returncode:
        raise RuntimeError(
            f"platform {verb} ended with status {done.returncode}: {(done.stderr or done.stdout)[-2000:]}"
        )
