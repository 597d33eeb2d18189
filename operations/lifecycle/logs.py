"""`platform logs`: what the platform's processes wrote. Logs outlive the platform."""

import contextlib
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from rich.text import Text

from operations.project import checkout
from operations.state.files import StateFiles
from operations.state.lock import ProcessIdentity
from operations.terminal import termination_signals
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen, table
from operations.terminal.exit_codes import ExitCode

POLL_SECONDS = 0.2
DEFAULT_LINES = 40


def logs(environment: str, screen: Screen, *, process: str | None, follow: bool, lines: int, names_only: bool) -> None:
    """Prints the last `lines` (0: all) of one process's log, or of every log with the name in front; `follow` goes on."""
    files = StateFiles.of(environment)
    paths = _paths(files, process)
    if follow and screen.as_json:
        raise CommandError(
            "--follow has no end and --json writes one object", next_step="leave one of them out", code=ExitCode.USAGE
        )
    if names_only:
        _show_names(paths, screen)
        return
    width = 0 if process else max(len(name) for name in paths)
    if follow:
        _follow(files, process, screen, width, lines)
        return
    screen.write_json({"logs": [_as_data(name, path, lines) for name, path in paths.items()]})
    for name, path in paths.items():
        for line in tail(path, lines):
            screen.show(_prefixed(name, line, width))


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a file; all of them for 0."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return [line.rstrip("\n") for line in (file if lines == 0 else deque(file, maxlen=lines))]


def _paths(files: StateFiles, process: str | None) -> dict[str, Path]:
    known = {path.stem: path for path in sorted(files.logs.glob("*.log"))}
    if not known:
        raise CommandError(
            f"the platform of environment {files.environment!r} has no logs: it has not run yet",
            next_step=checkout.command_line("up", files.environment),
            code=ExitCode.STOPPED,
        )
    if process is None:
        return known
    if process not in known:
        raise CommandError(
            f"process {process!r} has no log; known are {', '.join(known)}",
            next_step=checkout.command_line("logs", files.environment) + " --list",
            code=ExitCode.USAGE,
        )
    return {process: known[process]}


def _follow(files: StateFiles, process: str | None, screen: Screen, width: int, lines: int) -> None:
    """Prints the last lines and then what is added, new logs included, until the platform stops or Ctrl-C."""
    state = files.read()
    host = state.host if state else None
    with (
        contextlib.suppress(KeyboardInterrupt),
        # Also where Ctrl-C was switched off before, as shells do for what they start in the background.
        termination_signals.handled(termination_signals.raise_keyboard_interrupt),
        contextlib.closing(_Reader()) as reader,
    ):
        for name, path in _paths(files, process).items():
            for _, line in deque(reader.news({name: path}), maxlen=lines or None):
                screen.show(_prefixed(name, line, width))
        while True:
            alive = _alive(host)
            for name, line in reader.news(_paths(files, process)):
                screen.show(_prefixed(name, line, width))
            if not alive:
                screen.note(f"the platform of environment {files.environment!r} is not running; nothing more will come")
                return
            time.sleep(POLL_SECONDS)


class _Reader:
    """Reads what was added to files since the last look."""

    def __init__(self) -> None:
        self._open: dict[Path, IO[str]] = {}
        self._rest: dict[Path, str] = {}

    def news(self, paths: dict[str, Path]) -> Iterator[tuple[str, str]]:
        """Yields complete lines with the name of their process."""
        for name, path in paths.items():
            text = self._rest.get(path, "") + self._file(path).read()
            *lines, self._rest[path] = text.split("\n")
            for line in lines:
                yield name, line

    def close(self) -> None:
        for file in self._open.values():
            file.close()

    def _file(self, path: Path) -> IO[str]:
        if path not in self._open:
            self._open[path] = path.open(encoding="utf-8", errors="replace")
        return self._open[path]


def _alive(host: ProcessIdentity | None) -> bool:
    return host is not None and host.find() is not None


def _prefixed(name: str, line: str, width: int) -> Text:
    # What processes wrote is shown as it is; colour codes in it would be escape sequences in a pipe.
    text = Text.from_ansi(line)
    return Text.assemble((f"{name:<{width}} | ", "dim"), text) if width else text


def _as_data(name: str, path: Path, lines: int) -> dict[str, Any]:
    return {"process": name, "path": str(path), "bytes": path.stat().st_size, "lines": tail(path, lines)}


def _show_names(paths: dict[str, Path], screen: Screen) -> None:
    found = [{"process": name, "path": str(path), "bytes": path.stat().st_size} for name, path in paths.items()]
    screen.write_json({"logs": found})
    rows = [(str(log["process"]), f"{log['bytes']:,}", str(log["path"])) for log in found]
    screen.show(table("process", "bytes", "log", rows=rows, right=["bytes"]))
