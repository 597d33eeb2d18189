"""`platform logs`: shows the logs of the platform's processes, which are kept after the platform ends."""

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
    """Show the last lines of one or all logs; 0 shows all lines, and `follow` continues until the platform stops.

    With all logs, each line begins with the name of its process.
    """
    files = StateFiles.of(environment)
    paths = _log_files(files, process)
    if follow and screen.as_json:
        raise CommandError(
            "--follow and --json cannot be combined", next_step="remove one of them", code=ExitCode.USAGE
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
            screen.show(_with_prefix(name, line, width))


def tail(path: Path, lines: int) -> list[str]:
    """Return the last lines of a file; all of them for 0."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return [line.rstrip("\n") for line in (file if lines == 0 else deque(file, maxlen=lines))]


def _log_files(files: StateFiles, process: str | None) -> dict[str, Path]:
    found = {path.stem: path for path in sorted(files.logs.glob("*.log"))}
    if not found:
        raise CommandError(
            f"the platform of environment {files.environment!r} has no logs: it has never run",
            next_step=checkout.command_line("up", files.environment),
            code=ExitCode.STOPPED,
        )
    if process is None:
        return found
    if process not in found:
        raise CommandError(
            f"no log of process {process!r}; must be one of {', '.join(found)}",
            next_step=checkout.command_line("logs", files.environment) + " --list",
            code=ExitCode.USAGE,
        )
    return {process: found[process]}


def _follow(files: StateFiles, process: str | None, screen: Screen, width: int, lines: int) -> None:
    """Show the last lines and then new lines, also those of new logs, until the platform stops or Ctrl-C."""
    state = files.read()
    host = state.host if state else None
    with (
        contextlib.suppress(KeyboardInterrupt),
        # Needed where SIGINT is ignored, as in background processes of a shell.
        termination_signals.handled(termination_signals.raise_keyboard_interrupt),
        contextlib.closing(_LogReader()) as reader,
    ):
        for name, path in _log_files(files, process).items():
            for _, line in deque(reader.read_new_lines({name: path}), maxlen=lines or None):
                screen.show(_with_prefix(name, line, width))
        while True:
            is_running = _is_alive(host)
            for name, line in reader.read_new_lines(_log_files(files, process)):
                screen.show(_with_prefix(name, line, width))
            if not is_running:
                screen.note(f"the platform of environment {files.environment!r} is not running")
                return
            time.sleep(POLL_SECONDS)


class _LogReader:
    """Reads the lines that were added to files since the last read."""

    def __init__(self) -> None:
        self._open: dict[Path, IO[str]] = {}
        self._incomplete_lines: dict[Path, str] = {}

    def read_new_lines(self, paths: dict[str, Path]) -> Iterator[tuple[str, str]]:
        """Yield complete new lines with the name of their process."""
        for name, path in paths.items():
            text = self._incomplete_lines.get(path, "") + self._file(path).read()
            *lines, self._incomplete_lines[path] = text.split("\n")
            for line in lines:
                yield name, line

    def close(self) -> None:
        """Close the files."""
        for file in self._open.values():
            file.close()

    def _file(self, path: Path) -> IO[str]:
        if path not in self._open:
            self._open[path] = path.open(encoding="utf-8", errors="replace")
        return self._open[path]


def _is_alive(host: ProcessIdentity | None) -> bool:
    return host is not None and host.find() is not None


def _with_prefix(name: str, line: str, width: int) -> Text:
    # Escape sequences in the output of processes are styles on a terminal and are removed in a pipe.
    text = Text.from_ansi(line)
    return Text.assemble((f"{name:<{width}} | ", "dim"), text) if width else text


def _as_data(name: str, path: Path, lines: int) -> dict[str, Any]:
    return {"process": name, "path": str(path), "bytes": path.stat().st_size, "lines": tail(path, lines)}


def _show_names(paths: dict[str, Path], screen: Screen) -> None:
    found = [{"process": name, "path": str(path), "bytes": path.stat().st_size} for name, path in paths.items()]
    screen.write_json({"logs": found})
    rows = [(str(log["process"]), f"{log['bytes']:,}", str(log["path"])) for log in found]
    screen.show(table("process", "bytes", "log", rows=rows, right=["bytes"]))
