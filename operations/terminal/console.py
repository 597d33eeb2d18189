"""Output of results and errors: text and tables for people, one JSON object for programs."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from operations.terminal.command_errors import CommandError

# Piped output goes to programs and files, which have no width to fit into.
PIPE_WIDTH = 10_000


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    # COLUMNS and FORCE_COLOR in the environment are meant for terminals; colour codes in a pipe would be read as text.
    is_piped = not stream.isatty()
    return Console(
        stderr=stderr,
        width=PIPE_WIDTH if is_piped else None,
        force_terminal=False if is_piped else None,
        highlight=False,
        emoji=False,
        soft_wrap=False,
    )


class Screen:
    """The output of one command. With `as_json`, stdout receives exactly one JSON object and nothing else is written."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out, self.err = _console(stderr=False), _console(stderr=True)

    @property
    def is_terminal(self) -> bool:
        """Return whether stdout is a terminal and JSON mode is off."""
        return self.out.is_terminal and not self.as_json

    def show(self, *renderables: RenderableType) -> None:
        """Print results to stdout; silent in JSON mode. Strings are printed without markup."""
        if self.as_json:
            return
        for renderable in renderables:
            text = Text(renderable) if isinstance(renderable, str) else renderable
            # A line of text is never wrapped: a token or an address must stay whole when it is copied.
            is_unwrapped = isinstance(text, Text)
            if self.is_terminal:
                self.out.print(text, soft_wrap=is_unwrapped)
                continue
            with self.out.capture() as captured:
                self.out.print(text, soft_wrap=is_unwrapped)
            # Rich pads the last column of a table with blanks, which are noise in piped output.
            sys.stdout.write("\n".join(line.rstrip() for line in captured.get().split("\n")))
            sys.stdout.flush()

    def note(self, line: str) -> None:
        """Print a progress message to stderr, so that captured stdout stays clean; silent in JSON mode."""
        if not self.as_json:
            self.err.print(Text(line), soft_wrap=True)

    def write_json(self, data: Mapping[str, Any]) -> None:
        """Write the JSON object of JSON mode; silent otherwise."""
        if self.as_json:
            sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False, default=str) + "\n")
            sys.stdout.flush()

    def show_error(self, error: CommandError) -> None:
        """Print an error: the object `{"error": {"message", "next"}}`, or two lines on stderr."""
        if self.as_json:
            self.write_json({"error": {"message": error.message, "next": error.next_step}})
            return
        self.err.print(Text.assemble(("platform: ", "bold red"), error.message), soft_wrap=True)
        if error.next_step:
            self.err.print(Text.assemble(("  next: ", "bold"), error.next_step), soft_wrap=True)


def table(*columns: str, rows: Sequence[Sequence[str | Text]], right: Sequence[str] = ()) -> Table:
    """Build a table without lines.

    Args:
        columns: The column headers.
        rows: The cells of each row.
        right: The headers of right-aligned columns.
    """
    built = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for column in columns:
        built.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        built.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return built


def key_value_table(pairs: Mapping[str, str]) -> Table:
    """Build a table of names and values."""
    built = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    built.add_column(style="bold", no_wrap=True)
    built.add_column(overflow="fold")
    for name, value in pairs.items():
        built.add_row(Text(name), Text(value))
    return built
