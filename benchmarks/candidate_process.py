"""A candidate in a separate process: a line of JSON on stdin requests a measurement, a line on stdout returns it."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SHUTDOWN_SECONDS = 20


class CandidateProcessError(Exception):
    """The process ended or returned an error; the message has the end of its log."""


class CandidateProcess:
    """A running candidate process, whose stderr goes to a log file. Use it as a context manager."""

    def __init__(
        self, argv: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                env=None if environment is None else dict(environment),
                text=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close stdin, so that the process ends, and kill it if it does not."""
        assert self._process.stdin and self._process.stdout, "both are pipes"  # noqa: S101
        self._process.stdin.close()
        try:
            self._process.wait(SHUTDOWN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def call(self, **arguments: Any) -> dict[str, Any]:
        """Send a request and return the response.

        Raises:
            CandidateProcessError: The process ended or returned an error.
        """
        assert self._process.stdin and self._process.stdout, "both are pipes"  # noqa: S101
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise CandidateProcessError(
                f"the process ended; its log ends with: {self._log.read_text(errors='replace')[-2000:]}"
            )
        result: dict[str, Any] = json.loads(line)
        if "error" in result:
            raise CandidateProcessError(result["error"])
        return result
