"""A contestant in a process of its own: one line of JSON asks it for a turn, one line answers."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

END_SECONDS = 20


class PartnerFailedError(Exception):
    """The process ended, or answered with an error. The text holds what it wrote last."""


class Partner:
    """A running contestant. What it writes besides its answers goes to a file. Use it as a context manager."""

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
        """Ends it: it goes when nothing is left to read, and is killed when it does not."""
        assert self._process.stdin and self._process.stdout, "both are pipes"  # noqa: S101
        self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def ask(self, **question: Any) -> dict[str, Any]:
        """The answer to one question. Raises PartnerFailedError when there is none."""
        assert self._process.stdin and self._process.stdout, "both are pipes"  # noqa: S101
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise PartnerFailedError(f"it ended; its log ends with: {self._log.read_text(errors='replace')[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PartnerFailedError(answer["error"])
        return answer
